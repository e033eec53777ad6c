/// `sluice checkpoint gc`: what a job's attempts left staged, listed and removed.
#pragma once

#include <string>

#include "cli/command.h"
#include "core/result.h"

namespace sluice {

struct GarbageArgs {
  std::string job;
  std::string checkpoint_id;  ///< Of another checkpoint; "": none.
  bool dry_run = false;
  bool json = false;
};

/// Prints the list. Without `dry_run` it becomes the writer of the log first, as `run` does.
Result<int> CollectGarbage(CommandContext& context, const GarbageArgs& args);

}  // namespace sluice
