/// Which columns an Avro schema gives, and which Avro schema stands for declared columns.
///
///   null                    string, always null      record         struct<...>
///   boolean                 boolean                  enum           string
///   int                     int                      array          array<...>
///   long                    bigint                   map            map<string,...>
///   float, double           float, double            fixed          binary
///   bytes                   binary                   [null, T]      T, nullable
///   string                  string                   other unions struct<member0:...,member1:...>
///   decimal to 38 digits    decimal(p,s)             longer ones    binary
///   date                    date                     uuid           string
///   timestamp-*             timestamp                time-millis    int, as stored
///   local-timestamp-*       timestamp_ntz            time-micros    bigint, as stored
///   duration                struct<months:bigint,days:bigint,milliseconds:bigint>
///
/// A union of several types is a struct with a nullable member for each, null left out: the names
/// are those of Spark's reader. What is no union with null is NOT NULL. A root that is a record
/// gives its fields as columns, an array of records a row for each; any other root is the only
/// column, `value`.
///
/// The other way round, a NOT NULL column T is written as T and any other as ["null", T]; tinyint
/// and smallint as int, timestamp as long of timestamp-micros, timestamp_ntz as
/// local-timestamp-micros, decimal as bytes, struct as record.
#pragma once

#include <arrow/type_fwd.h>

#include <memory>

#include "core/result.h"
#include "decode/avro/avro_schema.h"
#include "record/schema.h"

namespace sluice {

enum class AvroRoot {
  kRecord,   ///< A row; its fields are the columns.
  kRecords,  ///< An array of records: a row each.
  kValue,    ///< Anything else: a row whose only column it is.
};
AvroRoot AvroRootOf(const AvroNode& root);

constexpr const char* kAvroValueColumn = "value";

/// User errors name a type that contains itself, and what is too deep or too wide.
Result<SchemaPtr> AvroColumns(const AvroSchema& schema);

/// REQUIRES: canonical types. Names that Avro does not allow are kept: the result is no text.
/// User errors name maps whose keys are no strings.
Result<std::shared_ptr<const AvroSchema>> AvroSchemaOfColumns(const arrow::Schema& columns);

/// The only branch beside null, or nullptr if there are none or several (or it is no union).
const AvroNode* AvroNullable(const AvroNode& node);
/// Whether null is a branch.
bool AvroHasNull(const AvroNode& node);

}  // namespace sluice
