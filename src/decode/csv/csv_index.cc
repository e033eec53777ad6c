#include "decode/csv/csv_index.h"

#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace sluice {
namespace {

/// What one block of 64 bytes holds.
struct Block {
  std::uint64_t marks;    ///< Bit i: byte i is special.
  std::uint64_t unclean;  ///< Not 0: a byte that is not ASCII, or a NUL.
};

/// Appends the marks' offsets. Most blocks have fewer than eight, which then cost no branch each.
[[gnu::always_inline]] inline std::uint32_t* Append(std::uint64_t marks, std::size_t base,
                                                    std::uint32_t* out) {
  if (marks == 0) return out;
  const int count = std::popcount(marks);
  std::uint32_t* write = out;
  do {
    for (int i = 0; i < 8; ++i) {
      // Without a bit left this writes rubbish into the slack.
      write[i] =
          static_cast<std::uint32_t>(base) + static_cast<std::uint32_t>(std::countr_zero(marks));
      marks &= marks - 1;
    }
    write += 8;
  } while (marks != 0);
  return out + count;
}

/// Eight bytes at a time, for machines without another form below.
struct PlainBlocks {
  explicit PlainBlocks(CsvSpecials specials) : s(specials) {}
  static std::uint64_t Fill(char c) {
    return 0x0101'0101'0101'0101ULL * static_cast<unsigned char>(c);
  }
  /// The top bit of each byte that equals c. Exact: no carry goes from one byte to the next.
  static std::uint64_t Equal(std::uint64_t word, char c) {
    constexpr std::uint64_t kLow = 0x7f7f'7f7f'7f7f'7f7fULL;
    const std::uint64_t rest = word ^ Fill(c);
    return ~(((rest & kLow) + kLow) | rest | kLow);
  }
  Block Read(const char* p) const {
    Block block{0, 0};
    for (int i = 0; i < 8; ++i) {
      std::uint64_t word;
      std::memcpy(&word, p + 8 * i, 8);
      const std::uint64_t found = Equal(word, s.separator) | Equal(word, s.quote) |
                                  Equal(word, s.escaper) | Equal(word, '\n') | Equal(word, '\r');
      // Gathers the eight top bits into one byte.
      block.marks |= ((found >> 7) * 0x0102'0408'1020'4080ULL >> 56) << (8 * i);
      block.unclean |= (word & 0x8080'8080'8080'8080ULL) | Equal(word, '\0');
    }
    return block;
  }
  CsvSpecials s;
};
static_assert(std::endian::native == std::endian::little, "PlainBlocks reads little-endian");

/// The part of the input behind the last whole block.
struct Tail {
  char bytes[64];
  int shift;           ///< Marks of bytes that were seen before: to be shifted out.
  std::uint64_t mask;  ///< Bytes that exist.
};

/// Reads the last block again so that it ends where the input does, or a copy of an input that is
/// shorter than a block.
[[gnu::always_inline]] inline const char* Last(const char* data, std::size_t size, std::size_t done,
                                               char filler, Tail* tail) {
  const std::size_t rest = size - done;
  if (size >= 64) {
    tail->shift = static_cast<int>(64 - rest);
    tail->mask = ~std::uint64_t{0};
    return data + size - 64;
  }
  std::memset(tail->bytes, filler, 64);
  std::memcpy(tail->bytes, data, size);
  tail->shift = 0;
  tail->mask = (std::uint64_t{1} << rest) - 1;
  return tail->bytes;
}

/// The loop that all forms share. Inlined into each, so that it is compiled for the same machine.
template <typename Blocks>
[[gnu::always_inline]] inline CsvMarks IndexBlocks(const Blocks& blocks, const char* data,
                                                   std::size_t size, char filler,
                                                   std::uint32_t* out) {
  std::uint32_t* write = out;
  std::uint64_t unclean = 0;
  std::size_t done = 0;
  for (; done + 64 <= size; done += 64) {
    const Block block = blocks.Read(data + done);
    write = Append(block.marks, done, write);
    unclean |= block.unclean;
  }
  if (done < size) {
    Tail tail;
    const Block block = blocks.Read(Last(data, size, done, filler, &tail));
    write = Append((block.marks & tail.mask) >> tail.shift, done, write);
    unclean |= block.unclean;
  }
  *write = static_cast<std::uint32_t>(size);
  return {static_cast<std::size_t>(write - out), unclean != 0};
}

CsvMarks IndexPlain(const char* data, std::size_t size, CsvSpecials specials, std::uint32_t* out) {
  return IndexBlocks(PlainBlocks(specials), data, size, specials.separator, out);
}

#if defined(__x86_64__)

/// Part of every x86-64.
struct Sse2Blocks {
  explicit Sse2Blocks(CsvSpecials specials)
      : separator(_mm_set1_epi8(specials.separator)),
        quote(_mm_set1_epi8(specials.quote)),
        escaper(_mm_set1_epi8(specials.escaper)) {}
  Block Read(const char* p) const {
    Block block{0, 0};
    __m128i unclean = _mm_setzero_si128();
    for (int i = 0; i < 4; ++i) {
      const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 16 * i));
      const __m128i found = _mm_or_si128(
          _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, separator), _mm_cmpeq_epi8(v, quote)),
                       _mm_cmpeq_epi8(v, escaper)),
          _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('\n')),
                       _mm_cmpeq_epi8(v, _mm_set1_epi8('\r'))));
      block.marks |= std::uint64_t{static_cast<std::uint32_t>(_mm_movemask_epi8(found))}
                     << (16 * i);
      unclean = _mm_or_si128(unclean, _mm_or_si128(v, _mm_cmpeq_epi8(v, _mm_setzero_si128())));
    }
    block.unclean = static_cast<std::uint64_t>(_mm_movemask_epi8(unclean));
    return block;
  }
  __m128i separator;
  __m128i quote;
  __m128i escaper;
};

