#include "decode/codec/codec.h"
#include "decode/codec/snappy_block.h"

namespace sluice {
namespace {

constexpr char kEndsEarly[] = "it ends early, or a length is wrong";

/// Reads the chunks of a block of `left` plain bytes.
CodecStatus ReadBlock(std::string_view in, std::size_t left, std::size_t* at, CappedOutput* out,
                      const char** reason) {
  while (left > 0) {
    *reason = kEndsEarly;
    if (in.size() - *at < 4) return CodecStatus::kBroken;
    const std::size_t size = BigEndian32(in, *at);
    // Without a byte of plain text a chunk has no place, and a block might never end.
    if (size < 2 || size > in.size() - *at - 4) return CodecStatus::kBroken;
    const std::size_t before = out->written();
    const CodecStatus status = ReadSnappyBlock(in.substr(*at + 4, size), left, out, reason);
    if (status != CodecStatus::kOk) return status;
    *at += 4 + size;
    left -= out->written() - before;
  }
  return CodecStatus::kOk;
}

}  // namespace

CodecResult DecompressSnappyHadoop(std::string_view in, std::size_t max_output, CodecBuffer* out) {
  if (in.size() < 4) return {CodecStatus::kNotThis, 0, "it is too short for Hadoop's lengths"};
  CappedOutput capped(out, max_output);
  const char* reason = "";
  for (std::size_t at = 0; at < in.size();) {
    if (in.size() - at < 4) return capped.Finish(CodecStatus::kBroken, at, kEndsEarly);
    const std::size_t size = BigEndian32(in, at);
    at += 4;
    if (size == 0) {
      const CodecStatus status = at < in.size() ? CodecStatus::kBroken : CodecStatus::kOk;
      return capped.Finish(status, at, "there are bytes behind its end");
    }
    const CodecStatus status = ReadBlock(in, size, &at, &capped, &reason);
    if (status != CodecStatus::kOk) return capped.Finish(status, at, reason);
  }
  return capped.Finish(CodecStatus::kOk, 0, "");
}

}  // namespace sluice
