/// DuckDB vectors into Arrow columns.
#pragma once

#include <arrow/array.h>

#include <cstdint>
#include <memory>

#include "transform/sql/duckdb_handle.h"

namespace sluice {

/// Collects one column of a result from chunk after chunk, as ToArrowType says. One caller at a
/// time.
class ColumnWriter {
 public:
  virtual ~ColumnWriter() = default;

  /// Appends rows start..start+count of a flat vector, as duckdb_fetch_chunk gives them. A value
  /// that the Arrow type cannot hold is an error "sql.range"; what was appended since the last
  /// Finish is void.
  virtual Result<void> Append(duckdb_vector vector, idx_t start, idx_t count) = 0;

  /// The column so far; the writer is empty again.
  virtual Result<std::shared_ptr<arrow::Array>> Finish() = 0;

  /// Forgets what was appended.
  virtual void Clear() = 0;

  /// Bytes collected, roughly.
  virtual std::int64_t bytes() const = 0;

  /// REQUIRES: ToArrowType(type) succeeds and gives `arrow_type`.
  static std::unique_ptr<ColumnWriter> Make(duckdb_logical_type type,
                                            std::shared_ptr<arrow::DataType> arrow_type);
};

}  // namespace sluice
