/// `sluice completion`: scripts that complete commands and options in a shell.
#pragma once

#include "cli/command.h"

namespace sluice {

void AddCompletionCommand(CLI::App& app, CommandContext& context);

}  // namespace sluice
