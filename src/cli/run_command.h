/// `sluice run`: runs a job until a signal, its timeout, or the end of what there is.
#pragma once

#include "cli/command.h"

namespace sluice {

void AddRunCommand(CLI::App& app, CommandContext& context);

}  // namespace sluice
