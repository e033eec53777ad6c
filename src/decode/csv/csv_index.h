/// Stage 1 of reading CSV: where a separator, quote, escaper or line end may be.
///
/// Finds them 64 bytes at a time, whatever they mean where they stand; that is for CsvCursor to
/// say. The implementation is chosen at run time, so that one binary is fast on every x86-64.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sluice {

/// What to look for beside CR and LF. What a dialect does not have repeats the separator.
struct CsvSpecials {
  char separator;
  char quote;
  char escaper;
};

struct CsvMarks {
  std::size_t count;
  bool unclean;  ///< There is a byte that is not ASCII, or a NUL.
};

/// The index may write this many entries more than there are marks.
inline constexpr std::size_t kCsvIndexSlack = 64;

/// Writes the offsets of all special bytes to `out`, ascending, and behind them `size`. REQUIRES:
/// room for size + kCsvIndexSlack entries. Reads nothing beyond `size`.
using CsvIndexer = CsvMarks (*)(const char* data, std::size_t size, CsvSpecials specials,
                                std::uint32_t* out);

struct CsvIndexerEntry {
  const char* name;
  CsvIndexer index;
};

/// Those this machine can run, the fastest first.
const std::vector<CsvIndexerEntry>& CsvIndexers();

}  // namespace sluice
