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

inline DecodedRows DecodeAvro(Decoder* decoder, const std::vector<std::string>& messages) {
  std::vector<Payload> payloads;
  // Each on a heap block of exactly its size, so that a sanitizer sees any byte read beyond.
  std::vector<std::unique_ptr<char[]>> blocks;
  for (const std::string& message : messages) {
    blocks.push_back(std::make_unique<char[]>(message.size()));
    message.copy(blocks.back().get(), message.size());
    payloads.push_back(
        {blocks.back().get(), message.size(), static_cast<std::uint32_t>(payloads.size())});
  }
  auto decoded = decoder->Decode(payloads);
  EXPECT_TRUE(decoded.ok()) << decoded.error().message;
  const auto valid = decoded->rows->ValidateFull();
  EXPECT_TRUE(valid.ok()) << valid.ToString();
  EXPECT_EQ(static_cast<std::int64_t>(decoded->record_of_row.size()), decoded->rows->num_rows());
  EXPECT_TRUE(decoded->row_in_message.empty() ||
              decoded->row_in_message.size() == decoded->record_of_row.size());
  return std::move(*decoded);
}

inline DecodedRows DecodeAvro(AvroDecoderOptions options,
                              const std::vector<std::string>& messages) {
  auto decoder = MakeAvroDecoder(std::move(options), arrow::default_memory_pool());
  EXPECT_TRUE(decoder.ok()) << decoder.error().message;
  return DecodeAvro(decoder->get(), messages);
}

inline std::string MakeError(AvroDecoderOptions options) {
  auto decoder = MakeAvroDecoder(std::move(options), arrow::default_memory_pool());
  return decoder.ok() ? "" : decoder.error().code + ": " + decoder.error().message;
}

/// The rows, one a line, columns separated by " | ".
inline std::string Rows(const DecodedRows& decoded) {
  std::string out;
  for (std::int64_t row = 0; row < decoded.rows->num_rows(); ++row) {
    for (int i = 0; i < decoded.rows->num_columns(); ++i) {
      if (i > 0) out += " | ";
      out += (*decoded.rows->column(i)->GetScalar(row))->ToString();
    }
    out += "\n";
  }
  return out;
}

/// "code field @byte #message.row" of every reject, one a line.
inline std::string Rejects(const DecodedRows& decoded) {
  std::string out;
  for (const Reject& reject : decoded.rejects) {
    out += reject.code + " " + reject.field + "@" + std::to_string(reject.byte) + " #" +
           std::to_string(reject.record);
    if (reject.row != Reject::kWholeMessage) out += "." + std::to_string(reject.row);
    out += "\n";
  }
  return out;
}

}  // namespace sluice
