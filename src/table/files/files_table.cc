#include "table/files/files_table.h"

#include <arrow/type.h>

#include <algorithm>
#include <utility>

#include "table/files/file_list.h"
#include "table/files/parquet_rows.h"
#include "table/files/text_rows.h"

namespace sluice {
namespace {

constexpr char kParquet[] = "parquet";

/// Text formats whose rows are lines, or can be.
std::vector<const FormatEntry*> TextFormats(const FormatRegistry& formats) {
  std::vector<const FormatEntry*> found;
  for (const char* name : {"csv", "json"}) {
    if (auto entry = formats.Find(name); entry.ok()) found.push_back(*entry);
  }
  return found;
}

/// The table's own and those of its formats, which may differ in defaults and choices.
std::vector<OptionSpec> Specs(const std::vector<const FormatEntry*>& texts) {
  OptionSpec path{.name = "path",
                  .help =
                      "A file, a folder, or a pattern as in the shell. Of folders and patterns, "
                      "names that begin with _ or . are left out. Replace files by rename.",
                  .example = "./reference/users",
                  .required = true};
  OptionSpec format{.name = "format",
                    .help = "What the files are. JSON is one object a line.",
                    .example = kParquet,
                    .required = true,
                    .choices = {kParquet},
                    .aliases = {"classification"}};
  OptionSpec recursive{.name = "recursiveFileLookup",
                       .type = OptionType::kBool,
                       .default_value = "false",
                       .help =
                           "Whether files in folders below count too. Names of Hive folders "
                           "(city=Berlin/) give no columns.",
                       .example = "true"};
  for (const FormatEntry* text : texts) format.choices.push_back(text->name);
  std::vector<OptionSpec> specs = {path, format, recursive};
  for (const FormatEntry* text : texts) {
    for (OptionSpec spec : text->options) {
      spec.required = false;
      spec.help = text->name + ": " + spec.help;
      auto same = std::find_if(specs.begin(), specs.end(),
                               [&](const OptionSpec& other) { return other.name == spec.name; });
      if (same == specs.end()) {
        specs.push_back(std::move(spec));
        continue;
      }
      same->help += " " + spec.help;
      if (same->default_value != spec.default_value) same->default_value.clear();
    }
  }
  return specs;
}

/// The options that are the format's; an error if one is for another format.
Result<Options> OptionsOf(const FormatEntry* of, const std::vector<const FormatEntry*>& texts,
                          const std::string& format, const Options& options) {
  auto declares = [](const FormatEntry* entry, const std::string& name) {
    return entry != nullptr &&
           std::any_of(entry->options.begin(), entry->options.end(),
                       [&](const OptionSpec& spec) { return spec.name == name; });
  };
  RawOptions raw;
  for (const FormatEntry* text : texts) {
    for (const OptionSpec& spec : text->options) {
      if (!options.Given(spec.name)) continue;
      if (!declares(of, spec.name)) {
        return UserError("table.option",
                         spec.name + " is for format " + text->name + ", not for " + format);
      }
      if (text == of) raw.push_back({spec.name, *options.Raw(spec.name)});
    }
  }
  if (of == nullptr) return Options();
  return ParseOptions(of->options, raw, "format " + format);
}

bool IsSet(const FormatEntry& entry, const Options& options, const std::string& name) {
  const bool known = std::any_of(
      entry.options.begin(), entry.options.end(),
      [&](const OptionSpec& spec) { return spec.name == name && spec.type == OptionType::kBool; });
  return known && options.Bool(name);
}

Result<TextFormat> MakeTextFormat(const FormatEntry& entry, Options options) {
  TextFormat format;
  format.entry = &entry;
  format.form.whole = IsSet(entry, options, "multiLine");
  format.form.lines = entry.name == "json";
  format.form.header = !format.form.whole && IsSet(entry, options, "withHeader");
  // The decoder would do it for each message.
  format.form.skip_first = !format.form.whole && IsSet(entry, options, "skipFirst");
  if (format.form.skip_first) {
    RawOptions raw;
    for (const OptionSpec& spec : entry.options) {
      if (options.Given(spec.name) && spec.name != "skipFirst") {
        raw.push_back({spec.name, *options.Raw(spec.name)});
      }
    }
    TRY(options, ParseOptions(entry.options, raw, "format " + entry.name));
  }
  format.options = std::move(options);
  return format;
}

/// No promise that a column is never null can be held to files that do not have it.
SchemaPtr Nullable(const arrow::Schema& schema) {
  arrow::FieldVector fields;
  for (const auto& field : schema.fields()) fields.push_back(field->WithNullable(true));
  return arrow::schema(std::move(fields));
}

/// What is wrong while the job runs may be mended: the file is on its way.
Error Later(Error error) {
  if (error.blame == Blame::kUser) error.blame = Blame::kRemote;
  error.retry = Retry::kLater;
  return error;
}

class LaterReader : public TableReader {
 public:
  explicit LaterReader(std::unique_ptr<TableReader> reader) : reader_(std::move(reader)) {}
  Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
    auto rows = reader_->Next();
    if (!rows.ok()) return Later(std::move(rows).error());
    return rows;
  }

