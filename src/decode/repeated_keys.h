/// Maps whose keys repeat: of several entries with one key the last counts, in every format.
#pragma once

#include <cstdint>
#include <vector>

#include "decode/column_builder.h"

namespace sluice {

/// Which of the keys from `from` on come again later; empty if none does. `scratch` is used again
/// from call to call, so that keys that all differ cost no allocation. REQUIRES: `keys` is kString.
std::vector<bool> FindRepeatedKeys(const ColumnBuilder& keys, std::int32_t from,
                                   std::vector<std::int32_t>* scratch);

}  // namespace sluice
