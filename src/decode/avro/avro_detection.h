/// Avro whose columns are detected: each message is read with the schema it brings, and its rows
/// are brought into the columns known so far (decode/conform.h).
///
/// Only messages that bring their schema can be read so, or name one in a registry: object
/// container files, and payloads with Payload::schema. Those whose schema the columns hold are read
/// into them directly, in whatever order schemas take turns. Of the types, enum becomes string,
/// fixed binary, and a union of several a struct (avro_columns.h); a field whose only type is null
/// shows no column.
#pragma once

#include <arrow/type_fwd.h>

#include <memory>

#include "core/result.h"
#include "decode/decoder.h"

namespace sluice {

struct AvroDetectingOptions {
  bool logical_types = true;
  DecodeLimits limits;
};

/// `pool` outlives the decoder and its results.
Result<std::unique_ptr<Decoder>> MakeDetectingAvroDecoder(SchemaPtr known,
                                                          AvroDetectingOptions options,
                                                          arrow::MemoryPool* pool);

}  // namespace sluice
