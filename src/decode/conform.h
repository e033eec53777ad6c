/// Rows with the columns of their writer, brought into the columns that a source has.
///
/// For detecting decoders whose messages come with a schema of their own: each is decoded as it was
/// written, and then conformed. Columns that are the same pass as they are; narrower types are
/// widened where every value keeps its meaning; a string column takes other values as their JSON;
/// what has no column or does not fit is rescued (rescued_column.h).
#pragma once

#include <arrow/type_fwd.h>

#include <memory>

#include "core/result.h"
#include "decode/decoder.h"
#include "record/schema.h"

namespace sluice {

/// The rows in the columns of `known`, then `_rescued`. A message of which more is rescued than
/// kMaxRescued becomes a reject. REQUIRES: canonical types on both sides. An error only if memory
/// runs out.
Result<void> ConformRows(DecodedRows* decoded, const SchemaPtr& known);

/// Whether ConformRows passes or widens every column of `from`, and none is rescued.
bool Conforms(const arrow::Schema& from, const arrow::Schema& known);

}  // namespace sluice
