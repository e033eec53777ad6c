#include "decode/utf8_text.h"

#include <arrow/util/utf8.h>

#include <cstddef>

namespace sluice {

bool IsUtf8(std::string_view text) {
  static const bool ready = [] {
    arrow::util::InitializeUTF8();
    return true;
  }();
  static_cast<void>(ready);
  return arrow::util::ValidateUTF8(text);
}

std::int64_t FindInvalidUtf8(std::string_view text) {
  // The longest valid prefix, by bisection: validity of prefixes that end between characters is
  // monotonic, so each probe is moved back to the start of a character.
  std::size_t good = 0;
  std::size_t bad = text.size();
  while (bad - good > 64) {
    std::size_t middle = good + (bad - good) / 2;
    std::size_t probe = middle;
    while (probe > good && (static_cast<unsigned char>(text[probe]) & 0xc0) == 0x80) --probe;
    if (probe == good) break;
    if (IsUtf8(text.substr(good, probe - good))) {
      good = probe;
    } else {
      bad = probe;
    }
  }
  while (good < text.size()) {
    std::size_t length = 1;
    while (length < 4 && good + length < text.size() &&
           (static_cast<unsigned char>(text[good + length]) & 0xc0) == 0x80) {
      ++length;
    }
    if (!IsUtf8(text.substr(good, length))) break;
    good += length;
  }
  return static_cast<std::int64_t>(good);
}

}  // namespace sluice
