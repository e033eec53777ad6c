/// Schemas and their notations. A schema is an arrow::Schema that uses only the canonical types
/// below.
///
/// DDL (Spark's and Glue's): `id bigint, geo struct<lat:double,lon:double>, tags array<string>`.
/// Names may be back-ticked (a doubled back-tick is one); `NOT NULL` and `COMMENT '...'` are
/// accepted and kept as nullability and field metadata. Types and their Arrow forms,
/// case-insensitive:
///   boolean                     bool            string varchar(n) char(n)   utf8
///   byte tinyint                int8            binary                      binary
///   short smallint              int16           date                        date32
///   int integer                 int32           timestamp timestamp_ltz     timestamp[us, UTC]
///   long bigint                 int64           timestamp_ntz               timestamp[us]
///   float real                  float           array<T>                    list<element: T>
///   double                      double          map<K,V>                    map<key: K, value: V>
///   decimal(p,s) dec numeric    decimal128      struct<name:T, name T, ...> struct
/// decimal alone is decimal(10,0), as in Spark. Depth at most 100, columns at most 1,000, names at
/// most 255 bytes (reference: Spark SQL DDL; caps of docs/limits.md).
#pragma once

#include <arrow/type_fwd.h>

#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"

namespace sluice {

using SchemaPtr = std::shared_ptr<arrow::Schema>;

/// User errors name the column (counted from 1) in `ddl` and the nearest type.
Result<SchemaPtr> ParseDdl(std::string_view ddl);
Result<std::shared_ptr<arrow::DataType>> ParseDdlType(std::string_view type);

/// The canonical DDL; ParseDdl(FormatDdl(s)) equals s.
std::string FormatDdl(const arrow::Schema& schema);
std::string FormatDdlType(const arrow::DataType& type);

/// The canonical form of any Arrow type that maps onto one above (large_utf8, string_view,
/// dictionary of utf8 -> utf8; other timestamp units -> us; list and map children renamed).
/// Unmappable types are user errors that name the field. Used for what SQL returns.
Result<SchemaPtr> CanonicalSchema(const arrow::Schema& schema);

}  // namespace sluice
