/// `sluice version`.
#pragma once

#include "cli/command.h"

namespace sluice {

void AddVersionCommand(CLI::App& app, CommandContext& context);

}  // namespace sluice
