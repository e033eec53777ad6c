/// `sluice describe`: sources, formats and sinks with their options, from their declarations.
#pragma once

#include "cli/command.h"

namespace sluice {

void AddDescribeCommand(CLI::App& app, CommandContext& context);

}  // namespace sluice
