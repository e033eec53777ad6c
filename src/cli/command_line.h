/// `sluice` as a whole: parses the command line and runs one command.
#pragma once

#include <ostream>

#include "job/parts.h"

namespace sluice {

/// The exit code: 0 done, 1 failed, 2 the user's mistake, 3 bad data, 4 another writer.
int RunCommandLine(int argc, const char* const* argv, const Parts& parts, std::ostream& out,
                   std::ostream& err);

}  // namespace sluice
