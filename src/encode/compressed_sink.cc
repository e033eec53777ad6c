#include "encode/compressed_sink.h"

#include <functional>
#include <map>
#include <utility>

#include "record/arrow_error.h"

namespace sluice {
namespace {

constexpr std::size_t kOutputBytes = 64u << 10;

struct Codec {
  arrow::Compression::type type;
  const char* extension;
  std::size_t held;  ///< What a compressor takes, measured: see the test CompressorsAreCounted.
};

const std::map<std::string, Codec, std::less<>>& Codecs() {
  static const auto& codecs = *new std::map<std::string, Codec, std::less<>>{
      {"none", {arrow::Compression::UNCOMPRESSED, "", 0}},
      {"uncompressed", {arrow::Compression::UNCOMPRESSED, "", 0}},
      {"gzip", {arrow::Compression::GZIP, ".gz", 270u << 10}},
      {"zstd", {arrow::Compression::ZSTD, ".zst", 1300u << 10}},
      {"bzip2", {arrow::Compression::BZ2, ".bz2", 7600u << 10}},
  };
  return codecs;
}

Result<Codec> FindCodec(const Options& options) {
  const std::string name = options.String("compression");
  auto it = Codecs().find(name);
  if (it == Codecs().end() || !arrow::util::Codec::IsAvailable(it->second.type)) {
    return UserError("text.compression", "text files cannot be written with compression '" + name +
                                             "'; use none, gzip, zstd or bzip2");
  }
  return it->second;
}

}  // namespace

OptionSpec TextCompressionOption() {
  OptionSpec compression;
  compression.name = "compression";
  compression.default_value = "none";
  compression.help = "How the file is compressed.";
  compression.example = "gzip";
  for (const auto& [name, codec] : Codecs()) compression.choices.push_back(name);
  return compression;
}

std::string TextCompressionExtension(const Options& options) {
  auto it = Codecs().find(options.String("compression"));
  return it == Codecs().end() ? "" : it->second.extension;
}

Result<void> CheckTextCompression(const Options& options) {
  TRY(FindCodec(options));
  return {};
}

Result<std::unique_ptr<CompressedSink>> CompressedSink::Make(const Options& options,
                                                             ByteSink* out) {
  TRY(Codec codec, FindCodec(options));
  std::shared_ptr<arrow::util::Compressor> compressor;
  if (codec.type != arrow::Compression::UNCOMPRESSED) {
    TRY(std::shared_ptr<arrow::util::Codec> owner, arrow::util::Codec::Create(codec.type));
    TRY(compressor, owner->MakeCompressor());
  }
  return std::unique_ptr<CompressedSink>(
      new CompressedSink(std::move(compressor), codec.held, out));
}

CompressedSink::CompressedSink(std::shared_ptr<arrow::util::Compressor> compressor,
                               std::size_t held, ByteSink* out)
    : compressor_(std::move(compressor)), held_(held), out_(out) {
  if (compressor_ != nullptr) compressed_.resize(kOutputBytes);
}

Result<void> CompressedSink::HandOver(std::int64_t size) {
  if (size == 0) return {};
  return out_->Append(std::string_view(compressed_).substr(0, static_cast<std::size_t>(size)));
}

/// A compressor that wrote nothing wants more room.
void CompressedSink::GrowIfStuck(std::int64_t written) {
  if (written == 0) compressed_.resize(compressed_.size() * 2);
}

Result<void> CompressedSink::Append(std::string_view text) {
  if (compressor_ == nullptr) return out_->Append(text);
  while (!text.empty()) {
    TRY(auto done, compressor_->Compress(static_cast<std::int64_t>(text.size()),
                                         reinterpret_cast<const std::uint8_t*>(text.data()),
                                         static_cast<std::int64_t>(compressed_.size()), Output()));
    TRY(HandOver(done.bytes_written));
    text.remove_prefix(static_cast<std::size_t>(done.bytes_read));
    if (done.bytes_read == 0) GrowIfStuck(done.bytes_written);
  }
  return {};
}

Result<void> CompressedSink::Finish() {
  while (compressor_ != nullptr) {
    TRY(auto end, compressor_->End(static_cast<std::int64_t>(compressed_.size()), Output()));
    TRY(HandOver(end.bytes_written));
    if (!end.should_retry) break;
    GrowIfStuck(end.bytes_written);
  }
  return {};
}

}  // namespace sluice
