/// Writing to a descriptor that others look at, such as standard output.
#pragma once

#include <string_view>

#include "core/result.h"

namespace sluice {

/// An error if nothing can be written there, or nobody reads it any more.
Result<void> ProbeOutput(int output);

/// Writes all of it, waiting for a slow reader. If log lines go to the same terminal or pipe, none
/// is written in between. After an error some of it may have been written.
Result<void> WriteOutput(int output, std::string_view text);

}  // namespace sluice
