/// Rows as JSON objects, one line each: what the json format, `sluice decode` and `preview` print.
///
/// Columns in schema order; null is written as null. Timestamps are ISO 8601
/// ("2026-11-23T05:29:06.5Z", no trailing zeros; no Z for timestamp_ntz), dates "2026-11-23",
/// binary is base64, decimals are numbers with all their digits, NaN and infinities are strings,
/// maps are objects. Text is passed as it is; only quotes, backslashes and control characters are
/// escaped.
#pragma once

#include <arrow/record_batch.h>

#include <cstdint>
#include <string>

namespace sluice {

/// Appends the object of `row`, without a line end. REQUIRES: canonical types (record/schema.h).
void AppendJsonRow(const arrow::RecordBatch& rows, std::int64_t row, std::string* out);

/// Appends one value of a column.
void AppendJsonValue(const arrow::Array& column, std::int64_t row, std::string* out);

}  // namespace sluice
