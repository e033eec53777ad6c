/// The end of a CodecBuffer, handed out piece by piece and never beyond a cap.
#pragma once

#include <algorithm>
#include <cstddef>

#include "decode/codec/codec.h"

namespace sluice {

/// For one call of a decompress function. A stream may fill one byte more than the cap: so one that
/// ends there is told from one that goes on.
class CappedOutput {
 public:
  CappedOutput(CodecBuffer* out, std::size_t cap) : out_(out), begin_(out->size()), cap_(cap) {}

  /// Room behind what has been written: all that is there, or else about `guess` bytes.
  CodecStatus Next(std::size_t guess) {
    const std::size_t left = cap_ + 1 - written();
    if (written() > cap_) return CodecStatus::kTooLarge;
    if (out_->capacity() - out_->size() < std::min(guess, left) &&
        !out_->Reserve(std::clamp<std::size_t>(guess, 1, left))) {
      return CodecStatus::kNoMemory;
    }
    room_ = std::min(out_->capacity() - out_->size(), left);
    return CodecStatus::kOk;
  }
  /// Exactly `size` bytes, whose number is known before. kTooLarge if they pass the cap.
  CodecStatus Exactly(std::size_t size) {
    if (size > cap_ - written()) return CodecStatus::kTooLarge;
    if (!out_->Reserve(size)) return CodecStatus::kNoMemory;
    room_ = size;
    return CodecStatus::kOk;
  }

  /// Exactly(): some of the room was used.
  void Shrink(std::size_t bytes) { room_ -= bytes; }

  char* at() const { return out_->data() + out_->size(); }
  std::size_t room() const { return room_; }
  void Commit(std::size_t bytes) { out_->set_size(out_->size() + bytes); }
  std::size_t written() const { return out_->size() - begin_; }
  bool over() const { return written() > cap_; }
  /// The room handed out last is all that the cap leaves.
  bool AtCap() const { return written() + room_ > cap_; }

  /// What the function returns: takes back what was written unless all went well.
  CodecResult Finish(CodecStatus status, std::size_t byte, const char* reason) {
    if (status == CodecStatus::kOk && over()) status = CodecStatus::kTooLarge;
    if (status == CodecStatus::kOk) return {};
    out_->set_size(begin_);
    if (status == CodecStatus::kTooLarge) reason = "it is too large when decompressed";
    return {status, byte, reason};
  }
  CodecResult NoRoom(CodecStatus status, std::size_t byte) {
    return Finish(status, byte, "there is no memory to decompress it");
  }

 private:
  CodecBuffer* out_;
  std::size_t begin_;
  std::size_t cap_;
  std::size_t room_ = 0;
};

}  // namespace sluice
