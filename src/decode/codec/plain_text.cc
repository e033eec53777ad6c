#include "decode/codec/plain_text.h"

#include <arrow/util/utf8.h>

#include <cstddef>
#include <cstdint>

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

namespace sluice {
namespace {

bool IsControl(unsigned char c) {
  return (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f;
}

bool IsUtf8(std::string_view bytes) {
  static const bool ready = (arrow::util::InitializeUTF8(), true);
  (void)ready;
  return arrow::util::ValidateUTF8(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                   static_cast<std::int64_t>(bytes.size()));
}

}  // namespace

bool LooksLikeText(std::string_view bytes) {
  bool ascii = true;
  std::size_t at = 0;
#if defined(__x86_64__)
  for (; at + 16 <= bytes.size(); at += 16) {
    const __m128i chunk = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes.data() + at));
    // Signed: bytes from 0x80 on are below the space too.
    const __m128i low = _mm_cmplt_epi8(chunk, _mm_set1_epi8(0x20));
    const __m128i del = _mm_cmpeq_epi8(chunk, _mm_set1_epi8(0x7f));
    if (_mm_movemask_epi8(_mm_or_si128(low, del)) == 0) continue;
    for (std::size_t i = at; i < at + 16; ++i) {
      const auto c = static_cast<unsigned char>(bytes[i]);
      if (IsControl(c)) return false;
      ascii = ascii && c < 0x80;
    }
  }
#endif
  for (; at < bytes.size(); ++at) {
    const auto c = static_cast<unsigned char>(bytes[at]);
    if (IsControl(c)) return false;
    ascii = ascii && c < 0x80;
  }
  return ascii || IsUtf8(bytes);
}

}  // namespace sluice
