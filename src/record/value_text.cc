#include "record/value_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <string_view>

namespace sluice {
namespace {

__extension__ using Int128 = __int128;
__extension__ using UInt128 = unsigned __int128;

constexpr std::int64_t kMicrosPerSecond = 1'000'000;
constexpr std::int64_t kSecondsPerDay = 86'400;

template <typename Number>
void AppendAnyReal(Number number, std::string* out) {
  if (std::isnan(number)) {
    out->append("NaN");
  } else if (std::isinf(number)) {
    out->append(number > 0 ? "Infinity" : "-Infinity");
  } else {
    char buffer[32];
    auto end = std::to_chars(buffer, buffer + sizeof buffer, number).ptr;
    std::string_view text(buffer, static_cast<std::size_t>(end - buffer));
    out->append(text);
    if (text.find_first_of(".e") == text.npos) out->append(".0");
  }
}

/// REQUIRES: number >= 0 and width <= 8.
void AppendPadded(int number, int width, std::string* out) {
  char buffer[20];
  auto end = std::to_chars(buffer, buffer + sizeof buffer, number).ptr;
  for (int digits = static_cast<int>(end - buffer); digits < width; ++digits) out->push_back('0');
  out->append(buffer, end);
}

}  // namespace

void AppendIntegerText(std::int64_t value, std::string* out) {
  char buffer[24];
  out->append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
}

void AppendRealText(float value, std::string* out) { AppendAnyReal(value, out); }
void AppendRealText(double value, std::string* out) { AppendAnyReal(value, out); }

void AppendDecimalText(const std::uint8_t* unscaled, std::int32_t scale, std::string* out) {
  Int128 value;
  static_assert(sizeof value == 16);
  std::memcpy(&value, unscaled, sizeof value);
  if (value < 0) out->push_back('-');
  UInt128 left = value < 0 ? -static_cast<UInt128>(value) : static_cast<UInt128>(value);
  char digits[80];  // Up to 39 digits, or 38 behind the point and one before it.
  char* const end = digits + sizeof digits;
  char* begin = end;
  for (std::int32_t behind = std::max(scale, 0); left != 0 || behind >= 0; --behind) {
    if (behind == 0 && scale > 0) *--begin = '.';
    *--begin = static_cast<char>('0' + static_cast<int>(left % 10));
    left /= 10;
  }
  out->append(begin, end);
  // Digits before the point that a negative scale leaves out.
  if (scale < 0 && value != 0) out->append(static_cast<std::size_t>(-scale), '0');
}

/// Howard Hinnant's civil_from_days.
void AppendDateText(std::int64_t days, std::string* out) {
  days += 719'468;
  std::int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  auto day_of_era = static_cast<int>(days - era * 146'097);
  int year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  int shifted_month = (5 * day_of_year + 2) / 153;
  int day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
  int month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  auto year = static_cast<int>(year_of_era + era * 400) + (month <= 2 ? 1 : 0);
  // ISO 8601 wants a sign on years of more than four digits.
  if (year < 0) out->push_back('-');
  if (year > 9999) out->push_back('+');
  AppendPadded(year < 0 ? -year : year, 4, out);
  out->push_back('-');
  AppendPadded(month, 2, out);
  out->push_back('-');
  AppendPadded(day, 2, out);
}

void AppendTimestampText(std::int64_t micros, bool utc, std::string* out) {
  std::int64_t seconds = micros / kMicrosPerSecond;
  auto fraction = static_cast<int>(micros % kMicrosPerSecond);
  if (fraction < 0) {
    fraction += kMicrosPerSecond;
    --seconds;
  }
  std::int64_t days = seconds / kSecondsPerDay;
  auto second_of_day = static_cast<int>(seconds % kSecondsPerDay);
  if (second_of_day < 0) {
    second_of_day += kSecondsPerDay;
    --days;
  }
  AppendDateText(days, out);
  out->push_back('T');
  AppendPadded(second_of_day / 3600, 2, out);
  out->push_back(':');
  AppendPadded(second_of_day / 60 % 60, 2, out);
  out->push_back(':');
  AppendPadded(second_of_day % 60, 2, out);
  if (fraction != 0) {
    out->push_back('.');
    AppendPadded(fraction, 6, out);
    while (out->back() == '0') out->pop_back();
  }
  if (utc) out->push_back('Z');
}

}  // namespace sluice
