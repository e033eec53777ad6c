/// Text to values: the one set of rules that every format uses. docs/conversions.md is their table.
///
/// Each function reads the whole text or fails; on failure `*out` is untouched. They are pure,
/// allocate nothing and may be called from any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice {

enum class Conversion {
  kOk,
  kFormat,    ///< The text does not have the type's form.
  kOverflow,  ///< It has, but the type cannot hold the value.
};

/// GCC and Clang have it on every 64-bit machine; it is no ISO type.
__extension__ typedef __int128 Decimal128Value;

/// What an integer means where a timestamp is wanted. Spark reads seconds.
enum class EpochUnit { kSeconds, kMillis, kMicros, kNanos };

/// Whether a timestamp's text may, or must not, name its zone.
enum class ZonePolicy {
  kOptional,   ///< `timestamp`: without a zone it is UTC.
  kForbidden,  ///< `timestamp_ntz`
};

/// Microseconds since 1970. `YYYY-MM-DD`, then optionally `T` or a space and `hh:mm[:ss[.f...]]`
/// and `Z`, `UTC`, `GMT`, `+hh`, `+hhmm` or `+hh:mm` (or `-`). Month, day and hour may have one
/// digit. Of the fraction six digits are kept, the rest is cut off. Years 0001 to 9999; no
/// second 60.
Conversion ParseTimestamp(std::string_view text, ZonePolicy zone, std::int64_t* out);

/// Days since 1970. A date, or a timestamp in one of the forms above, of which the date is taken as
/// it is written.
Conversion ParseDate(std::string_view text, std::int32_t* out);

/// Microseconds since 1970; nanoseconds are cut off towards the past. Years 0001 to 9999.
Conversion EpochToMicros(std::int64_t value, EpochUnit unit, std::int64_t* out);

/// A decimal number, `[-+]digits[.digits][e[-+]digits]`, as an integer times 10^-scale. Exact:
/// never by way of a double. Digits beyond `scale` are rounded half up (away from zero), as Spark
/// does.
Conversion ParseDecimal(std::string_view text, int precision, int scale, Decimal128Value* out);

/// `[-+]digits`, nothing else.
Conversion ParseInteger(std::string_view text, std::int64_t* out);

/// `true` or `false`, in any case.
Conversion ParseBoolean(std::string_view text, bool* out);

/// The number `text` as the nearest double or float; beyond the type's range is kOverflow, below
/// its smallest value gives zero.
Conversion ParseDouble(std::string_view text, double* out);
Conversion ParseFloat(std::string_view text, float* out);
/// digits * 10^exponent where the digits and the power of ten are both exact doubles, so that one
/// correctly rounded operation gives the nearest (W. Clinger, "How to read floating point numbers
/// accurately", 1990). False: it is not so, take ParseDouble.
inline bool ExactDouble(std::uint64_t digits, std::int64_t exponent, double* out) {
  static constexpr std::array<double, 23> kPowers = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                     1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                     1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  if (digits > (std::uint64_t{1} << 53)) return false;
  const auto value = static_cast<double>(digits);
  if (exponent < 0) {
    if (exponent < -22) return false;
    *out = value / kPowers[static_cast<std::size_t>(-exponent)];
  } else {
    if (exponent > 22) return false;
    *out = value * kPowers[static_cast<std::size_t>(exponent)];
  }
  return true;
}
/// "NaN", and "Infinity", "INF" or "Inf" with or without a sign: the words that Spark's readers
/// take.
Conversion ParseSpecialDouble(std::string_view text, double* out);

/// The text without the spaces and tabs at its ends.
std::string_view TrimBlanks(std::string_view text);

/// An upper bound of what DecodeBase64 writes.
inline std::size_t Base64Bound(std::size_t text_size) { return text_size / 4 * 3 + 3; }
/// RFC 4648 section 4, padded, nothing else. Writes to `out` and sets `*written`.
Conversion DecodeBase64(std::string_view text, char* out, std::size_t* written);

}  // namespace sluice
