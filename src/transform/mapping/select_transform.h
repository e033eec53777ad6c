/// A step that only picks, renames and reorders columns. It touches no value.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "transform/transform.h"

namespace sluice {

/// Column i of the result is the input's column `columns[i]`, called `names[i]`.
std::shared_ptr<Transform> MakeSelectTransform(InputSchema input, std::vector<int> columns,
                                               const std::vector<std::string>& names);

}  // namespace sluice
