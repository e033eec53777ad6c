/// CSV as a format of messages.
#pragma once

#include <arrow/type_fwd.h>

#include <memory>

#include "decode/csv/csv_reader.h"
#include "decode/decoder.h"

namespace sluice {

/// The entry for src/main/: classification "csv", Glue's options.
FormatEntry CsvFormat();

/// REQUIRES: schema is not null. A user error if a column has a nested type.
Result<std::unique_ptr<Decoder>> MakeCsvDecoder(SchemaPtr schema, CsvReaderOptions options,
                                                arrow::MemoryPool* pool);

}  // namespace sluice
