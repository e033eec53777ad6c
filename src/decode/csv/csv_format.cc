#include "decode/csv/csv_format.h"

#include <arrow/array/data.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <utility>

#include "decode/codec/plain_text.h"
#include "decode/read_batch.h"
#include "decode/rescued_column.h"
#include "decode/utf8_text.h"
#include "record/arrow_error.h"

namespace sluice {
namespace {

bool IsControl(const CsvDialect& dialect) {
  const auto control = [](std::optional<char> c) { return c && *c != '\t' && *c >= 0 && *c < ' '; };
  return control(dialect.separator) || control(dialect.quote) || control(dialect.escaper);
}

class CsvDecoder : public Decoder {
 public:
  /// `controls`: whether the dialect itself gives control characters a meaning.
  CsvDecoder(SchemaPtr schema, std::unique_ptr<ColumnBuilder> rows, CsvReader reader, bool controls)
      : schema_(std::move(schema)),
        rows_(std::move(rows)),
        reader_(std::move(reader)),
        controls_(controls) {}

  const SchemaPtr& schema() const override { return schema_; }

  bool MayBeMessage(std::string_view bytes) override {
    return controls_ ? IsUtf8(bytes) : LooksLikeText(bytes);
  }

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
  CsvReader reader_;
  const bool controls_;
};

OptionSpec Text(const char* name, const char* value, const char* help, const char* example) {
  OptionSpec spec;
  spec.name = name;
  spec.default_value = value;
  spec.help = help;
  spec.example = example;
  return spec;
}

OptionSpec Flag(const char* name, const char* help) {
  OptionSpec spec = Text(name, "false", help, "true");
  spec.type = OptionType::kBool;
  return spec;
}

std::vector<OptionSpec> CsvOptions() {
  OptionSpec separator = Text(
      "separator", ",",
      "What stands between two cells: one ASCII character, also as \\t, \\u0001, comma, ctrla, "
      "pipe, semicolon or tab.",
      ";");
  separator.aliases = {"delimiter", "sep"};
  OptionSpec quote = Text(
      "quoteChar", "\"",
      "What stands around cells that hold separators, quotes or line ends. -1 turns quotes off.",
      "'");
  quote.aliases = {"quote"};
  OptionSpec escaper =
      Text("escaper", "none",
           "The character behind it is taken as it is, but for \\n, \\r, \\t and \\0. It is not "
           "needed for quotes: in a quoted cell two of them are one.",
           "\\");
  escaper.aliases = {"escape"};
  OptionSpec lines = Flag(
      "multiLine",
      "A quoted cell may hold line ends. Without it every line end ends a row, and a quote that is "
      "not closed spoils its own line only.");
  lines.aliases = {"multiline"};
  OptionSpec header =
      Flag("withHeader",
           "The first row of each message names the columns: they are found by name, in any order; "
           "names that the schema does not have are dropped, columns that are not named are null.");
  header.aliases = {"header"};
  OptionSpec skip =
      Flag("skipFirst", "Drops the first row of each message, or the first behind the header.");
  OptionSpec null = Text("nullValue", "",
                         "A cell that is null if it is not quoted; an empty one always is.", "\\N");
  OptionSpec ragged = Text(
      "raggedRows", "reject",
      "What becomes of a row with too few or too many cells: reject; fill makes missing ones at "
      "the end null; fillAndCut also drops surplus ones, as Spark does.",
      "fill");
  ragged.choices = {"reject", "fill", "fillAndCut"};
  OptionSpec unit =
      Text("timestampUnit", "",
           "What an integer in a timestamp column counts since 1970-01-01T00:00:00Z. Without it "
           "integers are rejected there, for 20261123 may be meant as a date.",
           "milliseconds");
  unit.choices = {"seconds", "milliseconds", "microseconds", "nanoseconds"};
  return {
      separator,
      quote,
      escaper,
      lines,
      header,
      skip,
      null,
      ragged,
      unit,
      Flag("strictCheckForQuoting",
           "Accepted for Glue's sake. It is about writing; reading is always strict about quotes."),
      Flag("writeHeader", "Accepted for Glue's sake. It is about writing."),
      Flag("optimizePerformance", "Accepted for Glue's sake. There is only the fast reader.")};
}

std::optional<EpochUnit> UnitOf(const std::string& name) {
  if (name == "seconds") return EpochUnit::kSeconds;
  if (name == "milliseconds") return EpochUnit::kMillis;
  if (name == "microseconds") return EpochUnit::kMicros;
  if (name == "nanoseconds") return EpochUnit::kNanos;
  return std::nullopt;
}

CsvRagged RaggedOf(const std::string& name) {
  if (name == "fill") return CsvRagged::kFill;
  return name == "fillAndCut" ? CsvRagged::kFillAndCut : CsvRagged::kReject;
}

Result<CsvReaderOptions> ReaderOptions(const Options& options, const DecodeLimits& limits) {
  CsvReaderOptions reader;
  reader.limits = limits;
  TRY(reader.dialect, ParseCsvDialect(options.String("separator"), options.String("quoteChar"),
                                      options.String("escaper")));
  reader.dialect.multi_line = options.Bool("multiLine");
  reader.with_header = options.Bool("withHeader");
  reader.skip_first = options.Bool("skipFirst");
  reader.ragged = RaggedOf(options.String("raggedRows"));
  reader.null_text = options.String("nullValue");
  reader.timestamp_unit = UnitOf(options.String("timestampUnit"));
  return reader;
}

Result<std::unique_ptr<Decoder>> MakeDetecting(const Options& options, SchemaPtr known,
                                               const DecodeLimits& limits) {
  TRY(CsvReaderOptions reader, ReaderOptions(options, limits));
  reader.detect = true;
  TRY(SchemaPtr columns, WithRescued(known));
  return MakeCsvDecoder(std::move(columns), std::move(reader), arrow::default_memory_pool());
}

Result<std::unique_ptr<Decoder>> MakeFromOptions(const Options& options, SchemaPtr declared,
                                                 const DecodeLimits& limits) {
  if (declared == nullptr) {
    return UserError("csv.schema",
                     "classification csv needs the source's `schema`, for example "
                     "schema: id bigint, name string");
  }
  TRY(CsvReaderOptions reader, ReaderOptions(options, limits));
  return MakeCsvDecoder(std::move(declared), std::move(reader), arrow::default_memory_pool());
}

}  // namespace

Result<std::unique_ptr<Decoder>> MakeCsvDecoder(SchemaPtr schema, CsvReaderOptions options,
                                                arrow::MemoryPool* pool) {
  TRY(auto rows, ColumnBuilder::ForSchema(*schema, pool));
  const bool controls = IsControl(options.dialect);
  TRY(CsvReader reader, CsvReader::Make(rows.get(), std::move(options)));
  return std::unique_ptr<Decoder>(std::make_unique<CsvDecoder>(std::move(schema), std::move(rows),
                                                               std::move(reader), controls));
}

FormatEntry CsvFormat() {
  FormatEntry entry;
  entry.name = "csv";
  entry.summary = "CSV: one row or several in a message, with or without a header";
  entry.options = CsvOptions();
  entry.make = MakeFromOptions;
  entry.make_detecting = MakeDetecting;
  entry.rescues_texts = true;
  return entry;
}

}  // namespace sluice
