/// `sluice replay`: runs dead letters through a job again.
#pragma once

#include "cli/command.h"

namespace sluice {

void AddReplayCommand(CLI::App& app, CommandContext& context);

}  // namespace sluice
