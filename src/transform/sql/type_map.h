/// Canonical Arrow types (record/schema.h) and DuckDB's.
#pragma once

#include <arrow/type_fwd.h>

#include <memory>
#include <string>

#include "transform/sql/duckdb_handle.h"

namespace sluice {

/// DuckDB's type for a canonical one; an empty handle for any other.
///   bool BOOLEAN, int8..int64 TINYINT..BIGINT, float FLOAT, double DOUBLE, decimal128(p,s)
///   DECIMAL(p,s), utf8 VARCHAR, binary BLOB, date32 DATE, timestamp[us] TIMESTAMP,
///   timestamp[us,UTC] TIMESTAMPTZ, list LIST, map MAP, struct STRUCT
DuckType ToDuckType(const arrow::DataType& type);

/// The canonical type for a column that SQL returns: the reverse of the above, and
///   UTINYINT int16, USMALLINT int32, UINTEGER int64, UBIGINT decimal(20,0), HUGEINT and UHUGEINT
///   decimal(38,0), ENUM and UUID utf8, TIMESTAMP_S and TIMESTAMP_MS timestamp[us], ARRAY list.
/// Any other is a user error "sql.type" that names `column` and advises a cast.
Result<std::shared_ptr<arrow::DataType>> ToArrowType(duckdb_logical_type type,
                                                     const std::string& column);

}  // namespace sluice
