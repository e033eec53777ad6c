/// Glue's `jsonPath` for JSON: where in a message its records are.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace sluice {

struct JsonPath {
  std::vector<std::string> keys;
  bool to_items = false;  ///< Ends in [*].
};

/// `$`, then `.name` or `['name']` any number of times, then perhaps `[*]`. Anything else of
/// JSONPath is a user error that says so.
Result<JsonPath> ParseJsonPath(std::string_view text);

}  // namespace sluice
