/// Durations, sizes and counts as people write them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace sluice {

/// "5 seconds", "100 s", "2 min", "250 ms", "1 hour 30 minutes" -> microseconds. A bare number is
/// seconds; fractions and a leading "interval" (Spark's) are accepted; negative ones are not.
/// Errors name the accepted forms.
Result<std::int64_t> ParseDuration(std::string_view text);

/// "128 MiB", "1 GB", "64k", "4096" -> bytes. KB, MB, GB, TB are powers of 1000; KiB, MiB, GiB, TiB
/// and the bare letters (Spark's) are powers of 1024. Errors name the accepted forms.
Result<std::int64_t> ParseBytes(std::string_view text);

/// The largest unit that needs no fraction: 100000000 -> "100 seconds". ParseDuration gives it
/// back.
std::string FormatDuration(std::int64_t micros);

/// The largest binary unit, rounded to one decimal: 134217728 -> "128 MiB", 1300 -> "1.3 KiB".
std::string FormatBytes(std::int64_t bytes);

/// 1234567 -> "1,234,567".
std::string FormatCount(std::int64_t number);

}  // namespace sluice
