#include <limits>

#include "decode/codec/codec.h"
#include "decode/codec/snappy_block.h"

namespace sluice {
namespace {

constexpr std::string_view kMagic("\x82SNAPPY\0", 8);
/// The magic number, the version, and the lowest version that can read it.
constexpr std::size_t kHeader = 16;
constexpr std::uint32_t kVersion = 1;

}  // namespace

bool BeginsSnappyXerial(std::string_view in) { return in.starts_with(kMagic); }

CodecResult DecompressSnappyXerial(std::string_view in, std::size_t max_output, CodecBuffer* out) {
  if (!BeginsSnappyXerial(in)) {
    return {CodecStatus::kNotThis, 0, "it does not begin with snappy-java's header"};
  }
  CappedOutput capped(out, max_output);
  const char* reason = "";
  for (std::size_t at = 0; at < in.size();) {
    // Streams may follow each other: a header's first four bytes are no length.
    if (BeginsSnappyXerial(in.substr(at))) {
      if (in.size() - at < kHeader) return capped.Finish(CodecStatus::kBroken, at, "it ends early");
      if (BigEndian32(in, at + 12) > kVersion) {
        return capped.Finish(CodecStatus::kBroken, at, "it is of a newer version than 1");
      }
      at += kHeader;
      continue;
    }
    if (in.size() - at < 4 || BigEndian32(in, at) > in.size() - at - 4) {
      return capped.Finish(CodecStatus::kBroken, at, "it ends early, or a block's length is wrong");
    }
    const std::size_t size = BigEndian32(in, at);
    const CodecStatus status = ReadSnappyBlock(
        in.substr(at + 4, size), std::numeric_limits<std::size_t>::max(), &capped, &reason);
    if (status != CodecStatus::kOk) return capped.Finish(status, at, reason);
    at += 4 + size;
  }
  return capped.Finish(CodecStatus::kOk, 0, "");
}

}  // namespace sluice
