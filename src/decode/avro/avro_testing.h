/// What the tests of the Avro decoder share.
#pragma once

#include <arrow/array.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "decode/avro/avro_default.h"
#include "decode/avro/avro_format.h"
#include "decode/decode_testing.h"

namespace sluice {

/// Bytes of a datum or a file, one after the other: Datum().Long(3).Text("abc").
class Datum {
 public:
  Datum& Long(std::int64_t value) {
    AppendAvroLong(value, &bytes_);
    return *this;
  }
  Datum& Text(std::string_view text) {
    AppendAvroBytes(text, &bytes_);
    return *this;
  }
  Datum& Raw(std::string_view bytes) {
    bytes_ += bytes;
    return *this;
  }
  template <typename T>
  Datum& Real(T value) {
    return Raw({reinterpret_cast<const char*>(&value), sizeof value});
  }
  operator std::string() const { return bytes_; }  // NOLINT: that is what it is for.

 private:
  std::string bytes_;
};

/// A container file of one block.
inline std::string AvroFile(const std::string& schema, const std::string& codec, std::int64_t count,
                            const std::string& block) {
  const std::string sync = "0123456789abcdef";
  Datum file;
  file.Raw(std::string("Obj\1", 4)).Long(2).Text("avro.schema").Text(schema);
  file.Text("avro.codec").Text(codec).Long(0).Raw(sync).Long(count).Text(block).Raw(sync);
  return file;
}

inline std::shared_ptr<const AvroSchema> ParsedAvro(const std::string& json) {
  auto schema = AvroSchema::Parse(json);
  EXPECT_TRUE(schema.ok()) << schema.error().message;
  return schema.ok() ? *schema : nullptr;
}

inline AvroDecoderOptions WrittenAs(const std::string& json) {
  AvroDecoderOptions options;
  options.writer = ParsedAvro(json);
  return options;
}

inline DecodedRows DecodeAvro(AvroDecoderOptions options,
                              const std::vector<std::string>& messages) {
  auto decoder = MakeAvroDecoder(std::move(options), arrow::default_memory_pool());
  EXPECT_TRUE(decoder.ok()) << decoder.error().message;
  return DecodeMessages(decoder->get(), messages);
}

inline std::string MakeError(AvroDecoderOptions options) {
  auto decoder = MakeAvroDecoder(std::move(options), arrow::default_memory_pool());
  return decoder.ok() ? "" : decoder.error().code + ": " + decoder.error().message;
}

}  // namespace sluice
