/// `sluice preview`: decodes and transforms live records, prints them, commits nothing.
#pragma once

#include "cli/command.h"

namespace sluice {

void AddPreviewCommand(CLI::App& app, CommandContext& context);

}  // namespace sluice
