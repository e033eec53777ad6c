// Any bytes as an Avro object container file, read with its own schema and with declared columns.
#include <arrow/array.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "decode/avro/avro_file.h"
#include "decode/avro/avro_format.h"
#include "record/schema.h"

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

void Check(sluice::Decoder* decoder, std::string_view file) {
  auto decoded = decoder->Decode({{file.data(), file.size(), 0}});
  Require(decoded.ok());
  Require(decoded->rows->ValidateFull().ok());
  for (const auto& reject : decoded->rejects) {
    Require(reject.byte >= 0 && reject.byte <= static_cast<std::int64_t>(file.size()));
    Require(reject.row >= 0 || decoded->rows->num_rows() == 0);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto declared = [] {
    sluice::AvroDecoderOptions options;
    options.declared = *sluice::ParseDdl("station string, time bigint, text string, a int");
    return *sluice::MakeAvroDecoder(std::move(options), arrow::default_memory_pool());
  }();
  auto block = std::make_unique<char[]>(size + 4);
  // Mutations of the magic number would be no files.
  std::memcpy(block.get(), "Obj\1", 4);
  if (size > 0) {
    std::memcpy(block.get() + 4, data, size);
    if ((data[0] & 0x80) != 0) block[3] = 0;
  }
  const std::string_view file(block.get(), size + 4);
  Check(declared.get(), file);
  sluice::AvroFileHeader header;
  sluice::AvroFault fault;
  if (!sluice::ReadAvroFileHeader(file, &header, &fault)) return 0;
  auto schema = sluice::AvroSchema::Parse(header.schema);
  if (!schema.ok()) return 0;
  sluice::AvroDecoderOptions options;
  options.writer = *schema;
  auto own = sluice::MakeAvroDecoder(std::move(options), arrow::default_memory_pool());
  if (own.ok()) Check(own->get(), file);
  return 0;
}
