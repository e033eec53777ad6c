#include "encode/csv/csv_encoder.h"

#include <arrow/type.h>

#include <optional>
#include <set>
#include <utility>

#include "encode/compressed_sink.h"
#include "encode/csv/csv_cell_writer.h"
#include "record/csv_dialect.h"

namespace sluice {
namespace {

constexpr std::size_t kTextBytes = 256u << 10;

Result<CsvDialect> Dialect(const Options& options) {
  return ParseCsvDialect(options.String("separator"), options.String("quoteChar"),
                         options.String("escaper"));
}

bool IsLetterOrDigit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

bool IsText(const arrow::Field& field) { return field.type()->id() == arrow::Type::STRING; }

/// What can be read with a dialect but not written.
Result<void> CheckDialect(const CsvDialect& dialect) {
  if (dialect.escaper && IsLetterOrDigit(*dialect.escaper)) {
    return UserError("csv.dialect", "escaper: a letter or digit stands in values, too; take \\");
  }
  if (!dialect.quote && IsLetterOrDigit(dialect.separator)) {
    return UserError("csv.dialect",
                     "separator: without quotes it cannot be a letter or digit; take another, or "
                     "leave quoteChar on");
  }
  constexpr std::string_view kInValues = "+-.:";
  if (!dialect.quote && !dialect.escaper && kInValues.find(dialect.separator) != kInValues.npos) {
    return UserError("csv.dialect",
                     "separator: it stands in numbers and times, too; set an escaper, or leave "
                     "quoteChar on");
  }
  return {};
}

Result<void> CheckNullValue(const CsvDialect& dialect, const std::string& null_text) {
  if (null_text.empty()) return {};
  const auto bad = [](const std::string& why) {
    return UserError("csv.null_value", "nullValue: " + why + "; take \\N");
  };
  const bool escaped = null_text[0] == dialect.escaper;
  const std::string_view rest = std::string_view(null_text).substr(escaped ? 1 : 0);
  for (const char c : rest) {
    if (c == dialect.separator || c == dialect.quote || c == dialect.escaper || c == '\n' ||
        c == '\r' || c == '\0') {
      return bad(
          "it cannot hold the separator, quotes, line ends, or an escaper that is not its "
          "first character");
    }
  }
  if (rest.empty()) return bad("the escaper alone escapes what follows it");
  if (!dialect.quote && !escaped) {
    return bad("without quotes a value could look the same, unless it begins with the escaper");
  }
  return {};
}

/// Rows of one column: an empty line is no row.
Result<void> CheckLoneColumn(const CsvDialect& dialect, const std::string& null_text,
                             const arrow::Field& field) {
  if (IsText(field) && !dialect.quote) {
    return UserError("csv.lone_column", "column " + field.name() +
                                            " is the only one, and without quotes an empty text "
                                            "would be an empty line, which is no row; leave "
                                            "quoteChar on, or write another column beside it");
  }
  if (field.nullable() && null_text.empty() && (IsText(field) || !dialect.quote)) {
    return UserError("csv.lone_column", "column " + field.name() +
                                            " is the only one, and null would be an empty line, "
                                            "which is no row; set nullValue: \\N, or write "
                                            "another column beside it");
  }
  return {};
}

Result<void> CheckColumn(const CsvDialect& dialect, const arrow::Field& field) {
  switch (field.type()->id()) {
    case arrow::Type::LIST:
    case arrow::Type::MAP:
    case arrow::Type::STRUCT:
      return UserError("csv.type", "column " + field.name() + " is " +
                                       FormatDdlType(*field.type()) +
                                       ", and a CSV cell holds one value; write it as text in the "
                                       "SQL (to_json), take it apart there, or leave it out");
    case arrow::Type::BINARY:
      return UserError("csv.type", "column " + field.name() +
                                       " is binary, and CSV is text; write it as text in the SQL "
                                       "(to_base64, hex), or leave it out");
    default:
      break;
  }
  if (IsText(field) && !dialect.quote && !dialect.escaper) {
    return UserError("csv.quote", "column " + field.name() +
                                      " is text, which may hold the separator or line ends; "
                                      "leave quoteChar on, or set an escaper");
  }
  return {};
}

Result<void> CheckSchema(const Options& options, const SchemaPtr& schema) {
  TRY(CheckTextCompression(options));
  TRY(const CsvDialect dialect, Dialect(options));
  TRY(CheckDialect(dialect));
  TRY(CheckNullValue(dialect, options.String("nullValue")));
  if (schema->num_fields() == 0) {
    return UserError("csv.schema", "there is no column to write to the CSV files");
  }
  std::set<std::string> names;
  for (const auto& field : schema->fields()) {
    if (!names.insert(field->name()).second) {
      return UserError("csv.schema", "two columns are called '" + field->name() +
                                         "'; rename one in the SQL (AS)");
    }
    TRY(CheckColumn(dialect, *field));
    if (dialect.quote || dialect.escaper || !options.Bool("writeHeader")) continue;
    if (field->name().find_first_of(std::string("\n\r") + dialect.separator) != std::string::npos) {
      return UserError("csv.quote", "the name of column " + field->name() +
                                        " holds the separator or a line end; leave quoteChar on, "
                                        "set an escaper, or rename it in the SQL (AS)");
    }
  }
  if (schema->num_fields() > 1) return {};
  return CheckLoneColumn(dialect, options.String("nullValue"), *schema->field(0));
}

OptionSpec Text(const char* name, const char* value, const char* help, const char* example,
                std::vector<std::string> aliases) {
  OptionSpec spec;
  spec.name = name;
  spec.default_value = value;
  spec.help = help;
  spec.example = example;
  spec.aliases = std::move(aliases);
  return spec;
}

std::vector<OptionSpec> CsvEncoderOptions() {
  OptionSpec header = Text("writeHeader", "true", "The first line of each file names the columns.",
                           "false", {"header"});
  header.type = OptionType::kBool;
  OptionSpec strict = Text("strictCheckForQuoting", "false",
                           "Accepted for Glue's sake. Cells are quoted where they must be, and no "
                           "others.",
                           "true", {});
  strict.type = OptionType::kBool;
  return {
      TextCompressionOption(),
      Text("separator", ",",
           "What stands between two cells: one ASCII character, also as \\t, \\u0001, comma, "
           "ctrla, pipe, semicolon or tab.",
           ";", {"delimiter", "sep"}),
      Text("quoteChar", "\"",
           "What stands around cells that hold separators, quotes or line ends. -1 turns "
           "quotes off; texts then need an escaper.",
           "'", {"quote"}),
      Text("escaper", "none",
           "What stands before quotes and before itself; without quotes also before "
           "separators, and line ends are \\n and \\r. Without one, quotes in cells are "
           "doubled.",
           "\\", {"escape"}),
      header,
      Text("nullValue", "",
           "What stands for null, without quotes; a text that is the same is quoted.", "\\N", {}),
      strict};
}

class CsvEncoder final : public FileEncoder {
 public:
  static Result<std::unique_ptr<FileEncoder>> Make(const Options& options, const SchemaPtr& schema,
                                                   ByteSink* out) {
    TRY(const CsvDialect dialect, Dialect(options));
    TRY(auto compressed, CompressedSink::Make(options, out));
    return std::unique_ptr<FileEncoder>(
        new CsvEncoder(dialect, options, *schema, std::move(compressed)));
  }

