#include "decode/convert.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <system_error>

namespace sluice {
namespace {

__extension__ typedef unsigned __int128 Unsigned128;

constexpr std::int64_t kMicrosPerSecond = 1'000'000;
constexpr std::int64_t kSecondsPerDay = 86'400;
// 0001-01-01T00:00:00 and 10000-01-01T00:00:00, in seconds since 1970.
constexpr std::int64_t kFirstSecond = -62'135'596'800;
constexpr std::int64_t kEndSecond = 253'402'300'800;

/// Days since 1970-01-01 in the proleptic Gregorian calendar (H. Hinnant, chrono-Compatible
/// Low-Level Date Algorithms).
constexpr std::int32_t DaysFromCivil(int year, unsigned month, unsigned day) {
  year -= month <= 2;
  const int era = (year >= 0 ? year : year - 399) / 400;
  const unsigned year_of_era = static_cast<unsigned>(year - era * 400);
  const unsigned day_of_year = (153 * (month + (month > 2 ? -3U : 9U)) + 2) / 5 + day - 1;
  const unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + static_cast<std::int32_t>(day_of_era) - 719468;
}
static_assert(DaysFromCivil(1970, 1, 1) == 0);
static_assert(DaysFromCivil(1, 1, 1) * kSecondsPerDay == kFirstSecond);
static_assert(DaysFromCivil(10000, 1, 1) * kSecondsPerDay == kEndSecond);

unsigned DaysInMonth(int year, unsigned month) {
  constexpr std::array<unsigned char, 13> kDays = {0,  31, 28, 31, 30, 31, 30,
                                                   31, 31, 30, 31, 30, 31};
  if (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)) return 29;
  return kDays[month];
}

/// Reads from left to right; a read that fails changes nothing.
class TextCursor {
 public:
  explicit TextCursor(std::string_view text) : next_(text.data()), end_(next_ + text.size()) {}
  bool AtEnd() const { return next_ == end_; }
  bool Take(char c) {
    if (next_ == end_ || *next_ != c) return false;
    ++next_;
    return true;
  }
  bool TakeWord(std::string_view word) {
    if (static_cast<std::size_t>(end_ - next_) < word.size()) return false;
    if (std::string_view(next_, word.size()) != word) return false;
    next_ += word.size();
    return true;
  }
  /// Between `least` and `most` digits.
  bool TakeNumber(int least, int most, unsigned* out) {
    const char* p = next_;
    unsigned value = 0;
    while (p != end_ && p - next_ < most && static_cast<unsigned char>(*p - '0') < 10) {
      value = value * 10 + static_cast<unsigned>(*p++ - '0');
    }
    if (p - next_ < least) return false;
    next_ = p;
    *out = value;
    return true;
  }
  /// One or more digits, of which the first six become microseconds.
  bool TakeFraction(unsigned* micros) {
    const char* p = next_;
    unsigned value = 0;
    unsigned weight = 100'000;
    while (p != end_ && static_cast<unsigned char>(*p - '0') < 10) {
      value += static_cast<unsigned>(*p++ - '0') * weight;
      weight /= 10;
    }
    if (p == next_) return false;
    next_ = p;
    *micros = value;
    return true;
  }