CsvMarks IndexSse2(const char* data, std::size_t size, CsvSpecials specials, std::uint32_t* out) {
  return IndexBlocks(Sse2Blocks(specials), data, size, specials.separator, out);
}

#define SLUICE_AVX2 [[gnu::target("avx2,bmi,popcnt")]]

struct Avx2Blocks {
  SLUICE_AVX2 explicit Avx2Blocks(CsvSpecials specials)
      : separator(_mm256_set1_epi8(specials.separator)),
        quote(_mm256_set1_epi8(specials.quote)),
        escaper(_mm256_set1_epi8(specials.escaper)) {}
  SLUICE_AVX2 std::uint64_t Marks(__m256i v) const {
    const __m256i found = _mm256_or_si256(
        _mm256_or_si256(
            _mm256_or_si256(_mm256_cmpeq_epi8(v, separator), _mm256_cmpeq_epi8(v, quote)),
            _mm256_cmpeq_epi8(v, escaper)),
        _mm256_or_si256(_mm256_cmpeq_epi8(v, _mm256_set1_epi8('\n')),
                        _mm256_cmpeq_epi8(v, _mm256_set1_epi8('\r'))));
    return static_cast<std::uint32_t>(_mm256_movemask_epi8(found));
  }
  SLUICE_AVX2 Block Read(const char* p) const {
    const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    const __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + 32));
    // The unsigned minimum is 0 where either is.
    const __m256i nul = _mm256_cmpeq_epi8(_mm256_min_epu8(low, high), _mm256_setzero_si256());
    const __m256i unclean = _mm256_or_si256(_mm256_or_si256(low, high), nul);
    return {Marks(low) | Marks(high) << 32,
            static_cast<std::uint64_t>(_mm256_movemask_epi8(unclean))};
  }
  __m256i separator;
  __m256i quote;
  __m256i escaper;
};

SLUICE_AVX2 CsvMarks IndexAvx2(const char* data, std::size_t size, CsvSpecials specials,
                               std::uint32_t* out) {
  return IndexBlocks(Avx2Blocks(specials), data, size, specials.separator, out);
}

#endif

}  // namespace

const std::vector<CsvIndexerEntry>& CsvIndexers() {
  static const std::vector<CsvIndexerEntry> indexers = [] {
    std::vector<CsvIndexerEntry> found;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
        __builtin_cpu_supports("popcnt")) {
      found.push_back({"avx2", IndexAvx2});
    }
    found.push_back({"sse2", IndexSse2});
#endif
    found.push_back({"plain", IndexPlain});
    return found;
  }();
  return indexers;
}

}  // namespace sluice
