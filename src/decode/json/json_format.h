/// `classification: json`.
///
/// A message is one document or several, separated by white space; a document is an object (a row)
/// or an array of objects (a row each). Fields are found by their exact names; missing ones are
/// null, unknown ones are dropped, and of several with one name the last counts.
/// docs/conversions.md says what each type takes, docs/rejects.md what is refused and under which
/// code.
#pragma once

#include <arrow/type_fwd.h>

#include "decode/decoder.h"
#include "decode/json/json_reader.h"

namespace sluice {

/// The entry for src/main/.
FormatEntry JsonFormat();

/// For tests and benchmarks: without options to parse. `pool` outlives the decoder and its results.
Result<std::unique_ptr<Decoder>> MakeJsonDecoder(SchemaPtr schema, JsonReaderOptions options,
                                                 arrow::MemoryPool* pool);

}  // namespace sluice
