/// The server's binary copy of rows, into columns.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "table/postgresql/postgresql_types.h"

namespace sluice {

class PostgresqlValue;

/// One thread at a time. Nothing that a server sends is believed unseen. Errors "table.value": a
/// value that no column of its type can hold (infinity, NaN, arrays of arrays).
class PostgresqlRows {
 public:
  static Result<std::unique_ptr<PostgresqlRows>> Make(const std::vector<PostgresqlColumn>& columns);
  ~PostgresqlRows();

  /// A message of the copy: its header, some rows, its end.
  Result<void> Add(std::string_view message);
  /// Whether enough has come for a batch.
  bool full() const;
  std::int64_t rows() const { return rows_; }
  /// Whether the copy has ended as it should.
  bool ended() const { return ended_; }
  Result<std::shared_ptr<arrow::RecordBatch>> Take();

 private:
  explicit PostgresqlRows(SchemaPtr schema);

  const SchemaPtr schema_;
  std::vector<std::unique_ptr<PostgresqlValue>> values_;
  std::int64_t rows_ = 0;
  std::int64_t bytes_ = 0;
  bool begun_ = false;
  bool ended_ = false;
};

}  // namespace sluice
