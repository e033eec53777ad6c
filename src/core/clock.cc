#include "core/clock.h"

#include <array>
#include <cstdio>
#include <ctime>

namespace sluice {
namespace {

std::int64_t Read(clockid_t id) {
  timespec now{};
  clock_gettime(id, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1000;
}

class SystemClock final : public Clock {
 public:
  std::int64_t WallMicros() const override { return Read(CLOCK_REALTIME); }
  std::int64_t MonotonicMicros() const override { return Read(CLOCK_MONOTONIC); }
};

/// Days since 1970-01-01 of a proleptic Gregorian date (H. Hinnant, "chrono-compatible low-level
/// date algorithms").
std::int64_t DaysFromCivil(std::int64_t year, int month, int day) {
  year -= month <= 2 ? 1 : 0;
  std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  auto year_of_era = year - era * 400;
  auto day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  auto day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

int DaysInMonth(int year, int month) {
  static constexpr std::array<int, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : kDays[static_cast<std::size_t>(month - 1)];
}

/// Reads `count` digits; false if there are fewer.
bool Digits(std::string_view text, std::size_t* at, int count, int* value) {
  *value = 0;
  for (int i = 0; i < count; ++i, ++*at) {
    if (*at >= text.size() || text[*at] < '0' || text[*at] > '9') return false;
    *value = *value * 10 + (text[*at] - '0');
  }
  return true;
}

bool Skip(std::string_view text, std::size_t* at, std::string_view any_of) {
  if (*at >= text.size() || any_of.find(text[*at]) == std::string_view::npos) return false;
  ++*at;
  return true;
}

}  // namespace

const Clock& Clock::System() {
  static const SystemClock clock;
  return clock;
}

std::string FormatTimestamp(std::int64_t wall_micros) {
  std::int64_t seconds = wall_micros / 1'000'000;
  std::int64_t micros = wall_micros % 1'000'000;
  if (micros < 0) {
    micros += 1'000'000;
    --seconds;
  }
  auto time = static_cast<time_t>(seconds);
  tm parts{};
  gmtime_r(&time, &parts);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ",
                parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min,
                parts.tm_sec, static_cast<int>(micros));
  return text.data();
}

Result<std::int64_t> ParseTimestamp(std::string_view text) {
  Error bad = UserError("time.invalid", "'" + std::string(text.substr(0, 64)) +
                                            "' is no time; write 2026-01-31T12:00:00Z, with an "
                                            "offset such as +09:00 instead of Z if need be");
  std::size_t at = 0;
  int year, month, day, hour = 0, minute = 0, second = 0;
  if (!Digits(text, &at, 4, &year) || !Skip(text, &at, "-") || !Digits(text, &at, 2, &month) ||
      !Skip(text, &at, "-") || !Digits(text, &at, 2, &day)) {
    return bad;
  }
  std::int64_t micros = 0;
  std::int64_t offset_minutes = 0;
  if (Skip(text, &at, "Tt ")) {
    if (!Digits(text, &at, 2, &hour) || !Skip(text, &at, ":") || !Digits(text, &at, 2, &minute)) {
      return bad;
    }
    if (Skip(text, &at, ":")) {
      if (!Digits(text, &at, 2, &second)) return bad;
      if (Skip(text, &at, ".,")) {
        std::size_t first = at;
        std::int64_t scale = 100'000;
        while (at < text.size() && text[at] >= '0' && text[at] <= '9' && at - first < 9) {
          micros += (text[at++] - '0') * scale;
          scale /= 10;
        }
        if (at == first) return bad;
      }
    }
    if (!Skip(text, &at, "Zz") && at < text.size()) {
      bool west = text[at] == '-';
      int hours, minutes = 0;
      if (!Skip(text, &at, "+-") || !Digits(text, &at, 2, &hours)) return bad;
      if (at < text.size()) {
        Skip(text, &at, ":");
        if (!Digits(text, &at, 2, &minutes)) return bad;
      }
      if (hours > 18 || minutes > 59) return bad;
      offset_minutes = (west ? -1 : 1) * (hours * 60 + minutes);
    }
  }
  if (at != text.size() || month < 1 || month > 12 || day < 1 || day > DaysInMonth(year, month) ||
      hour > 23 || minute > 59 || second > 59) {
    return bad;
  }
  std::int64_t seconds = DaysFromCivil(year, month, day) * 86400 + hour * 3600 + minute * 60 +
                         second - offset_minutes * 60;
  return seconds * 1'000'000 + micros;
}

}  // namespace sluice
