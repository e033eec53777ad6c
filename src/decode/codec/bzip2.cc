#include <bzlib.h>

#include "decode/codec/block_cache.h"
#include "decode/codec/capped_output.h"
#include "decode/codec/codec.h"

namespace sluice {
namespace {

void* Take(void* cache, int items, int size) {
  return static_cast<BlockCache*>(cache)->Take(static_cast<std::size_t>(items) *
                                               static_cast<std::size_t>(size));
}
void Give(void* cache, void* block) {
  if (block != nullptr) static_cast<BlockCache*>(cache)->Give(block);
}

/// libbzip2 has no reset, so its memory is kept instead: up to 4 MB.
class Stream {
 public:
  explicit Stream(BlockCache* cache) {
    stream_.bzalloc = Take;
    stream_.bzfree = Give;
    stream_.opaque = cache;
    made_ = BZ2_bzDecompressInit(&stream_, 0, 0) == BZ_OK;
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() {
    if (made_) BZ2_bzDecompressEnd(&stream_);
  }
  bool made() const { return made_; }
  bz_stream* operator->() { return &stream_; }
  bz_stream* get() { return &stream_; }

 private:
  bz_stream stream_ = {};
  bool made_ = false;
};

CodecStatus ReadStream(std::string_view in, std::size_t* at, CappedOutput* out,
                       const char** reason) {
  thread_local BlockCache cache;
  Stream stream(&cache);
  *reason = "there is no memory to decompress it";
  if (!stream.made()) return CodecStatus::kNoMemory;
  const std::size_t begin = *at;
  const std::size_t size = in.size() - begin;
  stream->next_in = const_cast<char*>(in.data() + begin);
  stream->avail_in = static_cast<unsigned>(size);
  std::size_t guess = size * 4 + 64;
  for (;;) {
    if (CodecStatus status = out->Next(guess); status != CodecStatus::kOk) return status;
    stream->next_out = out->at();
    stream->avail_out = static_cast<unsigned>(out->room());
    const int code = BZ2_bzDecompress(stream.get());
    out->Commit(out->room() - stream->avail_out);
    *at = begin + size - stream->avail_in;
    switch (code) {
      case BZ_STREAM_END:
        return CodecStatus::kOk;
      case BZ_OK:
        if (stream->avail_out == 0) {
          guess = out->written();
          continue;
        }
        *reason = "it ends early";
        return CodecStatus::kBroken;
      case BZ_MEM_ERROR:
        return CodecStatus::kNoMemory;
      default:
        *reason = "the data is damaged, or its checksum wrong";
        return CodecStatus::kBroken;
    }
  }
}

}  // namespace

bool BeginsBzip2(std::string_view in) {
  constexpr std::string_view kBlock = "\x31\x41\x59\x26\x53\x59";
  constexpr std::string_view kEnd = "\x17\x72\x45\x38\x50\x90";
  if (!in.starts_with("BZh") || in.size() < 10 || in[3] < '1' || in[3] > '9') return false;
  return in.substr(4, 6) == kBlock || in.substr(4, 6) == kEnd;
}

CodecResult DecompressBzip2(std::string_view in, std::size_t max_output, CodecBuffer* out) {
  if (!BeginsBzip2(in)) return {CodecStatus::kNotThis, 0, "it does not begin as bzip2 does"};
  CappedOutput capped(out, max_output);
  std::size_t at = 0;
  const char* reason = "";
  do {
    const CodecStatus status = ReadStream(in, &at, &capped, &reason);
    if (status != CodecStatus::kOk) return capped.Finish(status, at, reason);
  } while (BeginsBzip2(in.substr(at)));
  const CodecStatus status = at < in.size() ? CodecStatus::kBroken : CodecStatus::kOk;
  return capped.Finish(status, at, "there are bytes behind its end");
}

}  // namespace sluice
