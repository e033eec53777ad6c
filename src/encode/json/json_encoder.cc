#include "encode/json/json_encoder.h"

#include <arrow/type.h>

#include <set>
#include <utility>

#include "encode/compressed_sink.h"
#include "record/json_row.h"

namespace sluice {
namespace {

constexpr std::size_t kTextBytes = 256u << 10;

class JsonEncoder final : public FileEncoder {
 public:
  static Result<std::unique_ptr<FileEncoder>> Make(const Options& options, const SchemaPtr&,
                                                   ByteSink* out) {
    TRY(auto compressed, CompressedSink::Make(options, out));
    return std::unique_ptr<FileEncoder>(new JsonEncoder(std::move(compressed)));
  }

  Result<void> Write(const std::shared_ptr<arrow::RecordBatch>& rows) override {
    for (std::int64_t row = 0; row < rows->num_rows(); ++row) {
      AppendJsonRow(*rows, row, &text_);
      text_.push_back('\n');
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
  explicit JsonEncoder(std::unique_ptr<CompressedSink> out) : out_(std::move(out)) {}

  const std::unique_ptr<CompressedSink> out_;
  std::string text_;
  std::int64_t rows_ = 0;
};

Result<void> CheckSchema(const Options& options, const SchemaPtr& schema) {
  TRY(CheckTextCompression(options));
  std::set<std::string> names;
  for (const auto& field : schema->fields()) {
    if (!names.insert(field->name()).second) {
      return UserError("json.schema", "two columns are called '" + field->name() +
                                          "'; rename one in the SQL (AS)");
    }
  }
  return {};
}

}  // namespace

EncoderEntry JsonEncoderEntry() {
  EncoderEntry entry;
  entry.name = "json";
  entry.summary = "JSON lines: one object a row";
  entry.options = {TextCompressionOption()};
  entry.extension = [](const Options& options) {
    return ".json" + TextCompressionExtension(options);
  };
  entry.check = CheckSchema;
  entry.make = JsonEncoder::Make;
  return entry;
}

}  // namespace sluice