 private:
  const char* next_;
  const char* end_;
};

struct CivilTime {
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  unsigned hour = 0;
  unsigned minute = 0;
  unsigned second = 0;
  unsigned micros = 0;
  int offset_seconds = 0;
  bool has_zone = false;
};

bool ReadZone(TextCursor* in, CivilTime* out) {
  if (in->AtEnd()) return true;
  out->has_zone = true;
  if (in->Take('Z')) return true;
  bool space = in->Take(' ');
  if (in->TakeWord("UTC") || in->TakeWord("GMT") || (space && in->Take('Z'))) return true;
  bool negative = in->Take('-');
  if (!negative && !in->Take('+')) return false;
  unsigned hours = 0;
  unsigned minutes = 0;
  if (!in->TakeNumber(1, 2, &hours)) return false;
  if (in->Take(':')) {
    if (!in->TakeNumber(2, 2, &minutes)) return false;
  } else if (!in->AtEnd() && !in->TakeNumber(2, 2, &minutes)) {
    return false;
  }
  // ISO 8601 as java.time has it: at most 18 hours from UTC.
  if (minutes > 59 || hours * 60 + minutes > 18 * 60) return false;
  out->offset_seconds = static_cast<int>(hours * 3600 + minutes * 60) * (negative ? -1 : 1);
  return true;
}

/// The general reader of every form; ParseTimestamp has a short cut for the commonest.
bool ReadCivil(std::string_view text, CivilTime* out) {
  TextCursor in(text);
  unsigned year = 0;
  if (!in.TakeNumber(4, 4, &year) || !in.Take('-') || !in.TakeNumber(1, 2, &out->month) ||
      !in.Take('-') || !in.TakeNumber(1, 2, &out->day)) {
    return false;
  }
  out->year = static_cast<int>(year);
  if (out->month < 1 || out->month > 12 || out->day < 1 ||
      out->day > DaysInMonth(out->year, out->month)) {
    return false;
  }
  if (in.AtEnd()) return true;
  if (!in.Take('T') && !in.Take(' ')) return false;
  if (!in.TakeNumber(1, 2, &out->hour) || !in.Take(':') || !in.TakeNumber(2, 2, &out->minute)) {
    return false;
  }
  if (in.Take(':')) {
    if (!in.TakeNumber(2, 2, &out->second)) return false;
    if ((in.Take('.') || in.Take(',')) && !in.TakeFraction(&out->micros)) return false;
  }
  if (out->hour > 23 || out->minute > 59 || out->second > 59) return false;
  return ReadZone(&in, out) && in.AtEnd();
}

/// Eight bytes of digits and separators, as in "0000-00-".
struct DigitPattern {
  explicit constexpr DigitPattern(const char (&text)[9]) {
    for (int i = 0; i < 8; ++i) {
      expected |= std::uint64_t{static_cast<unsigned char>(text[i])} << (8 * i);
      addend |= std::uint64_t{text[i] == '0' ? 0x76U : 0x7fU} << (8 * i);
    }
  }
  std::uint64_t expected = 0;
  /// Carries whatever is no digit (over 9), or not the separator (over 0), into its byte's top bit.
  std::uint64_t addend = 0;
};

/// Eight bytes at once: whether they have the pattern's form, and the value of each two
/// neighbouring digits in the byte of the first.
class DigitPairs {
 public:
  DigitPairs(const char* p, const DigitPattern& pattern) {
    std::uint64_t text;
    std::memcpy(&text, p, 8);
    const std::uint64_t rest = text ^ pattern.expected;
    valid_ = (((rest + pattern.addend) | rest) & 0x8080'8080'8080'8080ULL) == 0;
    pairs_ = rest * 10 + (rest >> 8);
  }
  bool valid() const { return valid_; }
  unsigned At(int first) const { return pairs_ >> (8 * first) & 0xff; }

 private:
  std::uint64_t pairs_;
  bool valid_;
};
static_assert(std::endian::native == std::endian::little, "DigitPairs reads little-endian");

/// `2026-11-23T05:45:24[.123[456]]Z`, which is what producers write. False: not that form.
bool ReadPlainUtc(std::string_view text, CivilTime* out) {
  const char* p = text.data();
  const std::size_t size = text.size();
  if ((size != 20 && size != 24 && size != 27) || p[size - 1] != 'Z') return false;
  static constexpr DigitPattern kYearMonth("0000-00-");
  static constexpr DigitPattern kDay("00T00:00");
  static constexpr DigitPattern kSpacedDay("00 00:00");
  static constexpr DigitPattern kTime("00:00:00");
  const DigitPairs date(p, kYearMonth);
  const DigitPairs day(p + 8, p[10] == ' ' ? kSpacedDay : kDay);
  const DigitPairs time(p + 11, kTime);
  if (!date.valid() || !day.valid() || !time.valid()) return false;
  if (size > 20) {
    if (p[19] != '.') return false;
    unsigned micros = 0;
    for (std::size_t i = 20; i < size - 1; ++i) {
      unsigned digit = static_cast<unsigned char>(p[i] - '0');
      if (digit > 9) return false;
      micros = micros * 10 + digit;
    }
    out->micros = size == 24 ? micros * 1000 : micros;
  }
  out->year = static_cast<int>(date.At(0) * 100 + date.At(2));
  out->month = date.At(5);
  out->day = day.At(0);
  out->hour = time.At(0);
  out->minute = time.At(3);
  out->second = time.At(6);
  out->has_zone = true;
  return out->month - 1 < 12 && out->day - 1 < DaysInMonth(out->year, out->month) &&
         out->hour < 24 && out->minute < 60 && out->second < 60;
}

/// A number's parts: 0.d1d2d3... times 10^point. `digits` counts those from the first non-zero on.
struct NumberText {
  bool negative = false;
  const char* begin = nullptr;  ///< Digits, perhaps with a '.' among them.
  const char* end = nullptr;
  std::int64_t point = 0;
};

bool SplitNumber(std::string_view text, NumberText* out) {
  const char* p = text.data();
  const char* end = p + text.size();
  if (p != end && (*p == '-' || *p == '+')) out->negative = *p++ == '-';
  const char* begin = p;
  const char* dot = nullptr;
  while (p != end && (static_cast<unsigned char>(*p - '0') < 10 || (*p == '.' && !dot))) {
    if (*p == '.') dot = p;
    ++p;
  }
  const char* stop = p;
  if (stop - begin - (dot != nullptr) < 1) return false;
  std::int64_t exponent = 0;
  if (p != end && (*p == 'e' || *p == 'E')) {
    ++p;
    bool minus = p != end && *p == '-';
    if (p != end && (*p == '-' || *p == '+')) ++p;
    if (p == end) return false;
    for (; p != end && static_cast<unsigned char>(*p - '0') < 10; ++p) {
      if (exponent < 1'000'000'000'000) exponent = exponent * 10 + (*p - '0');
    }
    if (minus) exponent = -exponent;
  }
  if (p != end) return false;
  out->point = exponent + ((dot ? dot : stop) - begin);
  // Leading zeros say nothing; each but those behind the dot moves the point.
  while (begin != stop && (*begin == '0' || *begin == '.')) {
    if (*begin == '0') --out->point;
    ++begin;
  }
  out->begin = begin;
  out->end = stop;
  return true;
}

/// `[-]digits[.digits]`, as nearly all numbers are. False: not such a number.
bool ReadPlainDouble(std::string_view text, double* out) {
  const char* p = text.data();
  const char* const end = p + text.size();
  const bool negative = p != end && *p == '-';
  p += negative;
  // Fifteen digits are below 2^53.
  if (p == end || end - p > 15) return false;
  std::uint64_t digits = 0;
  const char* const first = p;
  for (; p != end && static_cast<unsigned char>(*p - '0') < 10; ++p) {
    digits = digits * 10 + static_cast<unsigned char>(*p - '0');
  }
  if (p == first) return false;
  std::size_t fraction = 0;
  if (p != end) {
    if (*p++ != '.' || p == end) return false;
    fraction = static_cast<std::size_t>(end - p);
    for (; p != end; ++p) {
      if (static_cast<unsigned char>(*p - '0') > 9) return false;
      digits = digits * 10 + static_cast<unsigned char>(*p - '0');
    }
  }
  double value = 0;
  if (!ExactDouble(digits, -static_cast<std::int64_t>(fraction), &value)) return false;
  *out = negative ? -value : value;
  return true;
}

template <typename T>
Conversion ParseReal(std::string_view text, T* out) {
  const char* begin = text.data();
  const char* end = begin + text.size();
  if (begin != end && *begin == '+') {
    ++begin;
    if (begin != end && *begin == '-') return Conversion::kFormat;
  }
  // from_chars takes "inf" and "nan"; a number begins with a digit, a sign or a dot.
  if (begin == end || !((*begin >= '0' && *begin <= '9') || *begin == '-' || *begin == '.')) {
    return Conversion::kFormat;
  }
  if (*begin == '-' && (begin + 1 == end || begin[1] == 'i' || begin[1] == 'n' || begin[1] == 'I' ||
                        begin[1] == 'N')) {
    return Conversion::kFormat;
  }
  T value = 0;
  auto [stop, error] = std::from_chars(begin, end, value);
  if (error == std::errc::invalid_argument || stop != end) return Conversion::kFormat;
  if (error == std::errc::result_out_of_range) {
    // Too large and too small are the same error; the position of the first digit tells them apart.
    NumberText number;
    if (!SplitNumber(text, &number)) return Conversion::kFormat;
    if (number.point > 0) return Conversion::kOverflow;
    value = number.negative ? -T{0} : T{0};
  }
  if (!std::isfinite(value)) return Conversion::kOverflow;
  *out = value;
  return Conversion::kOk;
}

}  // namespace

Conversion ParseTimestamp(std::string_view text, ZonePolicy zone, std::int64_t* out) {
  CivilTime time;
  if (zone == ZonePolicy::kForbidden || !ReadPlainUtc(text, &time)) {
    time = CivilTime();
    if (!ReadCivil(text, &time)) return Conversion::kFormat;
    if (time.has_zone && zone == ZonePolicy::kForbidden) return Conversion::kFormat;
  }
  std::int64_t seconds = DaysFromCivil(time.year, time.month, time.day) * kSecondsPerDay +
                         time.hour * 3600 + time.minute * 60 + time.second - time.offset_seconds;
  if (seconds < kFirstSecond || seconds >= kEndSecond) return Conversion::kOverflow;
  *out = seconds * kMicrosPerSecond + time.micros;
  return Conversion::kOk;
}

Conversion ParseDate(std::string_view text, std::int32_t* out) {
  CivilTime time;
  if (!ReadCivil(text, &time)) return Conversion::kFormat;
  if (time.year < 1) return Conversion::kOverflow;
  *out = DaysFromCivil(time.year, time.month, time.day);
  return Conversion::kOk;
}

Conversion EpochToMicros(std::int64_t value, EpochUnit unit, std::int64_t* out) {
  std::int64_t per_second = 1;
  if (unit == EpochUnit::kMillis) per_second = 1'000;
  if (unit == EpochUnit::kMicros) per_second = 1'000'000;
  if (unit == EpochUnit::kNanos) per_second = 1'000'000'000;
  std::int64_t seconds = value / per_second;
  std::int64_t rest = value % per_second;
  if (rest < 0) {
    rest += per_second;
    --seconds;
  }
  if (seconds < kFirstSecond || seconds >= kEndSecond) return Conversion::kOverflow;
  std::int64_t micros =
      per_second > kMicrosPerSecond ? rest / 1'000 : rest * (kMicrosPerSecond / per_second);
  *out = seconds * kMicrosPerSecond + micros;
  return Conversion::kOk;
}

Conversion ParseDecimal(std::string_view text, int precision, int scale, Decimal128Value* out) {
  NumberText number;
  if (!SplitNumber(text, &number)) return Conversion::kFormat;
  // Digits before the scale's last place; what follows is only rounded.
  std::int64_t wanted = number.point + scale;
  if (number.begin == number.end || wanted < 0) {
    *out = 0;
    return Conversion::kOk;
  }
  if (wanted > precision) return Conversion::kOverflow;
  Unsigned128 value = 0;
  std::int64_t taken = 0;
  const char* p = number.begin;
  for (; taken < wanted; ++taken) {
    unsigned digit = 0;
    if (p != number.end && *p == '.') ++p;
    if (p != number.end) digit = static_cast<unsigned>(*p++ - '0');
    value = value * 10 + digit;
  }
  if (p != number.end && *p == '.') ++p;
  if (p != number.end && *p >= '5') ++value;
  Unsigned128 limit = 1;
  for (int i = 0; i < precision; ++i) limit *= 10;
  if (value >= limit) return Conversion::kOverflow;
  *out =
      number.negative ? -static_cast<Decimal128Value>(value) : static_cast<Decimal128Value>(value);
  return Conversion::kOk;
}

Conversion ParseInteger(std::string_view text, std::int64_t* out) {
  constexpr std::uint64_t kMost = 0x7fff'ffff'ffff'ffff;
  const char* p = text.data();
  const char* const end = p + text.size();
  const bool negative = p != end && *p == '-';
  if (p != end && (*p == '-' || *p == '+')) ++p;
  if (p == end) return Conversion::kFormat;
  std::uint64_t value = 0;
  bool fits = true;
  for (; p != end; ++p) {
    const auto digit = static_cast<unsigned char>(*p - '0');
    if (digit > 9) return Conversion::kFormat;
    // One step from here stays within 64 unsigned bits; more digits only have to be digits.
    fits = fits && value <= kMost / 10;
    if (fits) value = value * 10 + digit;
  }
  if (!fits || value > kMost + negative) return Conversion::kOverflow;
  *out = static_cast<std::int64_t>(negative ? 0 - value : value);
  return Conversion::kOk;
}

Conversion ParseBoolean(std::string_view text, bool* out) {
  const bool value = text.size() == 4;
  const std::string_view word = value ? "true" : "false";
  if (text.size() != word.size()) return Conversion::kFormat;
  for (std::size_t i = 0; i < word.size(); ++i) {
    // Only letters differ from lower case by this bit alone, and the word is all letters.
    if ((text[i] | 0x20) != word[i]) return Conversion::kFormat;
  }
  *out = value;
  return Conversion::kOk;
}

Conversion ParseDouble(std::string_view text, double* out) {
  return ReadPlainDouble(text, out) ? Conversion::kOk : ParseReal(text, out);
}
Conversion ParseFloat(std::string_view text, float* out) { return ParseReal(text, out); }

Conversion ParseSpecialDouble(std::string_view text, double* out) {
  if (text == "NaN") {
    *out = std::numeric_limits<double>::quiet_NaN();
    return Conversion::kOk;
  }
  bool negative = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  if (text != "Infinity" && text != "INF" && text != "Inf") return Conversion::kFormat;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  *out = negative ? -kInfinity : kInfinity;
  return Conversion::kOk;
}

std::string_view TrimBlanks(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

Conversion DecodeBase64(std::string_view text, char* out, std::size_t* written) {
  static constexpr auto kValues = [] {
    std::array<unsigned char, 256> values{};
    for (auto& value : values) value = 0xff;
    constexpr std::string_view kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
      values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<unsigned char>(i);
    }
    return values;
  }();
  if (text.size() % 4 != 0) return Conversion::kFormat;
  std::size_t padding = 0;
  if (!text.empty() && text.back() == '=') padding = text[text.size() - 2] == '=' ? 2 : 1;
  const char* begin = out;
  for (std::size_t i = 0; i < text.size(); i += 4) {
    bool last = i + 4 == text.size();
    std::uint32_t bits = 0;
    for (std::size_t j = 0; j < 4; ++j) {
      unsigned value =
          last && j >= 4 - padding ? 0 : kValues[static_cast<unsigned char>(text[i + j])];
      if (value == 0xff) return Conversion::kFormat;
      bits = bits << 6 | value;
    }
    std::size_t bytes = last ? 3 - padding : 3;
    // Bits behind the last byte must be zero, or one value would have several spellings.
    if (bytes < 3 && (bits & (0xffffffU >> (8 * bytes))) != 0) return Conversion::kFormat;
    for (std::size_t j = 0; j < bytes; ++j) *out++ = static_cast<char>(bits >> (16 - 8 * j));
  }
  *written = static_cast<std::size_t>(out - begin);
  return Conversion::kOk;
}

}  // namespace sluice
