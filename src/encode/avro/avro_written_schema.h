/// The Avro schema of columns, as Spark makes it: the record topLevelRecord; the record of a struct
/// has the field's name in the namespace of those around it, so that no two have one name.
///
/// Nullable is ["null", T] with null as the default, NOT NULL is T. With logical types decimals are
/// bytes, dates int, timestamps long of timestamp-micros or local-timestamp-micros; without (Glue's
/// version 1.7) all of these are strings.
#pragma once

#include <string>

#include "core/result.h"
#include "record/schema.h"

namespace sluice {

/// User errors name the column and what Avro does not take: a name, a key that is no string, a
/// struct without fields.
Result<void> CheckAvroColumns(const arrow::Schema& schema);

/// JSON. REQUIRES: checked.
std::string AvroSchemaOf(const arrow::Schema& schema, bool logical_types);

}  // namespace sluice
