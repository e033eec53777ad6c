/// Text files and their `compression`: none, gzip, bzip2 or zstd, as one stream from end to end.
#pragma once

#include <arrow/util/compression.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "core/options.h"
#include "core/result.h"
#include "encode/encoder.h"

namespace sluice {

/// The option `compression` of a text format.
OptionSpec TextCompressionOption();
/// ".gz" by that option; "" without compression.
std::string TextCompressionExtension(const Options& options);
/// A user error if the compression was left out of the Arrow in use.
Result<void> CheckTextCompression(const Options& options);

/// Compresses what is appended, or hands it on as it is. Make -> Append* -> Finish. One thread.
class CompressedSink final : public ByteSink {
 public:
  /// REQUIRES: `out` outlives it.
  static Result<std::unique_ptr<CompressedSink>> Make(const Options& options, ByteSink* out);

  Result<void> Append(std::string_view text) override;
  /// Ends the stream. No call may follow.
  Result<void> Finish();

  /// Bytes of memory of the compressor, about, for as long as it lives: bzip2 takes megabytes.
  std::size_t held() const { return held_ + compressed_.capacity(); }

 private:
  CompressedSink(std::shared_ptr<arrow::util::Compressor> compressor, std::size_t held,
                 ByteSink* out);
  std::uint8_t* Output() { return reinterpret_cast<std::uint8_t*>(compressed_.data()); }
  Result<void> HandOver(std::int64_t size);
  void GrowIfStuck(std::int64_t written);

  const std::shared_ptr<arrow::util::Compressor> compressor_;  ///< Null: none.
  const std::size_t held_;
  ByteSink* const out_;
  std::string compressed_;
};

}  // namespace sluice
