#include "transform/mapping/text_value.h"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>

#include "core/clock.h"

namespace sluice {
namespace {

constexpr std::int64_t kDayMicros = 86'400'000'000;

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

struct Civil {
  std::int64_t year;
  unsigned month;
  unsigned day;
};

/// Days since 1970 as a date of the proleptic Gregorian calendar (Hinnant's algorithm).
Civil FromDays(std::int64_t days) {
  days += 719'468;
  const std::int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  const auto of_era = static_cast<unsigned>(days - era * 146'097);
  const unsigned year = (of_era - of_era / 1460 + of_era / 36'524 - of_era / 146'096) / 365;
  const unsigned of_year = of_era - (365 * year + year / 4 - year / 100);
  const unsigned shifted = (5 * of_year + 2) / 153;
  const unsigned month = shifted < 10 ? shifted + 3 : shifted - 9;
  return {static_cast<std::int64_t>(year) + era * 400 + (month <= 2 ? 1 : 0), month,
          of_year - (153 * shifted + 2) / 5 + 1};
}

}  // namespace

std::string_view TrimText(std::string_view text) {
  while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  return text;
}

std::optional<std::int64_t> ParseInteger(std::string_view text) {
  text = TrimText(text);
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> ParseReal(std::string_view text) {
  text = TrimText(text);
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size() || text.empty()) return std::nullopt;
  if (error == std::errc()) return value;
  return std::nullopt;
}

std::optional<bool> ParseBoolean(std::string_view text) {
  const std::string lower = Lower(TrimText(text));
  for (const char* yes : {"true", "t", "yes", "y", "1"}) {
    if (lower == yes) return true;
  }
  for (const char* no : {"false", "f", "no", "n", "0"}) {
    if (lower == no) return false;
  }
  return std::nullopt;
}

std::optional<std::int64_t> ParseTimestampText(std::string_view text) {
  auto micros = ParseTimestamp(TrimText(text));
  if (!micros.ok()) return std::nullopt;
  return *micros;
}

void AppendInteger(std::int64_t value, std::string* out) {
  char buffer[24];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value).ptr;
  out->append(buffer, end);
}

void AppendReal(double value, bool single, std::string* out) {
  if (std::isnan(value)) {
    *out += "NaN";
    return;
  }
  if (std::isinf(value)) {
    *out += value < 0 ? "-Infinity" : "Infinity";
    return;
  }
  const double size = std::fabs(value);
  const bool plain = size == 0 || (size >= 1e-3 && size < 1e7);
  const auto format = plain ? std::chars_format::fixed : std::chars_format::scientific;
  char buffer[64];
  const auto end =
      single ? std::to_chars(buffer, buffer + sizeof(buffer), static_cast<float>(value), format).ptr
             : std::to_chars(buffer, buffer + sizeof(buffer), value, format).ptr;
  std::string_view digits(buffer, static_cast<std::size_t>(end - buffer));
  const std::size_t e = digits.find('e');
  const std::string_view mantissa = digits.substr(0, e);
  *out += mantissa;
  if (mantissa.find('.') == std::string_view::npos) *out += ".0";
  if (e == std::string_view::npos) return;
  std::string_view exponent = digits.substr(e + 1);
  *out += 'E';
  if (exponent[0] == '-') *out += '-';
  exponent.remove_prefix(1);
  while (exponent.size() > 1 && exponent[0] == '0') exponent.remove_prefix(1);
  *out += exponent;
}

void AppendDate(std::int64_t days, std::string* out) {
  const Civil date = FromDays(days);
  char buffer[48];
  const int n = std::snprintf(buffer, sizeof(buffer), "%04lld-%02u-%02u",
                              static_cast<long long>(date.year), date.month, date.day);
  out->append(buffer, static_cast<std::size_t>(n));
}

void AppendTimestamp(std::int64_t micros, std::string* out) {
  std::int64_t days = micros / kDayMicros;
  std::int64_t rest = micros % kDayMicros;
  if (rest < 0) {
    rest += kDayMicros;
    --days;
  }
  AppendDate(days, out);
  const auto seconds = static_cast<int>(rest / 1'000'000);
  char buffer[40];
  int n = std::snprintf(buffer, sizeof(buffer), " %02d:%02d:%02d", seconds / 3600,
                        seconds / 60 % 60, seconds % 60);
  const auto fraction = static_cast<int>(rest % 1'000'000);
  if (fraction != 0) {
    n += std::snprintf(buffer + n, sizeof(buffer) - static_cast<std::size_t>(n), ".%06d", fraction);
    while (buffer[n - 1] == '0') --n;
  }
  out->append(buffer, static_cast<std::size_t>(n));
}

}  // namespace sluice
