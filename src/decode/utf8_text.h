/// UTF-8 as decoders check it.
#pragma once

#include <cstdint>
#include <string_view>

namespace sluice {

/// Where the first byte is that does not belong to valid UTF-8; the text's size if all is valid.
std::int64_t FindInvalidUtf8(std::string_view text);

/// Whether the text is valid UTF-8. Fast where it is ASCII.
bool IsUtf8(std::string_view text);

}  // namespace sluice
