#include "cli/fake_format.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/type.h>

#include <memory>
#include <string>
#include <utility>

#include "record/arrow_error.h"

namespace sluice {
namespace {

class WordsDecoder final : public Decoder {
 public:
  explicit WordsDecoder(std::string prefix) : prefix_(std::move(prefix)) {}
  const SchemaPtr& schema() const override { return schema_; }

  Result<DecodedRows> Decode(const std::vector<Payload>& payloads) override {
    DecodedRows result;
    arrow::StringBuilder words;
    for (const Payload& payload : payloads) {
      const std::string text(payload.data, payload.size);
      if (text[0] == '?') {
        result.rejects.push_back({payload.record, Reject::kWholeMessage, 0, "words.question", "",
                                  "a message must not ask", ""});
        continue;
      }
      std::int32_t row = 0;
      for (std::size_t at = 0; at < text.size(); ++row) {
        const std::size_t end = std::min(text.find(' ', at), text.size());
        const std::string word = text.substr(at, end - at);
        if (word[0] == '!') {
          result.rejects.push_back({payload.record, row, static_cast<std::int64_t>(at),
                                    "words.shout", "word", "a word must not shout", word});
        } else {
          TRY(words.Append(prefix_ + word));
          result.record_of_row.push_back(payload.record);
          result.row_in_message.push_back(row);
        }
        at = end + 1;
      }
    }
    TRY(auto column, words.Finish());
    const auto rows = static_cast<std::int64_t>(result.record_of_row.size());
    result.rows = arrow::RecordBatch::Make(schema_, rows, {column});
    return result;
  }

 private:
  std::string prefix_;
  SchemaPtr schema_ = arrow::schema({arrow::field("word", arrow::utf8())});
};

class WordsEncoder final : public FileEncoder {
 public:
  explicit WordsEncoder(ByteSink* out) : out_(out) {}
  Result<void> Write(const std::shared_ptr<arrow::RecordBatch>& rows) override {
    const auto& words = static_cast<const arrow::StringArray&>(*rows->column(0));
    for (std::int64_t i = 0; i < words.length(); ++i) {
      TRY(out_->Append("{\"word\":\"" + words.GetString(i) + "\"}\n"));
    }
    rows_ += words.length();
    return {};
  }
  std::int64_t rows() const override { return rows_; }
  std::size_t buffered() const override { return 0; }
  std::size_t memory() const override { return 0; }
  std::size_t held() const override { return 0; }
  Result<void> Flush() override { return {}; }
  Result<void> Finish() override { return {}; }

 private:
  ByteSink* out_;
  std::int64_t rows_ = 0;
};

}  // namespace

FormatRegistry FakeFormats() {
  FormatRegistry formats("format");
  FormatEntry entry;
  entry.name = "words";
  entry.options = {{.name = "prefix"}};
  entry.make = [](const Options& options, const SchemaPtr& declared,
                  const DecodeLimits&) -> Result<std::unique_ptr<Decoder>> {
    if (declared != nullptr) return UserError("words.schema", "words have no schema");
    return std::unique_ptr<Decoder>(std::make_unique<WordsDecoder>(options.String("prefix")));
  };
  formats.Add(std::move(entry));
  return formats;
}

EncoderRegistry FakeEncoders() {
  EncoderRegistry encoders("file format");
  EncoderEntry entry;
  entry.name = "json";
  entry.make = [](const Options&, const SchemaPtr&,
                  ByteSink* out) -> Result<std::unique_ptr<FileEncoder>> {
    return std::unique_ptr<FileEncoder>(std::make_unique<WordsEncoder>(out));
  };
  encoders.Add(std::move(entry));
  return encoders;
}

}  // namespace sluice