  Result<void> Write(const std::shared_ptr<arrow::RecordBatch>& rows) override {
    columns_.clear();
    for (const auto& column : rows->columns()) columns_.push_back(column.get());
    for (std::int64_t row = 0; row < rows->num_rows(); ++row) {
      const std::size_t begin = text_.size();
      AppendRow(row, false);
      // A row that repeats the header would be taken for one.
      if (quoted_ && !header_.empty() && std::string_view(text_).substr(begin) == header_) {
        text_.resize(begin);
        AppendRow(row, true);
      }
      ++rows_;
      if (text_.size() >= kTextBytes) TRY(Flush());
    }
    return {};
  }

  std::int64_t rows() const override { return rows_; }
  std::size_t buffered() const override { return text_.size(); }
  std::size_t memory() const override { return text_.size(); }
  std::size_t held() const override { return out_->held(); }

  Result<void> Flush() override {
    if (text_.empty()) return {};
    TRY(out_->Append(text_));
    text_.clear();
    return {};
  }

  Result<void> Finish() override {
    TRY(Flush());
    return out_->Finish();
  }

 private:
  CsvEncoder(const CsvDialect& dialect, const Options& options, const arrow::Schema& schema,
             std::unique_ptr<CompressedSink> out)
      : separator_(dialect.separator),
        quoted_(dialect.quote.has_value()),
        cells_(dialect, options.String("nullValue")),
        out_(std::move(out)) {
    if (schema.num_fields() == 1 && quoted_) {
      // An empty line is no row. `""` is null again where only texts can be empty.
      lone_null_ = options.String("nullValue").empty();
    }
    if (!options.Bool("writeHeader")) return;
    for (const auto& field : schema.fields()) {
      if (!header_.empty()) header_.push_back(separator_);
      cells_.AppendText(field->name(), false, &header_);
    }
    header_.push_back('\n');
    text_ = header_;
  }

  void AppendRow(std::int64_t row, bool force) {
    bool first = true;
    for (const arrow::Array* column : columns_) {
      if (!first) text_.push_back(separator_);
      first = false;
      if (column->IsNull(row)) {
        if (lone_null_) {
          cells_.AppendText("", true, &text_);
        } else {
          cells_.AppendNull(&text_);
        }
      } else if (force && column->type_id() == arrow::Type::STRING) {
        cells_.AppendText(static_cast<const arrow::StringArray*>(column)->GetView(row), true,
                          &text_);
      } else {
        cells_.AppendValue(*column, row, &text_);
      }
    }
    text_.push_back('\n');
  }

  const char separator_;
  const bool quoted_;
  bool lone_null_ = false;
  CsvCellWriter cells_;
  const std::unique_ptr<CompressedSink> out_;
  std::string header_;                        ///< With its line end; empty without one.
  std::vector<const arrow::Array*> columns_;  ///< Of the batch being written.
  std::string text_;
  std::int64_t rows_ = 0;
};

}  // namespace

EncoderEntry CsvEncoderEntry() {
  EncoderEntry entry;
  entry.name = "csv";
  entry.summary = "CSV: one line a row, with a header";
  entry.options = CsvEncoderOptions();
  entry.extension = [](const Options& options) {
    return ".csv" + TextCompressionExtension(options);
  };
  entry.check = CheckSchema;
  entry.make = CsvEncoder::Make;
  return entry;
}

}  // namespace sluice
