/// A schema made ready for reading JSON: columns with the keys that lead to them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "decode/column_builder.h"

namespace sluice {

/// Finds the field for a key. The key that followed last time is tried first, by comparing the raw
/// bytes with one or two 8-byte loads; only then comes the hash table. What it remembers for that
/// changes its speed, never its answers.
class JsonKeys {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  explicit JsonKeys(const std::vector<std::string>& names);

  /// Whether the key whose content begins at `p` is, byte for byte, the one expected after field
  /// `previous` (kNone: at the start). `end` is the end of the readable input. Returns it, or
  /// kNone.
  std::uint32_t MatchExpected(std::uint32_t previous, const char* p, const char* end) const {
    const std::uint32_t expected = after_[previous + 1];
    const Raw& raw = raw_[expected];
    if (__builtin_expect(end - p < 16, 0)) return MatchNearEnd(expected, p, end);
    std::uint64_t low;
    std::uint64_t high;
    std::memcpy(&low, p, 8);
    std::memcpy(&high, p + 8, 8);
    if ((((low ^ raw.low) & raw.low_mask) | ((high ^ raw.high) & raw.high_mask)) != 0) return kNone;
    if (__builtin_expect(raw.size > 16, 0)) return MatchNearEnd(expected, p, end);
    return expected;
  }

  /// The field with this name, or kNone. Remembers that it followed `previous`.
  std::uint32_t Find(std::uint32_t previous, std::string_view name);

 private:
  /// The name and its closing quote: the first 16 bytes and which of them count.
  struct Raw {
    std::uint64_t low = 0;
    std::uint64_t low_mask = 0;
    std::uint64_t high = 0;
    std::uint64_t high_mask = 0;
    std::size_t size = 0;
  };
  std::uint32_t MatchNearEnd(std::uint32_t expected, const char* p, const char* end) const;
  static void MatchNothing(Raw* raw);
  static std::size_t Hash(std::string_view name);

  std::vector<std::string> quoted_;   ///< Names with the closing quote.
  std::vector<Raw> raw_;              ///< One more than names: the last matches nothing.
  std::vector<std::uint32_t> after_;  ///< [i + 1]: the field expected after field i.
  std::vector<std::uint32_t> table_;  ///< Open addressing; kNone is free.
  std::size_t longest_ = 0;
};

struct JsonField {
  /// The last `hidden` children of the column are not read from messages.
  explicit JsonField(ColumnBuilder* column, std::size_t hidden = 0);
  /// Sets `parent` in all that is below. The field stays where it is from then on.
  void LinkChildren();

  ColumnBuilder* column;
  ColumnKind kind;
  bool nullable;
  int precision = 0;  ///< kDecimal
  int scale = 0;
  std::vector<JsonField> children;  ///< As the column's.
  const JsonField* parent = nullptr;
  JsonKeys keys;  ///< kStruct: of the children.
};

}  // namespace sluice
