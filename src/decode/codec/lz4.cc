#include <lz4frame.h>

#include <cstring>

#include "decode/codec/capped_output.h"
#include "decode/codec/codec.h"
#include "decode/codec/skippable_frames.h"

namespace sluice {
namespace {

constexpr std::string_view kMagic = "\x04\x22\x4d\x18";

class Context {
 public:
  Context() {
    if (LZ4F_isError(LZ4F_createDecompressionContext(&context_, LZ4F_VERSION))) context_ = nullptr;
  }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() { LZ4F_freeDecompressionContext(context_); }
  LZ4F_dctx* get() const { return context_; }

 private:
  LZ4F_dctx* context_ = nullptr;
};

CodecStatus StatusOf(std::size_t code, const char** reason) {
  const char* name = LZ4F_getErrorName(code);
  *reason = name;
  if (std::strcmp(name, "ERROR_contentChecksum_invalid") == 0) {
    *reason = "the checksum of the content is wrong";
  } else if (std::strcmp(name, "ERROR_blockChecksum_invalid") == 0) {
    *reason = "the checksum of a block is wrong";
  } else if (std::strcmp(name, "ERROR_headerChecksum_invalid") == 0) {
    *reason = "the checksum of the header is wrong";
  } else if (std::strcmp(name, "ERROR_frameSize_wrong") == 0) {
    *reason = "more or fewer bytes come out than it declares";
  } else if (std::strcmp(name, "ERROR_frameHeader_incomplete") == 0) {
    *reason = "it ends early";
  } else if (std::strcmp(name, "ERROR_allocation_failed") == 0) {
    *reason = "there is no memory to decompress it";
    return CodecStatus::kNoMemory;
  }
  return CodecStatus::kBroken;
}

/// Reads the frame at `*at` and leaves `*at` where it ends or goes wrong.
CodecStatus ReadFrame(LZ4F_dctx* context, std::string_view in, std::size_t* at, CappedOutput* out,
                      const char** reason) {
  LZ4F_resetDecompressionContext(context);
  LZ4F_frameInfo_t info = {};
  std::size_t taken = in.size() - *at;
  const std::size_t begun = LZ4F_getFrameInfo(context, &info, in.data() + *at, &taken);
  if (LZ4F_isError(begun)) return StatusOf(begun, reason);
  *at += taken;
  if (info.dictID != 0) {
    *reason = "it needs a dictionary";
    return CodecStatus::kDictionary;
  }
  // Room for all that is declared stays where it is, so lz4 need not copy what it refers to.
  const bool known = info.contentSize != 0;
  LZ4F_decompressOptions_t options = {};
  options.stableDst = known;
  *reason = "there is no memory to decompress it";
  std::size_t guess = (in.size() - *at) * 4 + 64;
  CodecStatus status = CodecStatus::kOk;
  if (known) status = out->Exactly(info.contentSize);
  for (;;) {
    if (!known) status = out->Next(guess);
    if (status != CodecStatus::kOk) return status;
    std::size_t written = out->room();
    taken = in.size() - *at;
    const std::size_t code =
        LZ4F_decompress(context, out->at(), &written, in.data() + *at, &taken, &options);
    if (LZ4F_isError(code)) return StatusOf(code, reason);
    out->Commit(written);
    *at += taken;
    if (code == 0) return CodecStatus::kOk;
    if (!known && written == out->room()) {
      guess = out->written();
    } else if (taken == 0 && written == 0) {
      *reason = *at == in.size() ? "it ends early" : "more bytes come out than it declares";
      return CodecStatus::kBroken;
    }
    if (known) out->Shrink(written);
  }
}

}  // namespace

bool BeginsLz4(std::string_view in) { return in.substr(SkipFrames(in, 0)).starts_with(kMagic); }

CodecResult DecompressLz4(std::string_view in, std::size_t max_output, CodecBuffer* out) {
  if (!BeginsLz4(in)) return {CodecStatus::kNotThis, 0, "it does not begin with 04 22 4d 18"};
  thread_local const Context context;
  CappedOutput capped(out, max_output);
  if (context.get() == nullptr) return capped.NoRoom(CodecStatus::kNoMemory, 0);
  const char* reason = "";
  for (std::size_t at = 0; (at = SkipFrames(in, at)) < in.size();) {
    if (!in.substr(at).starts_with(kMagic)) {
      return capped.Finish(CodecStatus::kBroken, at, "there are bytes behind its end");
    }
    const CodecStatus status = ReadFrame(context.get(), in, &at, &capped, &reason);
    if (status != CodecStatus::kOk) return capped.Finish(status, at, reason);
  }
  return capped.Finish(CodecStatus::kOk, 0, "");
}

}  // namespace sluice
