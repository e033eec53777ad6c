/// Values as text, the same in every text format that is written (JSON lines, CSV, Avro 1.7).
///
/// Timestamps are ISO 8601 ("2026-11-23T05:29:06.5Z", no trailing zeros; no Z for timestamp_ntz),
/// dates "2026-11-23", decimals have all their digits and never an exponent. Nothing is allocated
/// but what `out` needs to grow.
#pragma once

#include <cstdint>
#include <string>

namespace sluice {

void AppendIntegerText(std::int64_t value, std::string* out);

/// The shortest text that reads back as the same number, with ".0" if it looks like an integer;
/// NaN, Infinity, -Infinity.
void AppendRealText(float value, std::string* out);
void AppendRealText(double value, std::string* out);

/// `unscaled` is an Arrow Decimal128 value: 16 bytes in the machine's order.
void AppendDecimalText(const std::uint8_t* unscaled, std::int32_t scale, std::string* out);

/// Days since 1970-01-01, in the proleptic Gregorian calendar.
void AppendDateText(std::int64_t days, std::string* out);

/// `utc`: with a Z.
void AppendTimestampText(std::int64_t micros, bool utc, std::string* out);

}  // namespace sluice
