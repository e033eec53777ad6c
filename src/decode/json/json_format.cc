#include "decode/json/json_format.h"

#include <arrow/array/data.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <string_view>
#include <utility>

#include "decode/json/json_path.h"
#include "decode/json/json_scan.h"
#include "decode/read_batch.h"
#include "decode/rescued_column.h"
#include "record/arrow_error.h"

namespace sluice {
namespace {

/// Whether a record or an array may begin here: an object with a key or none, or an array. Numbers
/// and bare texts are no records.
bool MayBeJson(std::string_view bytes) {
  if (bytes.starts_with("\xef\xbb\xbf")) bytes.remove_prefix(3);
  const auto skip = [&] {
    while (!bytes.empty() && IsJsonSpace(bytes[0])) bytes.remove_prefix(1);
    return bytes.empty() ? ' ' : bytes[0];
  };
  const char open = skip();
  if (open == '[') return true;
  if (open != '{') return bytes.empty();
  bytes.remove_prefix(1);
  const char next = skip();
  return next == '"' || next == '}' || bytes.empty();
}

class JsonDecoder : public Decoder {
 public:
  JsonDecoder(SchemaPtr schema, std::unique_ptr<ColumnBuilder> rows, JsonReaderOptions options)
      : schema_(std::move(schema)),
        rows_(std::move(rows)),
        reader_(rows_.get(), std::move(options)) {}

  const SchemaPtr& schema() const override { return schema_; }
  bool MayBeMessage(std::string_view bytes) override { return MayBeJson(bytes); }

  Result<DecodedRows> Decode(const std::vector<Payload>& payloads) override {
    reader_.StartBatch();
    const auto read = [this](const Payload& payload) -> Result<std::int64_t> {
      TRY(reader_.ReadMessage(payload));
      return reader_.filled();
    };
    TRY(DecodedRows out, ReadBatch(payloads, schema_, rows_.get(), &reader_, read));
    out.unseen = reader_.TakeUnseen();
    reader_.Trim();
    return out;
  }

 private:
  SchemaPtr schema_;
  std::unique_ptr<ColumnBuilder> rows_;
  JsonReader reader_;
};

/// JSON's keys are text, so a map's key must be too.
Result<void> CheckMapKeys(const arrow::DataType& type, const std::string& path) {
  if (type.id() == arrow::Type::MAP) {
    const auto& map = static_cast<const arrow::MapType&>(type);
    if (map.key_type()->id() != arrow::Type::STRING) {
      return UserError("json.map_key", "column '" + path + "' is a map with keys of type " +
                                           FormatDdlType(*map.key_type()) +
                                           "; keys in JSON are text: write map<string, ...>");
    }
    return CheckMapKeys(*map.item_type(), path + ".value");
  }
  for (const auto& field : type.fields()) {
    TRY(CheckMapKeys(*field->type(), path.empty() ? field->name() : path + "." + field->name()));
  }
  return {};
}

std::vector<OptionSpec> JsonOptions() {
  OptionSpec path;
  path.name = "jsonPath";
  path.default_value = "$";
  path.help =
      "Where in a message its records are: $, then .name or ['name'] as often as needed, then "
      "perhaps "
      "[*]. It must lead to an object, or to an array of objects.";
  path.example = "$.data.events[*]";
  OptionSpec unit;
  unit.name = "timestampUnit";
  unit.default_value = "seconds";
  unit.choices = {"seconds", "milliseconds", "microseconds", "nanoseconds"};
  unit.help =
      "What an integer in a timestamp column counts since 1970-01-01T00:00:00Z. Seconds, as in "
      "Spark.";
  unit.example = "milliseconds";
  OptionSpec lines;
  lines.name = "multiLine";
  lines.type = OptionType::kBool;
  lines.default_value = "false";
  lines.aliases = {"multiline"};
  lines.help =
      "Accepted for Glue's sake. Records may span lines and lines may hold records, whatever it "
      "says.";
  lines.example = "true";
  OptionSpec optimize;
  optimize.name = "optimizePerformance";
  optimize.type = OptionType::kBool;
  optimize.default_value = "false";
  optimize.help = "Accepted for Glue's sake. There is only the fast reader.";
  optimize.example = "true";
  OptionSpec with_schema;
  with_schema.name = "withSchema";
  with_schema.help =
      "Glue's schema as JSON text. Not read here: declare the columns with the source's `schema`.";
  with_schema.example = "";
  return {path, unit, lines, optimize, with_schema};
}

EpochUnit UnitOf(const std::string& name) {
  if (name == "milliseconds") return EpochUnit::kMillis;
  if (name == "microseconds") return EpochUnit::kMicros;
  if (name == "nanoseconds") return EpochUnit::kNanos;
  return EpochUnit::kSeconds;
}

Result<JsonReaderOptions> ReaderOptions(const Options& options, const DecodeLimits& limits) {
  JsonReaderOptions reader;
  reader.limits = limits;
  reader.timestamp_unit = UnitOf(options.String("timestampUnit"));
  TRY(JsonPath path, ParseJsonPath(options.String("jsonPath")));
  reader.path = std::move(path.keys);
  reader.path_to_items = path.to_items;
  return reader;
}

Result<std::unique_ptr<Decoder>> MakeDetecting(const Options& options, SchemaPtr known,
                                               const DecodeLimits& limits) {
  TRY(JsonReaderOptions reader, ReaderOptions(options, limits));
  reader.detect = true;
  TRY(SchemaPtr columns, WithRescued(known));
  return MakeJsonDecoder(std::move(columns), std::move(reader), arrow::default_memory_pool());
}

Result<std::unique_ptr<Decoder>> MakeFromOptions(const Options& options, SchemaPtr declared,
                                                 const DecodeLimits& limits) {
  if (options.Given("withSchema")) {
    return UserError("json.with_schema",
                     "withSchema is not read; declare the columns with the source's `schema`, for "
                     "example schema: id bigint, name string");
  }
  if (declared == nullptr) {
    return UserError("json.schema",
                     "classification json needs the source's `schema`, for example "
                     "schema: id bigint, name string");
  }
  TRY(JsonReaderOptions reader, ReaderOptions(options, limits));
  return MakeJsonDecoder(std::move(declared), std::move(reader), arrow::default_memory_pool());
}

}  // namespace

Result<std::unique_ptr<Decoder>> MakeJsonDecoder(SchemaPtr schema, JsonReaderOptions options,
                                                 arrow::MemoryPool* pool) {
  TRY(CheckMapKeys(*arrow::struct_(schema->fields()), ""));
  TRY(auto rows, ColumnBuilder::ForSchema(*schema, pool));
  return std::unique_ptr<Decoder>(
      std::make_unique<JsonDecoder>(std::move(schema), std::move(rows), std::move(options)));
}

FormatEntry JsonFormat() {
  FormatEntry entry;
  entry.name = "json";
  entry.summary = "JSON objects: one, several or an array of them in a message";
  entry.options = JsonOptions();
  entry.registered_as = {RegisteredSchema::Type::kJson};
  entry.make = MakeFromOptions;
  entry.make_detecting = MakeDetecting;
  return entry;
}

}  // namespace sluice