 private:
  const std::unique_ptr<TableReader> reader_;
};

class FilesTable : public Table {
 public:
  static Result<std::unique_ptr<Table>> Open(const FormatRegistry& formats, const Options& options,
                                             SchemaPtr declared) {
    const std::vector<const FormatEntry*> texts = TextFormats(formats);
    auto table = std::make_unique<FilesTable>();
    table->pattern_ = {options.String("path"), options.Bool("recursiveFileLookup")};
    const std::string format = options.String("format");
    const FormatEntry* text = nullptr;
    for (const FormatEntry* known : texts) {
      if (known->name == format) text = known;
    }
    TRY(Options own, OptionsOf(text, texts, format, options));
    if (text != nullptr) {
      TRY(table->text_, MakeTextFormat(*text, std::move(own)));
    }
    TRY(const std::vector<std::string> files, ListFiles(table->pattern_));
    if (declared == nullptr) {
      TRY(declared,
          text == nullptr ? ParquetSchema(files.front()) : DetectTextSchema(table->text_, files));
    }
    table->schema_ = Nullable(*declared);
    // A first look, so that a mistake is told at the start.
    TRY(const auto reader, table->ReadFiles(files, [] { return false; }));
    TRY(reader->Next());
    return std::unique_ptr<Table>(std::move(table));
  }

  const SchemaPtr& schema() const override { return schema_; }
  std::string location() const override { return pattern_.path; }

  Result<std::unique_ptr<TableReader>> Read(Stopped stopped) const override {
    auto files = ListFiles(pattern_);
    if (!files.ok()) return Later(std::move(files).error());
    auto reader = ReadFiles(*std::move(files), std::move(stopped));
    if (!reader.ok()) return Later(std::move(reader).error());
    return std::unique_ptr<TableReader>(std::make_unique<LaterReader>(*std::move(reader)));
  }

 private:
  Result<std::unique_ptr<TableReader>> ReadFiles(std::vector<std::string> files,
                                                 Stopped stopped) const {
    if (text_.entry == nullptr) return ReadParquet(std::move(files), schema_, std::move(stopped));
    return ReadText(text_, std::move(files), schema_, std::move(stopped));
  }

  FilePattern pattern_;
  TextFormat text_;  ///< Without an entry: Parquet.
  SchemaPtr schema_;
};

}  // namespace

TableEntry FilesTableEntry(const FormatRegistry* formats) {
  TableEntry entry;
  entry.name = "files";
  entry.summary = "Parquet, CSV or JSON lines in a file or a folder";
  entry.options = Specs(TextFormats(*formats));
  entry.open = [formats](const Options& options, SchemaPtr declared) {
    return FilesTable::Open(*formats, options, std::move(declared));
  };
  return entry;
}

}  // namespace sluice
