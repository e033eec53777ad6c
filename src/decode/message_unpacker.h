/// Undoes the compression of messages before their format sees them: one layer of it.
///
/// Under `compression: auto` a codec with a magic number is taken if its whole stream and its
/// checksums are right; one without, if the bytes are no message of the format and what comes out
/// may be one. Everything else is plain, and pays a look at its first bytes. docs/compression.md
/// has the order and the reasons.
///
///   Clear, Add..., payloads -> Decoder::Decode -> Reconsider (then decode again) -> Explain
///
/// One thread at a time; one per decoder.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "decode/codec/codec_buffer.h"
#include "decode/codec/codec_list.h"
#include "decode/compression.h"
#include "decode/decoder.h"
#include "record/reject.h"

namespace sluice {

class MessageUnpacker {
 public:
  /// `decoder` outlives it.
  MessageUnpacker(Decoder* decoder, Compression compression, const DecodeLimits& limits);

  /// Forgets earlier messages. Memory stays, up to a bound.
  void Clear();

  /// The next message; REQUIRES: size > 0. It becomes a payload or a reject. An error only if
  /// memory runs out.
  Result<void> Add(const char* data, std::size_t size, std::uint32_t record) {
    const bool plain = compression_.detect
                           ? by_first_byte_[static_cast<unsigned char>(*data)] == 0 &&
                                 decoder_->MayBeMessage({data, size})
                           : compression_.expected.empty();
    if (!plain) return Unpack({data, size}, record);
    payloads_.push_back({data, size, record});
    return {};
  }

  /// A record that is no message at all; between the calls of Add.
  void Refuse(std::uint32_t record, const char* code, std::string reason);
  /// Takes back what was added from `record` on.
  void Drop(std::uint32_t record);

  /// What was added and not rejected, in order. Valid until the next call of another method.
  const std::vector<Payload>& payloads();
  /// Of messages that were refused or cannot be unpacked, in order.
  std::vector<Reject>& rejects() { return rejects_; }
  /// So much came out since Clear that the batch should go on in another piece.
  bool Full() const { return arena_.size() >= kFull; }

  struct Reconsidered {
    bool changed = false;                 ///< payloads() did, and must be decoded again.
    std::uint32_t stopped_at = kNowhere;  ///< It got full before this record.
    static constexpr std::uint32_t kNowhere = 0xffffffff;
  };
  /// After decoding: messages that were taken for plain and of which no row could be used are tried
  /// as compressed without a magic number; rejects of broken streams say so. Explain wants the
  /// rejects of `first` again.
  Result<Reconsidered> Reconsider(DecodedRows* first);

  /// Says in the rejects of unpacked messages where their bytes are counted. What Reconsider
  /// changed in vain gets its reject from `first` back.
  void Explain(const std::vector<Reject>& first, std::vector<Reject>* rejects);

  /// Messages unpacked since Clear, for each of Codecs(). Final after Explain.
  const std::array<std::int64_t, kNumCodecs>& counts() const { return counts_; }

 private:
  /// What one piece decompresses to: this, and at most one message more.
  static constexpr std::size_t kFull = 16u << 20;

  /// A payload whose bytes lie in arena_.
  struct Unpacked {
    std::size_t payload;
    std::size_t offset;
    const Codec* codec;
    bool reconsidered;
  };

  Result<void> Unpack(std::string_view in, std::uint32_t record);
  Result<void> UnpackExpected(std::string_view in, std::uint32_t record);
  Result<const Codec*> TryUnmarked(std::string_view in);
  void Accept(const Codec& codec, std::size_t offset, std::uint32_t record);
  void RefuseBroken(const Codec& codec, const CodecResult& failure, std::size_t size,
                    std::uint32_t record);
  Reject RejectOf(const Codec& codec, const CodecResult& failure, std::size_t size) const;
  std::size_t Cap(std::size_t size) const;
  const Codec* BrokenStream(std::string_view in, CodecResult* failure);
  Unpacked* FindUnpacked(std::uint32_t record);

  Decoder* decoder_;
  Compression compression_;
  DecodeLimits limits_;
  const std::array<std::uint16_t, 256>& by_first_byte_;
  CodecBuffer arena_;
  std::vector<Payload> payloads_;
  std::vector<Unpacked> unpacked_;  ///< Ordered by payload, but during Reconsider.
  std::vector<Reject> rejects_;
  std::array<std::int64_t, kNumCodecs> counts_{};
};

}  // namespace sluice
