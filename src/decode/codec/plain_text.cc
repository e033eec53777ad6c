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
  if (bytes.size() > kLooksAt) {
    bytes = bytes.substr(0, kLooksAt);
    // Not within a character; more than three such bytes are no UTF-8 wherever it is cut.
    for (int i = 0; i < 3 && (static_cast<unsigned char>(bytes.back()) & 0xc0) == 0x80; ++i) {
      bytes.remove_suffix(1);
    }
    if ((static_cast<unsigned char>(bytes.back()) & 0xc0) == 0xc0) bytes.remove_suffix(1);
  }
  bool ascii = true;
  std::size_t at = 0;
#if defined(__x86_64__)
  constexpr std::size_t kStep = 16;
  const auto load = [&](std::size_t from) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes.data() + from));
  };
  // Not plain ASCII without line ends and tabs, which nearly all bytes of a text are. Signed: bytes
  // from 0x80 on are below the space too.
  const auto odd = [](__m128i chunk) {
    return _mm_or_si128(_mm_cmplt_epi8(chunk, _mm_set1_epi8(0x20)),
                        _mm_cmpeq_epi8(chunk, _mm_set1_epi8(0x7f)));
  };
  const auto is_text = [&](__m128i chunk) {
    const __m128i blank = _mm_or_si128(_mm_cmpeq_epi8(chunk, _mm_set1_epi8('\t')),
                                       _mm_or_si128(_mm_cmpeq_epi8(chunk, _mm_set1_epi8('\n')),
                                                    _mm_cmpeq_epi8(chunk, _mm_set1_epi8('\r'))));
    const int high = _mm_movemask_epi8(chunk);
    ascii = ascii && high == 0;
    return (_mm_movemask_epi8(_mm_andnot_si128(blank, odd(chunk))) & ~high) == 0;
  };
  for (; bytes.size() - at >= 4 * kStep; at += 4 * kStep) {
    const __m128i chunks[] = {load(at), load(at + kStep), load(at + 2 * kStep),
                              load(at + 3 * kStep)};
    const __m128i any = _mm_or_si128(_mm_or_si128(odd(chunks[0]), odd(chunks[1])),
                                     _mm_or_si128(odd(chunks[2]), odd(chunks[3])));
    if (_mm_movemask_epi8(any) == 0) continue;
    for (const __m128i chunk : chunks) {
      if (!is_text(chunk)) return false;
    }
  }
  for (; bytes.size() - at >= kStep; at += kStep) {
    if (!is_text(load(at))) return false;
  }
  if (at < bytes.size() && bytes.size() >= kStep) {
    // The last step is a whole one, part of which has been seen.
    if (!is_text(load(bytes.size() - kStep))) return false;
    at = bytes.size();
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
