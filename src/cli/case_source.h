/// The files source as pipeline cases need it: with tombstones, and with every range delivered
/// twice.
#pragma once

#include "job/parts.h"

namespace sluice {

/// Files of this name's end hold no record but a tombstone, which a file cannot be by itself.
inline constexpr char kTombstoneEnd[] = ".null";

/// `parts` with a files source for pipeline cases, which read whole files. With `twice` it delivers
/// every range again, at once in the same batch and once more before the next one, as a source does
/// whose reply was repeated: the engine has to drop it. `parts` must outlive the result.
Parts PartsForCases(const Parts& parts, bool twice);

}  // namespace sluice
