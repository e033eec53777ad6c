/// `sluice detect`: what columns the records of a job's sources show.
#pragma once

#include "cli/command.h"

namespace sluice {

void AddDetectCommand(CLI::App& app, CommandContext& context);

}  // namespace sluice
