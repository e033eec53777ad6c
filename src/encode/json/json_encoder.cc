#include "encode/json/json_encoder.h"

#include <arrow/type.h>
#include <arrow/util/compression.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "record/arrow_error.h"
#include "record/json_row.h"

namespace sluice {
namespace {

constexpr std::size_t kTextBytes = 256u << 10;

struct Codec {
  arrow::Compression::type type;
  const char* extension;
};

const std::map<std::string, Codec, std::less<>>& Codecs() {
  static const auto& codecs = *new std::map<std::string, Codec, std::less<>>{
      {"none", {arrow::Compression::UNCOMPRESSED, ""}},
      {"uncompressed", {arrow::Compression::UNCOMPRESSED, ""}},
      {"gzip", {arrow::Compression::GZIP, ".gz"}},
      {"zstd", {arrow::Compression::ZSTD, ".zst"}},
      {"bzip2", {arrow::Compression::BZ2, ".bz2"}},
  };
  return codecs;
}

Result<Codec> FindCodec(const Options& options) {
  const std::string name = options.String("compression");
  auto it = Codecs().find(name);
  if (it == Codecs().end() || !arrow::util::Codec::IsAvailable(it->second.type)) {
    return UserError("json.compression", "JSON files cannot be written with compression '" + name +
                                             "'; use none, gzip, zstd or bzip2");
  }
  return it->second;
}

class JsonEncoder final : public FileEncoder {
 public:
  static Result<std::unique_ptr<FileEncoder>> Make(const Options& options, const SchemaPtr&,
                                                   ByteSink* out) {
    TRY(Codec codec, FindCodec(options));
    std::shared_ptr<arrow::util::Compressor> compressor;
    if (codec.type != arrow::Compression::UNCOMPRESSED) {
      TRY(std::shared_ptr<arrow::util::Codec> owner, arrow::util::Codec::Create(codec.type));
      TRY(compressor, owner->MakeCompressor());
    }
    return std::unique_ptr<FileEncoder>(new JsonEncoder(std::move(compressor), out));
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
  std::size_t held() const override { return 0; }

  Result<void> Flush() override {
    if (text_.empty()) return {};
    if (compressor_ == nullptr) {
      TRY(out_->Append(text_));
    } else {
      TRY(Compress());
    }
    text_.clear();
    return {};
  }

  Result<void> Finish() override {
    TRY(Flush());
    while (compressor_ != nullptr) {
      TRY(auto end, compressor_->End(static_cast<std::int64_t>(compressed_.size()), Output()));
      TRY(Append(end.bytes_written));
      if (!end.should_retry) break;
      GrowIfStuck(end.bytes_written);
    }
    return {};
  }

 private:
  JsonEncoder(std::shared_ptr<arrow::util::Compressor> compressor, ByteSink* out)
      : compressor_(std::move(compressor)), out_(out) {
    if (compressor_ != nullptr) compressed_.resize(kTextBytes);
  }

  std::uint8_t* Output() { return reinterpret_cast<std::uint8_t*>(compressed_.data()); }

  Result<void> Append(std::int64_t size) {
    if (size == 0) return {};
    return out_->Append(std::string_view(compressed_).substr(0, static_cast<std::size_t>(size)));
  }

  /// A compressor that wrote nothing wants more room.
  void GrowIfStuck(std::int64_t written) {
    if (written == 0) compressed_.resize(compressed_.size() * 2);
  }

  Result<void> Compress() {
    std::string_view left = text_;
    while (!left.empty()) {
      TRY(auto done,
          compressor_->Compress(static_cast<std::int64_t>(left.size()),
                                reinterpret_cast<const std::uint8_t*>(left.data()),
                                static_cast<std::int64_t>(compressed_.size()), Output()));
      TRY(Append(done.bytes_written));
      left.remove_prefix(static_cast<std::size_t>(done.bytes_read));
      if (done.bytes_read == 0) GrowIfStuck(done.bytes_written);
    }
    return {};
  }

  const std::shared_ptr<arrow::util::Compressor> compressor_;
  ByteSink* const out_;
  std::string text_;
  std::string compressed_;
  std::int64_t rows_ = 0;
};

Result<void> CheckSchema(const Options& options, const SchemaPtr& schema) {
  TRY(FindCodec(options));
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
  OptionSpec compression;
  compression.name = "compression";
  compression.default_value = "none";
  compression.help = "How the file is compressed.";
  compression.example = "gzip";
  for (const auto& [name, codec] : Codecs()) compression.choices.push_back(name);
  entry.options = {compression};
  entry.extension = [](const Options& options) {
    auto it = Codecs().find(options.String("compression"));
    return ".json" + std::string(it == Codecs().end() ? "" : it->second.extension);
  };
  entry.check = CheckSchema;
  entry.make = JsonEncoder::Make;
  return entry;
}

}  // namespace sluice
