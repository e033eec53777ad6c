/// Which column types a database's columns become, and how they are asked for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "table/postgresql/postgresql_connection.h"
#include "table/table.h"

namespace sluice {

/// What the server sends for a value.
enum class WireType {
  kBool,
  kInt2,
  kInt4,
  kInt8,
  kFloat4,
  kFloat8,
  kNumeric,
  kText,
  kBytes,
  kDate,
  kTimestamp,
};

struct PostgresqlColumn {
  std::shared_ptr<arrow::Field> field;
  WireType wire = WireType::kText;
  bool list = false;
  std::string expression;  ///< Of the SELECT.
};

/// One for each of `found`, or of `declared` (null: none are), in that order. A type that no column
/// type holds becomes text, as the server writes it. User errors: a declared column is not there,
/// or is of a type that would not hold its values.
Result<std::vector<PostgresqlColumn>> ColumnsOf(
    const std::vector<PostgresqlConnection::Column>& found, const SchemaPtr& declared);

}  // namespace sluice
