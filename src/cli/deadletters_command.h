/// `sluice deadletters`: counts dead letters by what they have in common.
#pragma once

#include "cli/command.h"

namespace sluice {

void AddDeadLettersCommand(CLI::App& app, CommandContext& context);

}  // namespace sluice
