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
  static Result<std::unique_ptr<AvroDecoder>> Make(AvroDecoderOptions options,
                                                   arrow::MemoryPool* pool);

  const SchemaPtr& schema() const override { return schema_; }
  Result<DecodedRows> Decode(const std::vector<Payload>& payloads) override;

  /// Whether data written with this schema fit the columns. It stays as long as the decoder.
  bool Reads(const RegisteredSchema& schema) { return ProgramFor(schema).program != nullptr; }
  /// The same of object container files whose header has this schema.
  bool ReadsFilesOf(std::string_view schema) { return ProgramFor(schema).program != nullptr; }

 private:
  /// What became of a schema that came with a message.
  struct WriterProgram {
    std::string schema;  ///< Of a file, or:
    const RegisteredSchema* registered = nullptr;
    std::unique_ptr<AvroProgram> program;
    std::string code;  ///< Why there is no program.
    std::string reason;
  };
  /// The last `most` of them.
  struct WriterPrograms {
    std::size_t most = 0;
    std::vector<WriterProgram> all = {};
    std::size_t last = 0;
    std::size_t oldest = 0;
  };

  AvroDecoder(SchemaPtr schema, std::unique_ptr<ColumnBuilder> rows, AvroDecoderOptions options)
      : schema_(std::move(schema)),
        rows_(std::move(rows)),
        options_(std::move(options)),
        reader_(rows_.get(), options_.limits) {}

  Result<void> Compile();
  bool ReadMessage(std::string_view message);
  void ReadRegistered(const Payload& payload);
  /// False if it is no file after all, with `fault` saying why.
  bool ReadFile(std::string_view message, AvroFault* fault);
  const WriterProgram& ProgramFor(std::string_view file_schema);
  const WriterProgram& ProgramFor(const RegisteredSchema& schema);
  template <typename Is, typename MakeIt>
  static const WriterProgram& FindOrMake(WriterPrograms* programs, Is is, MakeIt make);
  WriterProgram CompileFor(const std::string& schema, const std::vector<std::string>* references,
                           const char* whose) const;
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
  WriterPrograms files_ = {.most = 16};
  WriterPrograms registered_ = {.most = 64};
};

}  // namespace sluice
