#include "decode/avro/avro_format.h"

#include <arrow/memory_pool.h>
#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>

#include <utility>

#include "decode/avro/avro_columns.h"
#include "decode/avro/avro_decoder.h"
#include "decode/avro/avro_detection.h"
#include "decode/avro/avro_file.h"
#include "decode/codec/codec_list.h"

namespace sluice {
namespace {

/// The key under which a declared schema carries its Avro text: the one files have in their header.
constexpr const char* kSchemaKey = "avro.schema";

SchemaPtr WithText(const SchemaPtr& columns, std::string_view text) {
  return columns->WithMetadata(
      arrow::key_value_metadata({std::string(kSchemaKey)}, {std::string(text)}));
}

/// DDL begins with a name; Avro schemas are JSON.
bool IsJson(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  return begin != std::string_view::npos &&
         (text[begin] == '{' || text[begin] == '[' || text[begin] == '"');
}

Result<SchemaPtr> ParseSchema(std::string_view text) {
  if (!IsJson(text)) return ParseDdl(text);
  TRY(auto schema, AvroSchema::Parse(text));
  TRY(SchemaPtr columns, AvroColumns(*schema));
  return WithText(columns, text);
}

bool LogicalTypes(const Options& options) { return options.String("version") != "1.7"; }

/// What `message` is if it is a whole file, compressed; else `message`.
std::string_view Decompressed(std::string_view message, CodecBuffer* buffer) {
  if (BeginsAvroFile(message)) return message;
  for (const Codec& codec : Codecs()) {
    if (codec.begins != nullptr && !codec.begins(message)) continue;
    buffer->Clear();
    const auto result = codec.decompress(message, DecodeLimits().decompressed_bytes, buffer);
    if (result.status == CodecStatus::kOk && BeginsAvroFile(buffer->view())) return buffer->view();
  }
  return message;
}

/// The schema of the file that `message` is. Nothing to find out if `avroSchema` is given.
Result<std::string> InferSchema(const Options& options, std::string_view message) {
  if (options.Given("avroSchema")) return std::string();
  CodecBuffer buffer;
  message = Decompressed(message, &buffer);
  AvroFileHeader header;
  AvroFault fault;
  if (!BeginsAvroFile(message)) {
    return UserError("avro.schema_needed",
                     "this is no Avro object container file, so its schema must be given: set "
                     "avroSchema, or declare the columns with `schema`");
  }
  if (!ReadAvroFileHeader(message, &header, &fault)) {
    return UserError("avro.schema_needed", "this Avro file has no schema to read: " + fault.reason +
                                               " (byte " + std::to_string(fault.byte) + ")");
  }
  TRY(auto schema, AvroSchema::Parse(header.schema, {LogicalTypes(options)}));
  TRY(AvroColumns(*schema));
  return std::string(header.schema);
}

std::vector<OptionSpec> AvroOptions() {
  OptionSpec schema;
  schema.name = "avroSchema";
  schema.help =
      "The Avro schema (JSON) that bare datums are written with. Without `schema` it also says "
      "which "
      "columns there are. An object container file brings its own.";
  schema.example = R"({"type":"record","name":"Click","fields":[{"name":"id","type":"long"}]})";
  OptionSpec version;
  version.name = "version";
  version.default_value = "1.8";
  version.choices = {"1.7", "1.8"};
  version.help =
      "1.8 reads logical types (decimal, date, timestamps); 1.7 what they are stored as.";
  version.example = "1.7";
  return {schema, version};
}

Result<std::unique_ptr<Decoder>> MakeFromOptions(const Options& options, SchemaPtr declared,
                                                 const DecodeLimits& limits) {
  AvroDecoderOptions made;
  made.limits = limits;
  made.logical_types = LogicalTypes(options);
  if (options.Given("avroSchema")) {
    auto writer = AvroSchema::Parse(options.String("avroSchema"), {made.logical_types});
    if (!writer.ok()) return std::move(writer).error().At("avroSchema");
    made.writer = *std::move(writer);
  }
  std::string text;
  if (declared != nullptr && declared->metadata() != nullptr) {
    const auto found = declared->metadata()->Get(kSchemaKey);
    if (found.ok()) text = *found;
  }
  if (!text.empty()) {
    auto reader = AvroSchema::Parse(text, {made.logical_types});
    if (!reader.ok()) return std::move(reader).error().At("schema");
    made.reader = *std::move(reader);
  } else {
    made.declared = std::move(declared);
  }
  if (made.writer == nullptr && made.reader == nullptr && made.declared == nullptr) {
    return UserError(
        "avro.schema_needed",
        "classification avro needs avroSchema, the schema its records are written with, or the "
        "source's `schema`, for example schema: id bigint, name string. The columns of an Avro "
        "file are "
        "printed by: sluice decode --classification avro --print-schema FILE");
  }
  return MakeAvroDecoder(std::move(made), arrow::default_memory_pool());
}

Result<std::unique_ptr<Decoder>> MakeDetecting(const Options& options, SchemaPtr known,
                                               const DecodeLimits& limits) {
  if (options.Given("avroSchema")) {
    return UserError(
        "avro.schema_given",
        "avroSchema says what is in the records; leave inferSchema out, or avroSchema");
  }
  return MakeDetectingAvroDecoder(std::move(known), {LogicalTypes(options), limits},
                                  arrow::default_memory_pool());
}

}  // namespace

Result<std::unique_ptr<Decoder>> MakeAvroDecoder(AvroDecoderOptions options,
                                                 arrow::MemoryPool* pool) {
  TRY(auto decoder, AvroDecoder::Make(std::move(options), pool));
  return std::unique_ptr<Decoder>(std::move(decoder));
}

FormatEntry AvroFormat() {
  FormatEntry entry;
  entry.name = "avro";
  entry.summary = "Avro: bare datums, single-object encoding and object container files";
  entry.options = AvroOptions();
  entry.make = MakeFromOptions;
  entry.make_detecting = MakeDetecting;
  entry.observes_schemas = true;
  entry.options_tell_columns = [](const Options& options) { return options.Given("avroSchema"); };
  entry.parse_schema = ParseSchema;
  entry.infer_schema = InferSchema;
  entry.registered_as = {RegisteredSchema::Type::kAvro};
  return entry;
}

}  // namespace sluice
