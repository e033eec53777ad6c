/// `classification: avro`.
///
/// A message is a bare datum, a datum in single-object encoding, or an object container file, which
/// brings the schema it was written with; each is told by its first bytes. Where columns come from,
/// and which types they have: avro_columns.h and docs/formats-avro.md. What is refused and under
/// which code: docs/rejects.md.
#pragma once

#include <arrow/type_fwd.h>

#include <memory>

#include "decode/avro/avro_schema.h"
#include "decode/decoder.h"

namespace sluice {

/// The entry for src/main/.
FormatEntry AvroFormat();

struct AvroDecoderOptions {
  /// What bare datums are written with; null: with the schema that is read.
  std::shared_ptr<const AvroSchema> writer;
  /// The columns: either an Avro schema, or declared ones. With neither, the writer's.
  std::shared_ptr<const AvroSchema> reader;
  SchemaPtr declared;
  bool logical_types = true;
  DecodeLimits limits;
};

/// For tests and benchmarks: without options to parse. `pool` outlives the decoder and its results.
Result<std::unique_ptr<Decoder>> MakeAvroDecoder(AvroDecoderOptions options,
                                                 arrow::MemoryPool* pool);

}  // namespace sluice
