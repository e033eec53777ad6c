#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <memory>

#include "decode/codec/capped_output.h"
#include "decode/codec/codec.h"
#include "decode/codec/skippable_frames.h"

namespace sluice {
namespace {

constexpr std::string_view kMagic = "\x28\xb5\x2f\xfd";

struct FreeContext {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

CodecStatus StatusOf(std::size_t code, const char** reason) {
  *reason = ZSTD_getErrorName(code);
  switch (ZSTD_getErrorCode(code)) {
    case ZSTD_error_dictionary_wrong:
      *reason = "it needs a dictionary";
      return CodecStatus::kDictionary;
    case ZSTD_error_memory_allocation:
      *reason = "there is no memory to decompress it";
      return CodecStatus::kNoMemory;
    case ZSTD_error_srcSize_wrong:
      *reason = "it ends early";
      return CodecStatus::kBroken;
    default:
      return CodecStatus::kBroken;
  }
}

/// In one piece each, which needs no window. One whose size is not declared is tried again with
/// more room; in a buffer that was used before there is enough at once.
CodecStatus ReadFrame(ZSTD_DCtx* context, std::string_view frame, CappedOutput* out,
                      const char** reason) {
  if (ZSTD_getDictID_fromFrame(frame.data(), frame.size()) != 0) {
    *reason = "it needs a dictionary";
    return CodecStatus::kDictionary;
  }
  const auto declared = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (declared == ZSTD_CONTENTSIZE_ERROR) {
    *reason = "a frame's header is wrong";
    return CodecStatus::kBroken;
  }
  const bool known = declared != ZSTD_CONTENTSIZE_UNKNOWN;
  *reason = "there is no memory to decompress it";
  for (std::size_t guess = frame.size() * 8 + 64;; guess = out->room() * 4) {
    const CodecStatus status = known ? out->Exactly(declared) : out->Next(guess);
    if (status != CodecStatus::kOk) return status;
    const std::size_t room = out->room();
    const std::size_t size =
        ZSTD_decompressDCtx(context, out->at(), room, frame.data(), frame.size());
    if (!ZSTD_isError(size)) {
      out->Commit(size);
      return CodecStatus::kOk;
    }
    if (known || ZSTD_getErrorCode(size) != ZSTD_error_dstSize_tooSmall) {
      return StatusOf(size, reason);
    }
    if (out->AtCap()) return CodecStatus::kTooLarge;
  }
}

}  // namespace

bool BeginsZstd(std::string_view in) {
  const std::size_t at = SkipFrames(in, 0);
  return in.substr(at).starts_with(kMagic) || (at > 0 && at == in.size());
}

CodecResult DecompressZstd(std::string_view in, std::size_t max_output, CodecBuffer* out) {
  if (!BeginsZstd(in)) return {CodecStatus::kNotThis, 0, "it does not begin with 28 b5 2f fd"};
  thread_local const std::unique_ptr<ZSTD_DCtx, FreeContext> context(ZSTD_createDCtx());
  CappedOutput capped(out, max_output);
  if (context == nullptr) return capped.NoRoom(CodecStatus::kNoMemory, 0);
  const char* reason = "";
  for (std::size_t at = 0; (at = SkipFrames(in, at)) < in.size();) {
    std::string_view rest = in.substr(at);
    if (!rest.starts_with(kMagic)) {
      return capped.Finish(CodecStatus::kBroken, at, "there are bytes behind its end");
    }
    const std::size_t size = ZSTD_findFrameCompressedSize(rest.data(), rest.size());
    CodecStatus status = CodecStatus::kOk;
    if (ZSTD_isError(size)) {
      status = StatusOf(size, &reason);
      return capped.Finish(status, at, reason);
    }
    status = ReadFrame(context.get(), rest.substr(0, size), &capped, &reason);
    if (status != CodecStatus::kOk) return capped.Finish(status, at, reason);
    at += size;
  }
  return capped.Finish(CodecStatus::kOk, 0, "");
}

}  // namespace sluice
