/// Casts between flat types, as Spark and Glue do them, but a value that cannot be cast is a
/// failure of its row, never a null.
///   text -> numbers, booleans (true t yes y 1, false f no n 0), dates, timestamps (ISO 8601),
///   binary any -> text: numbers as Java writes them, timestamps as 2026-01-31 13:05:00.123 in UTC
///   numbers -> numbers: fractions are cut for integers, rounded half up for decimals; out of range
///   fails number <-> boolean: 0 is false; number <-> timestamp: seconds since 1970; date <->
///   timestamp: UTC
#pragma once

#include <arrow/array.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"

namespace sluice {

bool CanConvert(const arrow::DataType& from, const arrow::DataType& to);

/// Converts `array`; REQUIRES CanConvert. The rows that cannot be are null in the result and are
/// appended to `failed`, ascending.
Result<std::shared_ptr<arrow::Array>> Convert(const arrow::Array& array,
                                              const std::shared_ptr<arrow::DataType>& to,
                                              std::vector<std::int64_t>* failed);

}  // namespace sluice
