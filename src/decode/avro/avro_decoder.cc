#include "decode/avro/avro_decoder.h"

#include <arrow/array/data.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <utility>

#include "decode/read_batch.h"
#include "record/arrow_error.h"

namespace sluice {
namespace {

constexpr std::size_t kKeptScratch = 1u << 20;
constexpr std::string_view kSingleObject("\xc3\x01", 2);
constexpr std::size_t kSingleObjectHeader = 10;

std::uint64_t LittleEndian64(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 8; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

std::string Hex(std::uint64_t value) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (int shift = 60; shift >= 0; shift -= 4) out += kDigits[value >> shift & 15];
  return out;
}

}  // namespace

Result<std::unique_ptr<AvroDecoder>> AvroDecoder::Make(AvroDecoderOptions options,
                                                       arrow::MemoryPool* pool) {
  SchemaPtr columns = options.declared;
  if (columns != nullptr) {
    TRY(options.reader, AvroSchemaOfColumns(*columns));
  } else {
    if (options.reader == nullptr) options.reader = options.writer;
    TRY(columns, AvroColumns(*options.reader));
  }
  if (options.writer == nullptr) options.writer = options.reader;
  TRY(auto rows, ColumnBuilder::ForSchema(*columns, pool));
  std::unique_ptr<AvroDecoder> decoder(
      new AvroDecoder(std::move(columns), std::move(rows), std::move(options)));
  TRY(decoder->Compile());
  return decoder;
}

AvroProgram::Target AvroDecoder::TargetOf() const {
  return {&options_.reader->root(), rows_.get(), options_.declared != nullptr};
}

Result<void> AvroDecoder::Compile() {
  TRY(bare_, AvroProgram::Make(options_.writer, TargetOf()));
  // A schema made of declared columns has no names, and so no fingerprint that others know.
  if (options_.declared != nullptr && options_.writer == options_.reader) return {};
  has_fingerprint_ = true;
  bare_fingerprint_ = options_.writer->Fingerprint();
  if (options_.declared != nullptr || options_.writer == options_.reader) return {};
  reader_fingerprint_ = options_.reader->Fingerprint();
  TRY(like_reader_, AvroProgram::Make(options_.reader, TargetOf()));
  return {};
}

Result<DecodedRows> AvroDecoder::Decode(const std::vector<Payload>& payloads) {
  reader_.StartBatch();
  const auto read = [this](const Payload& payload) -> Result<std::int64_t> {
    reader_.BeginMessage(payload.record);
    inflated_ = 0;
    if (payload.schema != nullptr) {
      ReadRegistered(payload);
    } else {
      ReadMessage({payload.data, payload.size});
    }
    TRY(reader_.EndMessage());
    return static_cast<std::int64_t>(inflated_) + reader_.spent();
  };
  TRY(DecodedRows out, ReadBatch(payloads, schema_, rows_.get(), &reader_, read));
  scratch_.Trim(kKeptScratch);
  return out;
}

/// The forms by their first bytes. A bare datum may begin with any, so a form counts only if its
/// header is one; and where nothing fits, the form that the message seems to have is what failed.
bool AvroDecoder::ReadMessage(std::string_view message) {
  AvroFault fault;
  if (BeginsAvroFile(message)) {
    if (ReadFile(message, &fault)) return true;
  } else if (message.starts_with(kSingleObject) && message.size() >= kSingleObjectHeader) {
    const std::uint64_t fingerprint = LittleEndian64(message.substr(2, 8));
    const AvroProgram* program = nullptr;
    if (has_fingerprint_ && fingerprint == bare_fingerprint_) program = bare_.get();
    if (like_reader_ != nullptr && fingerprint == reader_fingerprint_) program = like_reader_.get();
    if (program != nullptr) {
      return reader_.ReadRows(*program, message.substr(kSingleObjectHeader), 1, kSingleObjectHeader,
                              /*inflated=*/false);
    }
    fault = {2, "avro.fingerprint",
             "the single-object encoding names a schema of fingerprint " + Hex(fingerprint) +
                 (has_fingerprint_ ? ", not " + Hex(bare_fingerprint_)
                                   : ", but declared columns have none: set avroSchema")};
  }
  const bool read = reader_.ReadRows(*bare_, message, 1, 0, /*inflated=*/false);
  if (fault.reason.empty() || (read && !reader_.rejected_rows())) return read;
  reader_.Restart();
  return reader_.Refuse(fault.byte, fault.code, std::move(fault.reason));
}

/// What is named by a registry is a datum, whatever it begins with.
void AvroDecoder::ReadRegistered(const Payload& payload) {
  const WriterProgram& writer = ProgramFor(*payload.schema);
  if (writer.program == nullptr) {
    reader_.Refuse(0, writer.code.c_str(), writer.reason);
  } else {
    reader_.ReadRows(*writer.program, {payload.data, payload.size}, 1, 0, /*inflated=*/false);
  }
}

bool AvroDecoder::ReadFile(std::string_view message, AvroFault* fault) {
  AvroFileHeader header;
  if (!ReadAvroFileHeader(message, &header, fault)) return false;
  const WriterProgram& file = ProgramFor(header.schema);
  if (file.program == nullptr) {
    reader_.Refuse(static_cast<std::size_t>(header.schema.data() - message.data()),
                   file.code.c_str(), file.reason);
  } else {
    ReadAvroBlocks(message, header, *file.program, options_.limits, &scratch_, &reader_,
                   &inflated_);
  }
  return true;
}

AvroDecoder::WriterProgram AvroDecoder::CompileFor(const std::string& schema,
                                                   const std::vector<std::string>* references,
                                                   const char* whose) const {
  WriterProgram made;
  auto compile = [&]() -> Result<std::unique_ptr<AvroProgram>> {
    TRY(auto writer, AvroSchema::Parse(schema, {options_.logical_types, references}));
    return AvroProgram::Make(std::move(writer), TargetOf());
  };
  auto program = compile();
  if (program.ok()) {
    made.program = *std::move(program);
  } else {
    made.code = program.error().code;
    made.reason = whose + program.error().message;
  }
  return made;
}

/// Streams repeat few schemas, often one: the last one is looked at first.
template <typename Is, typename MakeIt>
const AvroDecoder::WriterProgram& AvroDecoder::FindOrMake(WriterPrograms* programs, Is is,
                                                          MakeIt make) {
  std::vector<WriterProgram>& all = programs->all;
  if (programs->last < all.size() && is(all[programs->last])) return all[programs->last];
  for (programs->last = 0; programs->last < all.size(); ++programs->last) {
    if (is(all[programs->last])) return all[programs->last];
  }
  if (all.size() < programs->most) {
    all.push_back(make());
    return all.back();
  }
  programs->last = programs->oldest;
  programs->oldest = (programs->oldest + 1) % programs->most;
  return all[programs->last] = make();
}

const AvroDecoder::WriterProgram& AvroDecoder::ProgramFor(std::string_view file_schema) {
  return FindOrMake(
      &files_, [&](const WriterProgram& one) { return one.schema == file_schema; },
      [&] {
        std::string text(file_schema);
        WriterProgram made = CompileFor(text, nullptr, "the file's schema: ");
        made.schema = std::move(text);
        return made;
      });
}

const AvroDecoder::WriterProgram& AvroDecoder::ProgramFor(const RegisteredSchema& schema) {
  return FindOrMake(
      &registered_, [&](const WriterProgram& one) { return one.registered == &schema; },
      [&] {
        WriterProgram made =
            CompileFor(schema.text, &schema.references, "the schema in the registry: ");
        made.registered = &schema;
        return made;
      });
}

}  // namespace sluice
