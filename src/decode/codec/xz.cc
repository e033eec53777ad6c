#include <lzma.h>

#include "decode/codec/block_cache.h"
#include "decode/codec/capped_output.h"
#include "decode/codec/codec.h"

namespace sluice {
namespace {

void* Take(void* cache, std::size_t items, std::size_t size) {
  return static_cast<BlockCache*>(cache)->Take(items * size);
}
void Give(void* cache, void* block) {
  if (block != nullptr) static_cast<BlockCache*>(cache)->Give(block);
}

/// liblzma's state. It keeps the dictionary of the last stream, so one much larger than those of
/// everyday presets is given back.
class Decoder {
 public:
  Decoder() {
    allocator_.alloc = Take;
    allocator_.free = Give;
    allocator_.opaque = &cache_;
    stream_.allocator = &allocator_;
  }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder() { lzma_end(&stream_); }

  lzma_ret Begin() {
    return lzma_stream_decoder(&stream_, kXzMemoryLimit,
                               LZMA_CONCATENATED | LZMA_TELL_UNSUPPORTED_CHECK);
  }
  void End() {
    if (lzma_memusage(&stream_) > BlockCache::kKept) lzma_end(&stream_);
  }
  lzma_stream& stream() { return stream_; }

 private:
  BlockCache cache_;
  lzma_allocator allocator_ = {};
  lzma_stream stream_ = LZMA_STREAM_INIT;
};

CodecStatus Read(lzma_stream* stream, std::size_t guess, CappedOutput* out, const char** reason) {
  for (;;) {
    if (CodecStatus status = out->Next(guess); status != CodecStatus::kOk) return status;
    stream->next_out = reinterpret_cast<std::uint8_t*>(out->at());
    stream->avail_out = out->room();
    const lzma_ret code = lzma_code(stream, LZMA_FINISH);
    out->Commit(out->room() - stream->avail_out);
    switch (code) {
      case LZMA_STREAM_END:
        return CodecStatus::kOk;
      case LZMA_OK:
        if (stream->avail_out == 0) guess = out->written();
        continue;
      case LZMA_BUF_ERROR:
        *reason = "it ends early";
        return CodecStatus::kBroken;
      case LZMA_MEM_ERROR:
        *reason = "there is no memory to decompress it";
        return CodecStatus::kNoMemory;
      case LZMA_MEMLIMIT_ERROR:
        *reason = "its dictionary is larger than 64 MiB";
        return CodecStatus::kMemoryLimit;
      case LZMA_OPTIONS_ERROR:
        *reason = "it uses a filter or flag that is not known";
        return CodecStatus::kBroken;
      case LZMA_UNSUPPORTED_CHECK:
        *reason = "it has a kind of checksum that is not known";
        return CodecStatus::kBroken;
      default:
        *reason = "the data is damaged, or its checksum wrong";
        return CodecStatus::kBroken;
    }
  }
}

}  // namespace

bool BeginsXz(std::string_view in) {
  constexpr std::string_view kMagic(
      "\xfd"
      "7zXZ\0",
      6);
  return in.starts_with(kMagic);
}

CodecResult DecompressXz(std::string_view in, std::size_t max_output, CodecBuffer* out) {
  if (!BeginsXz(in)) return {CodecStatus::kNotThis, 0, "it does not begin with fd 37 7a 58 5a 00"};
  thread_local Decoder decoder;
  CappedOutput capped(out, max_output);
  if (decoder.Begin() != LZMA_OK) return capped.NoRoom(CodecStatus::kNoMemory, 0);
  lzma_stream& stream = decoder.stream();
  stream.next_in = reinterpret_cast<const std::uint8_t*>(in.data());
  stream.avail_in = in.size();
  const char* reason = "";
  const CodecStatus status = Read(&stream, in.size() * 4 + 64, &capped, &reason);
  const std::size_t at = in.size() - stream.avail_in;
  decoder.End();
  return capped.Finish(status, at, reason);
}

}  // namespace sluice
