/// Whether bytes are text: how CSV and Grok tell a plain record from one compressed without a magic
/// number.
#pragma once

#include <cstddef>
#include <string_view>

namespace sluice {

/// Of longer bytes only so many at the beginning are looked at: what is compressed gives itself
/// away within a few, and the decoder reads them all anyway.
inline constexpr std::size_t kLooksAt = 64;

/// Valid UTF-8, and no control characters but tab, line feed and carriage return.
bool LooksLikeText(std::string_view bytes);

}  // namespace sluice
