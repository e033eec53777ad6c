// gzip, zlib and raw deflate: one library, three wrappers.
#include <zlib.h>

#include "decode/codec/capped_output.h"
#include "decode/codec/codec.h"

namespace sluice {
namespace {

constexpr int kRaw = -15;
constexpr int kZlib = 15;
constexpr int kGzip = 15 + 16;

/// zlib's state, made at the first use and reset afterwards.
class Inflater {
 public:
  ~Inflater() {
    if (made_) inflateEnd(&stream_);
  }
  bool Begin(int wrapper) {
    if (made_) return inflateReset2(&stream_, wrapper) == Z_OK;
    stream_ = {};
    made_ = inflateInit2(&stream_, wrapper) == Z_OK;
    return made_;
  }
  z_stream& stream() { return stream_; }

 private:
  z_stream stream_ = {};
  bool made_ = false;
};

/// Reads one stream, which begins at `*at`, and leaves `*at` where it ends or goes wrong.
CodecStatus ReadStream(std::string_view in, int wrapper, std::size_t* at, CappedOutput* out,
                       const char** reason) {
  thread_local Inflater inflater;
  *reason = "there is no memory to decompress it";
  if (!inflater.Begin(wrapper)) return CodecStatus::kNoMemory;
  z_stream& stream = inflater.stream();
  const std::size_t begin = *at;
  const std::size_t size = in.size() - begin;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data() + begin));
  stream.avail_in = static_cast<uInt>(size);
  std::size_t guess = size * 4 + 64;
  for (;;) {
    if (CodecStatus status = out->Next(guess); status != CodecStatus::kOk) return status;
    stream.next_out = reinterpret_cast<Bytef*>(out->at());
    stream.avail_out = static_cast<uInt>(out->room());
    // Z_FINISH even if the room may not do: then zlib copies no window when it does.
    const int code = inflate(&stream, Z_FINISH);
    out->Commit(out->room() - stream.avail_out);
    *at = begin + size - stream.avail_in;
    switch (code) {
      case Z_STREAM_END:
        return CodecStatus::kOk;
      case Z_OK:
      case Z_BUF_ERROR:
        if (stream.avail_out == 0) {
          guess = out->written();
          continue;
        }
        *reason = "it ends early";
        return CodecStatus::kBroken;
      case Z_NEED_DICT:
        *reason = "it needs a preset dictionary";
        return CodecStatus::kDictionary;
      case Z_MEM_ERROR:
        return CodecStatus::kNoMemory;
      default:
        *reason = stream.msg != nullptr ? stream.msg : "the stream is damaged";
        return CodecStatus::kBroken;
    }
  }
}

CodecResult ReadOne(std::string_view in, int wrapper, std::size_t max_output, CodecBuffer* out) {
  CappedOutput capped(out, max_output);
  std::size_t at = 0;
  const char* reason = "";
  CodecStatus status = ReadStream(in, wrapper, &at, &capped, &reason);
  if (status == CodecStatus::kOk && at < in.size()) {
    status = CodecStatus::kBroken;
    reason = "there are bytes behind its end";
  }
  return capped.Finish(status, at, reason);
}

unsigned Byte(std::string_view in, std::size_t index) {
  return static_cast<unsigned char>(in[index]);
}

}  // namespace

bool BeginsGzip(std::string_view in) { return in.starts_with("\x1f\x8b\x08"); }

bool BeginsZlib(std::string_view in) {
  return in.size() >= 2 && (Byte(in, 0) & 0x8f) == 8 && (Byte(in, 0) << 8 | Byte(in, 1)) % 31 == 0;
}

CodecResult DecompressGzip(std::string_view in, std::size_t max_output, CodecBuffer* out) {
  if (!BeginsGzip(in)) return {CodecStatus::kNotThis, 0, "it does not begin with 1f 8b 08"};
  CappedOutput capped(out, max_output);
  std::size_t at = 0;
  const char* reason = "";
  do {
    const CodecStatus status = ReadStream(in, kGzip, &at, &capped, &reason);
    if (status != CodecStatus::kOk) return capped.Finish(status, at, reason);
  } while (BeginsGzip(in.substr(at)));
  const CodecStatus status = at < in.size() ? CodecStatus::kBroken : CodecStatus::kOk;
  return capped.Finish(status, at, "there are bytes behind its end");
}

CodecResult DecompressZlib(std::string_view in, std::size_t max_output, CodecBuffer* out) {
  if (!BeginsZlib(in)) return {CodecStatus::kNotThis, 0, "it does not begin with a zlib header"};
  return ReadOne(in, kZlib, max_output, out);
}

CodecResult DecompressRawDeflate(std::string_view in, std::size_t max_output, CodecBuffer* out) {
  return ReadOne(in, kRaw, max_output, out);
}

}  // namespace sluice
