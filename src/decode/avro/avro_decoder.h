/// Messages in any of Avro's forms, decoded into one set of columns.
#pragma once

#include <arrow/type_fwd.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "decode/avro/avro_file.h"
#include "decode/avro/avro_format.h"
#include "decode/avro/avro_program.h"
#include "decode/avro/avro_reader.h"
#include "decode/codec/codec_buffer.h"
#include "decode/decoder.h"

namespace sluice {

class AvroDecoder final : public Decoder {
 public:
  static Result<std::unique_ptr<Decoder>> Make(AvroDecoderOptions options, arrow::MemoryPool* pool);

  const SchemaPtr& schema() const override { return schema_; }
  Result<DecodedRows> Decode(const std::vector<Payload>& payloads) override;

 private:
  /// What became of a schema that came with a file.
  struct FileProgram {
    std::string schema;
    std::unique_ptr<AvroProgram> program;
    std::string code;  ///< Why there is no program.
    std::string reason;
  };

  AvroDecoder(SchemaPtr schema, std::unique_ptr<ColumnBuilder> rows, AvroDecoderOptions options)
      : schema_(std::move(schema)),
        rows_(std::move(rows)),
        options_(std::move(options)),
        reader_(rows_.get(), options_.limits) {}

  Result<void> Compile();
  bool ReadMessage(std::string_view message);
  /// False if it is no file after all, with `fault` saying why.
  bool ReadFile(std::string_view message, AvroFault* fault);
  const FileProgram& ProgramFor(std::string_view schema);
  AvroProgram::Target TargetOf() const;

  SchemaPtr schema_;
  std::unique_ptr<ColumnBuilder> rows_;
  AvroDecoderOptions options_;
  std::unique_ptr<AvroProgram> bare_;         ///< For datums of options_.writer.
  std::unique_ptr<AvroProgram> like_reader_;  ///< For datums of the reader's schema, if another.
  std::uint64_t bare_fingerprint_ = 0;
  std::uint64_t reader_fingerprint_ = 0;
  bool has_fingerprint_ = false;
  AvroReader reader_;
  CodecBuffer scratch_;
  std::size_t inflated_ = 0;
  std::vector<FileProgram> files_;  ///< The last kKeptPrograms schemas.
  std::size_t last_file_ = 0;
  std::size_t oldest_file_ = 0;
};

}  // namespace sluice
