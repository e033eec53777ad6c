/// Avro object container files (specification 1.12).
///
/// Blocks of about 64 KiB before compression, a random sync marker for each file, the schema made
/// of the columns: see avro_written_schema.h. Only the block being filled is in memory.
#pragma once

#include "encode/encoder.h"

namespace sluice {

EncoderEntry AvroEncoderEntry();

}  // namespace sluice
