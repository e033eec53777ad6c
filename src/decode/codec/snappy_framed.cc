#include "core/crc32c.h"
#include "decode/codec/codec.h"
#include "decode/codec/skippable_frames.h"
#include "decode/codec/snappy_block.h"

namespace sluice {
namespace {

constexpr std::string_view kIdentifier("\xff\x06\0\0sNaPpY", 10);
constexpr std::size_t kMostOfAChunk = 65536;

// Chunk types of the framing format.
constexpr unsigned char kCompressed = 0x00;
constexpr unsigned char kPlain = 0x01;
constexpr unsigned char kCompressedUnchecked = 0x02;
constexpr unsigned char kPlainUnchecked = 0x03;
constexpr unsigned char kFirstSkippable = 0x80;
constexpr unsigned char kStreamIdentifier = 0xff;

std::uint32_t Masked(std::uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xa282ead8u; }

CodecStatus ReadChunk(std::string_view body, bool compressed, bool checked, CappedOutput* out,
                      const char** reason) {
  std::uint32_t expected = 0;
  if (checked) {
    if (body.size() < 4) {
      *reason = "a chunk is too short for its checksum";
      return CodecStatus::kBroken;
    }
    expected = LittleEndian32(body, 0);
    body.remove_prefix(4);
  }
  const std::size_t begin = out->written();
  if (compressed) {
    const CodecStatus status = ReadSnappyBlock(body, kMostOfAChunk, out, reason);
    if (status != CodecStatus::kOk) return status;
  } else {
    if (body.size() > kMostOfAChunk) {
      *reason = "a chunk holds more than 65536 bytes";
      return CodecStatus::kBroken;
    }
    *reason = "there is no memory to decompress it";
    const CodecStatus status = out->Exactly(body.size());
    if (status != CodecStatus::kOk) return status;
    std::memcpy(out->at(), body.data(), body.size());
    out->Commit(body.size());
  }
  const std::size_t size = out->written() - begin;
  if (checked && Masked(Crc32c({out->at() - size, size})) != expected) {
    *reason = "the checksum of a chunk is wrong";
    return CodecStatus::kBroken;
  }
  return CodecStatus::kOk;
}

}  // namespace

bool BeginsSnappyFramed(std::string_view in) { return in.starts_with(kIdentifier); }

CodecResult DecompressSnappyFramed(std::string_view in, std::size_t max_output, CodecBuffer* out) {
  if (!BeginsSnappyFramed(in)) {
    return {CodecStatus::kNotThis, 0, "it does not begin with snappy's stream identifier"};
  }
  CappedOutput capped(out, max_output);
  const char* reason = "";
  for (std::size_t at = kIdentifier.size(); at < in.size();) {
    if (in.size() - at < 4) return capped.Finish(CodecStatus::kBroken, at, "it ends early");
    const auto type = static_cast<unsigned char>(in[at]);
    const std::size_t size = LittleEndian32(in, at) >> 8;
    if (size > in.size() - at - 4) {
      return capped.Finish(CodecStatus::kBroken, at, "it ends early, or a chunk's length is wrong");
    }
    const std::string_view body = in.substr(at + 4, size);
    if (type <= kPlainUnchecked) {
      const CodecStatus status =
          ReadChunk(body, type == kCompressed || type == kCompressedUnchecked,
                    type == kCompressed || type == kPlain, &capped, &reason);
      if (status != CodecStatus::kOk) return capped.Finish(status, at, reason);
    } else if (type < kFirstSkippable) {
      return capped.Finish(CodecStatus::kBroken, at, "a chunk has a type that is not known");
    } else if (type == kStreamIdentifier && body != kIdentifier.substr(4)) {
      return capped.Finish(CodecStatus::kBroken, at, "a stream identifier is wrong");
    }
    at += 4 + size;
  }
  return capped.Finish(CodecStatus::kOk, 0, "");
}

}  // namespace sluice
