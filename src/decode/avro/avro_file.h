/// Avro object container files: a header with the schema, then blocks of datums.
///
/// Version 1 is the specification's; version 0 is what Avro 1.2 wrote, with its header at the end
/// and no lengths (source: DataFileReader12 of Avro's Java library).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "decode/avro/avro_reader.h"
#include "decode/codec/codec_buffer.h"

namespace sluice {

struct AvroFault {
  std::size_t byte = 0;  ///< Where in the file.
  const char* code = "avro.file";
  std::string reason;
};

struct AvroFileHeader {
  int version = 1;
  std::string_view schema;  ///< JSON; points into the file.
  std::string_view codec;   ///< "null" if it names none.
  std::string_view sync;    ///< 16 bytes.
  std::size_t blocks = 0;   ///< Where the first one begins.
  std::size_t blocks_end = 0;
};

/// Whether the first bytes are those of a file; a bare datum may begin so, too.
bool BeginsAvroFile(std::string_view bytes);

bool ReadAvroFileHeader(std::string_view file, AvroFileHeader* header, AvroFault* fault);

/// Reads every block of a file into `rows`, which says why if it cannot. Each block is decompressed
/// into `scratch`. All blocks together are capped as a compressed message is; `*inflated` counts.
bool ReadAvroBlocks(std::string_view file, const AvroFileHeader& header, const AvroProgram& program,
                    const DecodeLimits& limits, CodecBuffer* scratch, AvroReader* rows,
                    std::size_t* inflated);

}  // namespace sluice
