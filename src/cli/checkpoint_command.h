/// `sluice checkpoint show`: what a checkpoint holds.
#pragma once

#include "cli/command.h"

namespace sluice {

void AddCheckpointCommand(CLI::App& app, CommandContext& context);

}  // namespace sluice
