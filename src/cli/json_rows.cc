#include "cli/json_rows.h"

#include <utility>

namespace sluice {
namespace {

class StringSink final : public ByteSink {
 public:
  Result<void> Append(std::string_view bytes) override {
    text.append(bytes);
    return {};
  }
  std::string text;
};

}  // namespace

Result<std::unique_ptr<JsonRows>> JsonRows::Make(const EncoderRegistry& encoders,
                                                 const SchemaPtr& schema, ByteSink* out) {
  TRY(const EncoderEntry* entry, encoders.Find("json"));
  TRY(const Options options, ParseOptions(entry->options, {}, "format json"));
  TRY(auto encoder, entry->make(options, schema, out));
  return std::unique_ptr<JsonRows>(new JsonRows(std::move(encoder)));
}

Result<void> JsonRows::Write(const std::shared_ptr<arrow::RecordBatch>& rows) {
  TRY(encoder_->Write(rows));
  return encoder_->Flush();
}

Result<void> JsonRows::Finish() { return encoder_->Finish(); }

Result<std::vector<std::string>> RowsToJson(const EncoderRegistry& encoders,
                                            const std::shared_ptr<arrow::RecordBatch>& rows) {
  StringSink sink;
  TRY(auto writer, JsonRows::Make(encoders, rows->schema(), &sink));
  TRY(writer->Write(rows));
  TRY(writer->Finish());
  std::vector<std::string> lines;
  std::string_view rest = sink.text;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    lines.emplace_back(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  if (static_cast<std::int64_t>(lines.size()) != rows->num_rows()) {
    return BugError("the json format wrote " + std::to_string(lines.size()) + " lines for " +
                    std::to_string(rows->num_rows()) + " rows");
  }
  return lines;
}

}  // namespace sluice
