/// `sluice check`: validates a job and prints its plan.
#pragma once

#include "cli/command.h"

namespace sluice {

void AddCheckCommand(CLI::App& app, CommandContext& context);

}  // namespace sluice
