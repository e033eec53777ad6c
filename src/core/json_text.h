/// Text as JSON.
#pragma once

#include <string>
#include <string_view>

namespace sluice {

/// Appends `text` in quotes. Only quotes, backslashes and control characters are escaped.
void AppendJsonString(std::string_view text, std::string* out);

}  // namespace sluice
