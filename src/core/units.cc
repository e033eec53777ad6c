#include "core/units.h"

#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <optional>

namespace sluice {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t size;
};

constexpr std::int64_t kSecond = 1'000'000;

// Plurals lose their "s" before the look-up, except where nothing else would be left.
constexpr std::array kTimeUnits = {
    Unit{"us", 1},
    Unit{"microsecond", 1},
    Unit{"ms", 1000},
    Unit{"msec", 1000},
    Unit{"milli", 1000},
    Unit{"millisecond", 1000},
    Unit{"s", kSecond},
    Unit{"sec", kSecond},
    Unit{"second", kSecond},
    Unit{"m", 60 * kSecond},
    Unit{"min", 60 * kSecond},
    Unit{"minute", 60 * kSecond},
    Unit{"h", 3600 * kSecond},
    Unit{"hr", 3600 * kSecond},
    Unit{"hour", 3600 * kSecond},
    Unit{"d", 86'400 * kSecond},
    Unit{"day", 86'400 * kSecond},
    Unit{"w", 7 * 86'400 * kSecond},
    Unit{"week", 7 * 86'400 * kSecond},
};

constexpr std::array kByteUnits = {
    Unit{"b", 1},
    Unit{"byte", 1},
    Unit{"k", 1ll << 10},
    Unit{"kib", 1ll << 10},
    Unit{"kb", 1000},
    Unit{"m", 1ll << 20},
    Unit{"mib", 1ll << 20},
    Unit{"mb", 1'000'000},
    Unit{"g", 1ll << 30},
    Unit{"gib", 1ll << 30},
    Unit{"gb", 1'000'000'000},
    Unit{"t", 1ll << 40},
    Unit{"tib", 1ll << 40},
    Unit{"tb", 1'000'000'000'000},
};

template <std::size_t N>
std::optional<std::int64_t> FindUnit(const std::array<Unit, N>& units, std::string_view name) {
  for (const Unit& unit : units) {
    if (unit.name == name) return unit.size;
  }
  if (name.size() > 2 && name.back() == 's') {
    name.remove_suffix(1);
    for (const Unit& unit : units) {
      if (unit.name == name) return unit.size;
    }
  }
  return std::nullopt;
}

void SkipSpace(std::string_view* text) {
  while (!text->empty() && std::isspace(static_cast<unsigned char>(text->front()))) {
    text->remove_prefix(1);
  }
}

std::string TakeWord(std::string_view* text) {
  std::string word;
  while (!text->empty() && std::isalpha(static_cast<unsigned char>(text->front()))) {
    word += static_cast<char>(std::tolower(static_cast<unsigned char>(text->front())));
    text->remove_prefix(1);
  }
  return word;
}

/// A plain decimal number without sign or exponent.
std::optional<double> TakeNumber(std::string_view* text) {
  std::size_t length = 0;
  while (length < text->size() &&
         (std::isdigit(static_cast<unsigned char>((*text)[length])) || (*text)[length] == '.')) {
    ++length;
  }
  double value = 0;
  const char* end = text->data() + length;
  auto [stop, status] = std::from_chars(text->data(), end, value, std::chars_format::fixed);
  if (status != std::errc() || stop != end) return std::nullopt;
  text->remove_prefix(length);
  return value;
}

/// Amounts with units; `bare` is the unit of a number without one. nullopt if it is anything else.
template <std::size_t N>
std::optional<std::int64_t> ParseAmounts(const std::array<Unit, N>& units, std::int64_t bare,
                                         bool several, std::string_view text) {
  // Whole numbers without a unit stay exact up to the last bit; doubles would not.
  std::int64_t whole = 0;
  if (bare == 1) {
    auto [stop, status] = std::from_chars(text.data(), text.data() + text.size(), whole);
    if (status == std::errc() && stop == text.data() + text.size()) {
      return whole < 0 ? std::nullopt : std::optional(whole);
    }
  }
  double sum = 0;
  bool first = true;
  SkipSpace(&text);
  while (!text.empty()) {
    if (!first && !several) return std::nullopt;
    std::optional<double> number = TakeNumber(&text);
    if (!number.has_value()) return std::nullopt;
    SkipSpace(&text);
    std::string word = TakeWord(&text);
    SkipSpace(&text);
    std::optional<std::int64_t> unit;
    if (!word.empty()) {
      unit = FindUnit(units, word);
    } else if (first && text.empty()) {
      unit = bare;
    }
    if (!unit.has_value()) return std::nullopt;
    sum += *number * static_cast<double>(*unit);
    first = false;
  }
  constexpr double kMax = 9.2e18;
  if (first || sum > kMax) return std::nullopt;
  return std::llround(sum);
}

std::string Quoted(std::string_view text) {
  std::string out = "'";
  for (char c : text.substr(0, 60)) out += std::iscntrl(static_cast<unsigned char>(c)) ? '?' : c;
  return out + (text.size() > 60 ? "...'" : "'");
}

}  // namespace

Result<std::int64_t> ParseDuration(std::string_view text) {
  std::string_view rest = text;
  SkipSpace(&rest);
  std::string_view after = rest;
  if (TakeWord(&after) == "interval") rest = after;
  if (auto micros = ParseAmounts(kTimeUnits, kSecond, /*several=*/true, rest)) return *micros;
  return UserError("job.duration", Quoted(text) +
                                       " is not a duration; write for example '100 seconds', "
                                       "'5 min', '250 ms', or a number of seconds");
}

Result<std::int64_t> ParseBytes(std::string_view text) {
  if (auto bytes = ParseAmounts(kByteUnits, 1, /*several=*/false, text)) return *bytes;
  return UserError("job.bytes", Quoted(text) +
                                    " is not a size; write for example '128 MiB', '1 GB', or a "
                                    "number of bytes");
}

std::string FormatDuration(std::int64_t micros) {
  constexpr std::array kUnits = {
      Unit{"day", 86'400 * kSecond},
      Unit{"hour", 3600 * kSecond},
      Unit{"minute", 60 * kSecond},
      Unit{"second", kSecond},
      Unit{"ms", 1000},
      Unit{"us", 1},
  };
  if (micros == 0) return "0 seconds";
  for (const Unit& unit : kUnits) {
    if (micros % unit.size != 0) continue;
    std::int64_t count = micros / unit.size;
    std::string text = std::to_string(count) + " " + std::string(unit.name);
    if (count != 1 && unit.size >= kSecond) text += "s";
    return text;
  }
  return std::to_string(micros) + " us";
}

std::string FormatBytes(std::int64_t bytes) {
  constexpr std::array kUnits = {Unit{"TiB", 1ll << 40}, Unit{"GiB", 1ll << 30},
                                 Unit{"MiB", 1ll << 20}, Unit{"KiB", 1ll << 10}};
  for (const Unit& unit : kUnits) {
    if (bytes < unit.size) continue;
    char text[48];
    double amount = static_cast<double>(bytes) / static_cast<double>(unit.size);
    std::snprintf(text, sizeof text, bytes % unit.size == 0 ? "%.0f %s" : "%.1f %s", amount,
                  unit.name.data());
    return text;
  }
  return std::to_string(bytes) + (bytes == 1 ? " byte" : " bytes");
}

std::string FormatCount(std::int64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3;) {
    at -= 3;
    if (text[at - 1] != '-') text.insert(at, ",");
  }
  return text;
}

}  // namespace sluice
