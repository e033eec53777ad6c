/// Arrow columns into DuckDB vectors.
#pragma once

#include <arrow/array.h>

#include <cstdint>

#include "transform/sql/duckdb_handle.h"

namespace sluice {

/// Fills rows 0..count of `out`, a vector of ToDuckType(array.type()), from `array` at `offset`.
/// Fixed-width values are copied; texts and blobs longer than 12 bytes are pointed to, so `array`
/// must live until DuckDB has used the chunk. False if a decimal has more digits than its type
/// says.
bool FillVector(const arrow::ArrayData& array, std::int64_t offset, std::int64_t count,
                duckdb_vector out);

}  // namespace sluice
