/// The grammar of JSON's scalars (RFC 8259), byte by byte: numbers, literals and string escapes.
///
/// The scanners read on until a byte that cannot belong to the token and rely on one coming:
/// callers make sure that a bracket or a space follows (json_reader.h).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice {

/// Bytes that may follow a number or a literal: white space and structure. (A `{` or `[` there is
/// an error too, but one that the walk finds.)
inline constexpr std::array<bool, 256> kJsonTerminators = [] {
  std::array<bool, 256> table{};
  for (char c : {' ', '\t', '\n', '\r', ',', ':', '{', '}', '[', ']'}) {
    table[static_cast<unsigned char>(c)] = true;
  }
  return table;
}();

inline bool IsJsonTerminator(char c) { return kJsonTerminators[static_cast<unsigned char>(c)]; }
inline bool IsJsonSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/// A number as written: mantissa times 10^exponent.
struct JsonNumber {
  const char* begin;
  const char* end;         ///< Behind its last byte.
  std::uint64_t mantissa;  ///< Modulo 2^64: right only if digits <= 19.
  std::int64_t digits;     ///< Written digits of the mantissa, leading zeros included.
  std::int64_t exponent;   ///< Saturated far beyond any type's range.
  bool negative;
  bool integral;  ///< Neither a fraction nor an exponent.

  std::string_view text() const { return {begin, static_cast<std::size_t>(end - begin)}; }
};

/// REQUIRES: *p is a digit or '-'. False: no valid number; out->end is where it went wrong.
[[gnu::always_inline]] inline bool ScanJsonNumber(const char* p, JsonNumber* out) {
  auto digit = [](const char* at) {
    return static_cast<unsigned>(static_cast<unsigned char>(*at)) - '0';
  };
  out->begin = p;
  out->negative = *p == '-';
  p += out->negative;
  const char* first = p;
  std::uint64_t mantissa = 0;
  unsigned d = digit(p);
  if (d > 9) {
    out->end = p;
    return false;
  }
  if (d == 0) {
    ++p;  // No digit may follow; the terminator check sees to that.
  } else {
    do {
      mantissa = mantissa * 10 + d;
      d = digit(++p);
    } while (d <= 9);
  }
  out->digits = p - first;
  out->exponent = 0;
  out->integral = true;
  if (*p == '.') {
    const char* fraction = ++p;
    while ((d = digit(p)) <= 9) {
      mantissa = mantissa * 10 + d;
      ++p;
    }
    out->end = p;
    if (p == fraction) return false;
    out->digits += p - fraction;
    out->exponent = fraction - p;
    out->integral = false;
  }
  if ((*p | 0x20) == 'e') {
    ++p;
    bool minus = *p == '-';
    if (*p == '-' || *p == '+') ++p;
    out->end = p;
    if (digit(p) > 9) return false;
    std::int64_t exponent = 0;
    while ((d = digit(p)) <= 9) {
      if (exponent < 1'000'000'000) exponent = exponent * 10 + d;
      ++p;
    }
    out->exponent += minus ? -exponent : exponent;
    out->integral = false;
  }
  out->mantissa = mantissa;
  out->end = p;
  return IsJsonTerminator(*p);
}

/// The integer, if it has neither fraction nor exponent and fits into 64 bits.
inline bool ToInt64(const JsonNumber& number, std::int64_t* out) {
  constexpr std::uint64_t kMost = 0x7fff'ffff'ffff'ffff;
  if (!number.integral || number.digits > 19) return false;
  if (number.mantissa > kMost + (number.negative ? 1 : 0)) return false;
  *out = static_cast<std::int64_t>(number.negative ? 0 - number.mantissa : number.mantissa);
  return true;
}

/// Writes the string's content [begin, end) with its escapes undone to `out`, which has room for
/// end - begin bytes, and returns how much that is. nullptr in `out` only checks. On failure
/// returns kBadEscape with `*where` at the backslash: an unknown escape, bad hex digits, or half of
/// a surrogate pair (which no UTF-8 can hold).
inline constexpr std::size_t kBadEscape = static_cast<std::size_t>(-1);
std::size_t UnescapeJson(const char* begin, const char* end, char* out, const char** where);

/// What a value's first byte announces, for messages: "a number".
const char* DescribeJson(char first);

}  // namespace sluice
