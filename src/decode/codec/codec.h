/// One-shot decompression: bytes in memory, appended to a buffer that is used again and again.
///
/// Every function reads all of `in`, concatenated members included, verifies whatever checksums and
/// lengths the form carries, and either appends the plain bytes to `out` and returns kOk, or leaves
/// `out` as it was. Bytes behind the end of the last member are kBroken. None of them throws, logs
/// or trusts a declared length.
///
/// Threads: any. Decompression contexts are kept for each thread and used again, so that small
/// messages cost no allocation; they are freed when the thread ends.
///
/// REQUIRES: in.size() and max_output below 2^31; `in` does not lie in `out`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "decode/codec/codec_buffer.h"

namespace sluice {

enum class CodecStatus : std::uint8_t {
  kOk,
  kNotThis,      ///< The bytes do not begin as this codec's do.
  kBroken,       ///< They do, but are cut short, wrong, or followed by something else.
  kTooLarge,     ///< More than max_output bytes would come out, or are announced.
  kDictionary,   ///< They need a dictionary that they do not carry.
  kMemoryLimit,  ///< They ask for more memory than a message may have (xz).
  kNoMemory,     ///< Memory ran out.
};

struct CodecResult {
  CodecStatus status = CodecStatus::kOk;
  std::size_t byte = 0;     ///< Where in `in` it went wrong, as far as the library tells.
  const char* reason = "";  ///< What went wrong; a constant.
};

using DecompressFunction = CodecResult (*)(std::string_view in, std::size_t max_output,
                                           CodecBuffer* out);

/// RFC 1952; at least one member.
CodecResult DecompressGzip(std::string_view in, std::size_t max_output, CodecBuffer* out);
/// RFC 1950; one stream.
CodecResult DecompressZlib(std::string_view in, std::size_t max_output, CodecBuffer* out);
/// RFC 1951 without any header; one stream. Avro's `deflate`.
CodecResult DecompressRawDeflate(std::string_view in, std::size_t max_output, CodecBuffer* out);
/// "BZh1" to "BZh9"; at least one stream.
CodecResult DecompressBzip2(std::string_view in, std::size_t max_output, CodecBuffer* out);
/// The .xz file format 1.1; at least one stream. More than kXzMemoryLimit is kMemoryLimit.
CodecResult DecompressXz(std::string_view in, std::size_t max_output, CodecBuffer* out);
/// Enough for the 64 MiB dictionary of `xz -9`, the largest of its presets.
inline constexpr std::uint64_t kXzMemoryLimit = 80u << 20;
/// RFC 8878; frames and skippable frames in any order.
CodecResult DecompressZstd(std::string_view in, std::size_t max_output, CodecBuffer* out);
/// The LZ4 frame format 1.6; frames and skippable frames in any order, at least one that is not.
CodecResult DecompressLz4(std::string_view in, std::size_t max_output, CodecBuffer* out);
/// google/snappy format_description.txt: no header, no checksum. Its only form in Avro files, where
/// a checksum follows that the caller checks.
CodecResult DecompressSnappyRaw(std::string_view in, std::size_t max_output, CodecBuffer* out);
/// google/snappy framing_format.txt, revision of 2022.
CodecResult DecompressSnappyFramed(std::string_view in, std::size_t max_output, CodecBuffer* out);
/// xerial/snappy-java's SnappyOutputStream, as Kafka's Java clients use it.
CodecResult DecompressSnappyXerial(std::string_view in, std::size_t max_output, CodecBuffer* out);
/// Hadoop's BlockCompressorStream over raw snappy: big-endian lengths, no magic number.
CodecResult DecompressSnappyHadoop(std::string_view in, std::size_t max_output, CodecBuffer* out);

/// Whether `in` begins as the codec's streams do. Only a look at the first bytes: text may pass.
bool BeginsGzip(std::string_view in);
bool BeginsZlib(std::string_view in);
bool BeginsBzip2(std::string_view in);
bool BeginsXz(std::string_view in);
bool BeginsZstd(std::string_view in);
bool BeginsLz4(std::string_view in);
bool BeginsSnappyFramed(std::string_view in);
bool BeginsSnappyXerial(std::string_view in);

}  // namespace sluice
