/// `sluice demo`: the main job with nothing else running, from a broker in this process to Parquet.
#pragma once

#include <cstdint>
#include <string>

#include "cli/command.h"

namespace sluice {

struct DemoOptions {
  std::int64_t records = 1'000'000;
  std::string keep;  ///< Folder for job, table and checkpoint; empty = a temporary one, removed.
};

/// Exit code 0 if every event of the generator is in the table exactly once, 1 if not.
Result<int> Demo(CommandContext& context, const DemoOptions& options);

void AddDemoCommand(CLI::App& app, CommandContext& context);

}  // namespace sluice
