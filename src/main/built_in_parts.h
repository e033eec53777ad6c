/// The built-in sources, formats, sinks and file formats. A new one is one line in
/// built_in_parts.cc.
#pragma once

#include "job/parts.h"

namespace sluice {

/// Made at the first call, kept until the process ends. Any thread.
const Parts& BuiltInParts();

}  // namespace sluice
