/// Whether bytes are text: how CSV and Grok tell a plain record from one compressed without a magic
/// number.
#pragma once

#include <string_view>

namespace sluice {

/// Valid UTF-8, and no control characters but tab, line feed and carriage return. Looks at every
/// byte, sixteen at a time.
bool LooksLikeText(std::string_view bytes);

}  // namespace sluice
