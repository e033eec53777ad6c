/// `sluice schema`: the columns that a job has learned; shows, compares, pins them.
#pragma once

#include "cli/command.h"

namespace sluice {

void AddSchemaCommand(CLI::App& app, CommandContext& context);

}  // namespace sluice
