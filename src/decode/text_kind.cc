#include "decode/text_kind.h"

#include <cstddef>

#include "decode/convert.h"

namespace sluice {
namespace {

constexpr int kMostDigits = 17;  // A double tells apart all decimal numbers of so many digits.

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

/// Whether it is an integer as one would write it: 0, or digits that begin with none, perhaps with
/// a minus. Sets `*behind` to where its digits end.
bool BeginsPlainly(std::string_view text, std::size_t* behind) {
  std::size_t i = text.empty() || text[0] != '-' ? 0 : 1;
  const std::size_t first = i;
  while (i < text.size() && IsDigit(text[i])) ++i;
  *behind = i;
  if (i == first) return false;
  if (text[first] != '0') return true;
  return i == first + 1;
}

SeenKind KindOfNumber(std::string_view text) {
  std::size_t i;
  if (!BeginsPlainly(text, &i)) return SeenKind::kString;
  if (i == text.size()) {
    std::int64_t value;
    if (text == "-0") return SeenKind::kString;
    return ParseInteger(text, &value) == Conversion::kOk ? SeenKind::kInt64 : SeenKind::kHugeNumber;
  }
  std::size_t digits = i;
  if (text[i] == '.') {
    const std::size_t point = i++;
    while (i < text.size() && IsDigit(text[i])) ++i;
    if (i == point + 1) return SeenKind::kString;
    digits += i - point - 1;
  }
  if (digits > kMostDigits) return SeenKind::kHugeNumber;
  if (i < text.size()) {
    if (text[i] != 'e' && text[i] != 'E') return SeenKind::kString;
    ++i;
    if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
    const std::size_t exponent = i;
    while (i < text.size() && IsDigit(text[i])) ++i;
    if (i == exponent || i != text.size()) return SeenKind::kString;
  }
  double value;
  return ParseDouble(text, &value) == Conversion::kOk ? SeenKind::kDouble : SeenKind::kHugeNumber;
}

SeenKind KindOfTime(std::string_view text) {
  if (text.size() == 10) {
    std::int32_t days;
    return ParseDate(text, &days) == Conversion::kOk ? SeenKind::kDate : SeenKind::kString;
  }
  const std::size_t point = text.find('.');
  if (point != std::string_view::npos) {
    std::size_t digits = 0;
    while (point + 1 + digits < text.size() && IsDigit(text[point + 1 + digits])) ++digits;
    if (digits > 6) return SeenKind::kString;
  }
  // A date and the time of its day at least: YYYY-MM-DDThh:mm.
  std::int64_t micros;
  if (text.size() < 16) return SeenKind::kString;
  if (ParseTimestamp(text, ZonePolicy::kForbidden, &micros) == Conversion::kOk) {
    return SeenKind::kTimestampNtz;
  }
  return ParseTimestamp(text, ZonePolicy::kOptional, &micros) == Conversion::kOk
             ? SeenKind::kTimestamp
             : SeenKind::kString;
}

}  // namespace

SeenKind KindOfText(std::string_view text) {
  text = TrimBlanks(text);
  if (text.empty()) return SeenKind::kNull;
  if (text == "true" || text == "false") return SeenKind::kBool;
  if (!IsDigit(text[0]) && text[0] != '-') return SeenKind::kString;
  if (text.size() >= 10 && text[4] == '-') return KindOfTime(text);
  return KindOfNumber(text);
}

bool KeepsLongNumber(std::string_view text) {
  const SeenKind of = KindOfNumber(TrimBlanks(text));
  if (of != SeenKind::kInt64) return of == SeenKind::kDouble;
  std::int64_t value;
  return ParseInteger(TrimBlanks(text), &value) == Conversion::kOk && value <= (1ll << 53) &&
         value >= -(1ll << 53);
}

bool KeepsTime(ColumnKind kind, std::string_view text) {
  const std::size_t point = text.find('.');
  if (point != std::string_view::npos) {
    std::size_t digits = 0;
    while (point + 1 + digits < text.size() && IsDigit(text[point + 1 + digits])) ++digits;
    if (digits > 6) return false;
  }
  if (kind == ColumnKind::kTimestampNtz) return true;  // It takes no zone.
  // A sign behind the date, or a letter at the end.
  text = TrimBlanks(text);
  return text.size() > 10 && (text.back() == 'Z' || text.back() == 'C' || text.back() == 'T' ||
                              text.find_first_of("+-", 10) != std::string_view::npos);
}

}  // namespace sluice
