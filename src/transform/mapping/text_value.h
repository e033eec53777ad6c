/// Values from and to text, as casts of Spark read and write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice {

/// Without spaces and control characters at the ends.
std::string_view TrimText(std::string_view text);

std::optional<std::int64_t> ParseInteger(std::string_view text);
/// Also NaN, Infinity and -Infinity, in any case.
std::optional<double> ParseReal(std::string_view text);
std::optional<bool> ParseBoolean(std::string_view text);
/// A date, or a date and a time with "T" or a space between; UTC unless an offset says else.
/// Microseconds.
std::optional<std::int64_t> ParseTimestampText(std::string_view text);

void AppendInteger(std::int64_t value, std::string* out);
/// As Java: 1.0, 1.5E10, NaN, -Infinity; the shortest digits that read back as `value`.
void AppendReal(double value, bool single, std::string* out);
/// "2026-01-31".
void AppendDate(std::int64_t days, std::string* out);
/// "2026-01-31 13:05:00.123", zeros at the end of the fraction left out.
void AppendTimestamp(std::int64_t micros, std::string* out);

}  // namespace sluice
