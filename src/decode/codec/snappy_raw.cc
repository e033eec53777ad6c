#include <snappy.h>

#include <limits>

#include "decode/codec/codec.h"
#include "decode/codec/snappy_block.h"

namespace sluice {
namespace {

/// Three bytes of a copy give at most 64: a block that declares more lies, and gets no memory.
constexpr std::size_t kMostOfAByte = 22;

}  // namespace

CodecStatus ReadSnappyBlock(std::string_view block, std::size_t most, CappedOutput* out,
                            const char** reason) {
  std::size_t size = 0;
  if (!snappy::GetUncompressedLength(block.data(), block.size(), &size)) {
    *reason = "its length is wrong";
    return CodecStatus::kBroken;
  }
  if (size > block.size() * kMostOfAByte) {
    *reason = "it declares more bytes than can come out";
    return CodecStatus::kBroken;
  }
  if (size > most) {
    *reason = "it declares more bytes than its block may have";
    return CodecStatus::kBroken;
  }
  *reason = "there is no memory to decompress it";
  if (CodecStatus status = out->Exactly(size); status != CodecStatus::kOk) return status;
  if (!snappy::RawUncompress(block.data(), block.size(), out->at())) {
    *reason = "the data is damaged";
    return CodecStatus::kBroken;
  }
  out->Commit(size);
  return CodecStatus::kOk;
}

CodecResult DecompressSnappyRaw(std::string_view in, std::size_t max_output, CodecBuffer* out) {
  CappedOutput capped(out, max_output);
  const char* reason = "";
  const CodecStatus status =
      ReadSnappyBlock(in, std::numeric_limits<std::size_t>::max(), &capped, &reason);
  return capped.Finish(status, 0, reason);
}

}  // namespace sluice
