#include "decode/grok/grok_format.h"

#include <arrow/array/data.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <utility>

#include "decode/codec/plain_text.h"
#include "decode/grok/grok_columns.h"
#include "decode/grok/grok_library.h"
#include "decode/grok/grok_reader.h"
#include "decode/read_batch.h"
#include "record/arrow_error.h"

namespace sluice {
namespace {

/// What a decoder keeps of its pattern. The parts refer to each other, so it never moves.
struct CompiledGrok {
  ExpandedGrok grok;
  std::unique_ptr<GrokRegex> regex;
  std::unique_ptr<ColumnBuilder> rows;
  std::unique_ptr<GrokColumns> columns;
};

class GrokDecoder : public Decoder {
 public:
  GrokDecoder(SchemaPtr schema, std::unique_ptr<CompiledGrok> compiled, const DecodeLimits& limits)
      : schema_(std::move(schema)),
        compiled_(std::move(compiled)),
        reader_(compiled_->rows.get(), &compiled_->grok, compiled_->regex.get(),
                compiled_->columns.get(), limits) {}

  const SchemaPtr& schema() const override { return schema_; }

  bool MayBeMessage(std::string_view bytes) override { return LooksLikeText(bytes); }

  Result<DecodedRows> Decode(const std::vector<Payload>& payloads) override {
    reader_.StartBatch(payloads.size());
    const auto read = [this](const Payload& payload) -> Result<std::int64_t> {
      TRY(reader_.ReadMessage(payload));
      return reader_.filled();
    };
    return ReadBatch(payloads, schema_, compiled_->rows.get(), &reader_, read);
  }

 private:
  SchemaPtr schema_;
  std::unique_ptr<CompiledGrok> compiled_;
  GrokReader reader_;
};

std::vector<OptionSpec> GrokOptions() {
  OptionSpec pattern;
  pattern.name = "grokPattern";
  pattern.required = true;
  pattern.aliases = {"logFormat"};
  pattern.help =
      "What a line looks like: text and regular expressions with %{NAME}, %{NAME:field} and "
      "%{NAME:field:type}; types are byte, short, int, long, float, double, boolean and string. It "
      "may match anywhere in a line; begin it with ^ to hold it to the beginning.";
  pattern.example = "^%{IP:client} %{WORD:method} %{NUMBER:bytes:long}$";
  OptionSpec custom;
  custom.name = "grokCustomPatterns";
  custom.aliases = {"customPatterns"};
  custom.help =
      "Names of your own, a definition a line: NAME, a space, a regular expression. They go before "
      "the built-in ones.";
  custom.example = "digit \\d";
  OptionSpec library;
  library.name = "grokLibrary";
  library.default_value = "legacy";
  library.choices = {"legacy", "ecs"};
  library.help =
      "The built-in patterns: those of Glue and older Logstash, with fields such as clientip, or "
      "those with the names of the Elastic Common Schema, such as [source][address]. `sluice grok "
      "--list` prints them.";
  library.example = "ecs";
  return {pattern, custom, library};
}

Result<std::unique_ptr<Decoder>> MakeFromOptions(const Options& options, SchemaPtr declared,
                                                 const DecodeLimits& limits) {
  GrokDecoderOptions grok;
  grok.pattern = options.String("grokPattern");
  grok.custom_patterns = options.String("grokCustomPatterns");
  grok.ecs = options.String("grokLibrary") == "ecs";
  grok.decode = limits;
  return MakeGrokDecoder(std::move(grok), std::move(declared), arrow::default_memory_pool());
}

}  // namespace

Result<std::unique_ptr<Decoder>> MakeGrokDecoder(GrokDecoderOptions options, SchemaPtr declared,
                                                 arrow::MemoryPool* pool) {
  // A block of YAML ends in a line feed that nobody means.
  while (options.pattern.ends_with('\n') || options.pattern.ends_with('\r')) {
    options.pattern.pop_back();
  }
  TRY(const GrokLibrary custom, GrokLibrary::ParseCustom(options.custom_patterns));
  const GrokNames names{&custom, options.ecs ? &GrokLibrary::Ecs() : &GrokLibrary::Legacy()};
  auto compiled = std::make_unique<CompiledGrok>();
  TRY(compiled->grok, ExpandGrok(options.pattern, names, options.limits));
  TRY(compiled->regex, GrokRegex::Compile(compiled->grok, options.work));
  SchemaPtr schema = std::move(declared);
  if (schema == nullptr) {
    TRY(schema, SchemaOfGrok(compiled->grok.fields()));
  }
  TRY(compiled->rows, ColumnBuilder::ForSchema(*schema, pool));
  std::vector<int> slots;
  for (int n = 0; n < compiled->grok.num_groups(); ++n) {
    slots.push_back(compiled->regex->slot_of_group(n));
  }
  TRY(compiled->columns, GrokColumns::Make(compiled->rows.get(), compiled->grok.fields(), slots));
  return std::unique_ptr<Decoder>(
      std::make_unique<GrokDecoder>(std::move(schema), std::move(compiled), options.decode));
}

FormatEntry GrokFormat() {
  FormatEntry entry;
  entry.name = "grok";
  entry.summary = "lines of text, taken apart by a pattern of named regular expressions";
  entry.options = GrokOptions();
  entry.make = MakeFromOptions;
  return entry;
}

}  // namespace sluice
