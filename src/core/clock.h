/// Time, behind an interface so that tests can move it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace sluice {

/// Any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual std::int64_t WallMicros() const = 0;  ///< Since 1970-01-01T00:00:00Z.
  virtual std::int64_t MonotonicMicros() const = 0;
  static const Clock& System();
};

/// "2026-11-23T05:29:06.123456Z".
std::string FormatTimestamp(std::int64_t wall_micros);
/// ISO 8601 with date, time, optional fraction and offset (no offset = UTC). User error otherwise.
Result<std::int64_t> ParseTimestamp(std::string_view text);

}  // namespace sluice
