/// Copying short texts, which is most of what decoders write.
#pragma once

#include <cstddef>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace sluice {

/// What CopyBytes may write behind the bytes it copies.
inline constexpr std::size_t kCopySlack = 16;

/// Copies `size` bytes to a place with room for kCopySlack more; whole blocks of 16 where they can
/// be read before `readable_end`, which saves the call that a variable size costs.
inline void CopyBytes(char* to, const char* from, std::size_t size, const char* readable_end) {
#ifdef __SSE2__
  // At least one block is copied, also of nothing.
  const std::size_t blocks = ((size | 1) + 15) & ~std::size_t{15};
  if (__builtin_expect(static_cast<std::size_t>(readable_end - from) >= blocks, 1)) {
    std::size_t done = 0;
    do {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to + done),
                       _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + done)));
      done += 16;
    } while (done < size);
    return;
  }
#else
  static_cast<void>(readable_end);
#endif
  std::memcpy(to, from, size);
}

}  // namespace sluice
