#include "decode/message_unpacker.h"

#include <algorithm>
#include <string>
#include <utility>

namespace sluice {
namespace {

/// What Clear keeps of the arena.
constexpr std::size_t kKeptArena = 32u << 20;

Error NoMemory() {
  return RemoteError("decode.memory", "there is no memory to decompress a message");
}

bool ByRecord(const Reject& reject, std::uint32_t record) { return reject.record < record; }

const Reject* FindWhole(const std::vector<Reject>& rejects, std::uint32_t record) {
  auto at = std::lower_bound(rejects.begin(), rejects.end(), record, ByRecord);
  return at != rejects.end() && at->record == record && at->row == Reject::kWholeMessage ? &*at
                                                                                         : nullptr;
}

}  // namespace

MessageUnpacker::MessageUnpacker(Decoder* decoder, Compression compression,
                                 const DecodeLimits& limits)
    : decoder_(decoder),
      compression_(std::move(compression)),
      limits_(limits),
      by_first_byte_(CodecsByFirstByte()) {}

void MessageUnpacker::Clear() {
  payloads_.clear();
  unpacked_.clear();
  rejects_.clear();
  counts_ = {};
  arena_.Trim(kKeptArena);
}

std::size_t MessageUnpacker::Cap(std::size_t size) const {
  return std::min(limits_.decompressed_bytes,
                  std::max(limits_.decompressed_free, size * limits_.decompressed_ratio));
}

Result<void> MessageUnpacker::Unpack(std::string_view in, std::uint32_t record) {
  if (!compression_.expected.empty()) return UnpackExpected(in, record);
  const std::size_t offset = arena_.size();
  const Codec* broken = nullptr;
  CodecResult failure;
  for (unsigned mask = by_first_byte_[static_cast<unsigned char>(in[0])]; mask != 0;
       mask &= mask - 1) {
    const Codec& codec = Codecs()[static_cast<std::size_t>(__builtin_ctz(mask))];
    if (!codec.begins(in)) continue;
    const CodecResult result = codec.decompress(in, Cap(in.size()), &arena_);
    if (result.status == CodecStatus::kNoMemory) return NoMemory();
    if (result.status == CodecStatus::kOk) {
      Accept(codec, offset, record);
      return {};
    }
    if (broken == nullptr && codec.surely(in)) {
      broken = &codec;
      failure = result;
    }
  }
  if (!decoder_->MayBeMessage(in)) {
    if (broken != nullptr) {
      RefuseBroken(*broken, failure, in.size(), record);
      return {};
    }
    TRY(const Codec* codec, TryUnmarked(in));
    if (codec != nullptr) {
      Accept(*codec, offset, record);
      return {};
    }
  }
  payloads_.push_back({in.data(), in.size(), record});
  return {};
}

/// With a codec that has no magic number, at the end of the arena; nullptr if none fits.
Result<const Codec*> MessageUnpacker::TryUnmarked(std::string_view in) {
  const std::size_t offset = arena_.size();
  for (const Codec& codec : Codecs()) {
    if (codec.begins != nullptr) continue;
    const CodecResult result = codec.decompress(in, Cap(in.size()), &arena_);
    if (result.status == CodecStatus::kNoMemory) return NoMemory();
    if (result.status != CodecStatus::kOk) continue;
    const std::string_view plain = arena_.view().substr(offset);
    if (!plain.empty() && decoder_->MayBeMessage(plain)) return &codec;
    arena_.set_size(offset);
  }
  return nullptr;
}

Result<void> MessageUnpacker::UnpackExpected(std::string_view in, std::uint32_t record) {
  const std::size_t offset = arena_.size();
  const Codec* begun = nullptr;
  CodecResult failure;
  for (const Codec* codec : compression_.expected) {
    const CodecResult result = codec->decompress(in, Cap(in.size()), &arena_);
    if (result.status == CodecStatus::kNoMemory) return NoMemory();
    if (result.status == CodecStatus::kOk) {
      Accept(*codec, offset, record);
      return {};
    }
    // Of several forms the one that the bytes begin as has the best reason.
    const bool better = begun == nullptr ||
                        (result.status != CodecStatus::kNotThis &&
                         (failure.status == CodecStatus::kNotThis ||
                          (failure.status == CodecStatus::kBroken && begun->begins == nullptr)));
    if (better) {
      begun = codec;
      failure = result;
    }
  }
  RefuseBroken(*begun, failure, in.size(), record);
  return {};
}

void MessageUnpacker::Accept(const Codec& codec, std::size_t offset, std::uint32_t record) {
  if (arena_.size() == offset) {
    Refuse(record, "message.empty",
           std::string("after ") + codec.title + " decompression the message is empty");
    return;
  }
  unpacked_.push_back({payloads_.size(), offset, &codec, false});
  payloads_.push_back({nullptr, arena_.size() - offset, record});
}

Reject MessageUnpacker::RejectOf(const Codec& codec, const CodecResult& failure,
                                 std::size_t size) const {
  Reject reject;
  reject.byte = static_cast<std::int64_t>(failure.byte);
  reject.reason = std::string(codec.title) + ": ";
  switch (failure.status) {
    case CodecStatus::kTooLarge: {
      const std::size_t cap = Cap(size);
      const bool by_size = cap == limits_.decompressed_bytes;
      reject.code = by_size ? "limit.decompressed" : "limit.ratio";
      reject.reason += "more than " + std::to_string(cap) + " bytes would come out of " +
                       std::to_string(size) + "; the limit is ";
      reject.reason += by_size
                           ? std::to_string(cap) + " bytes"
                           : std::to_string(limits_.decompressed_ratio) + " times the size, or " +
                                 std::to_string(limits_.decompressed_free) + " bytes";
      break;
    }
    case CodecStatus::kMemoryLimit:
      reject.code = "limit.dictionary";
      reject.reason += failure.reason;
      break;
    case CodecStatus::kDictionary:
      reject.code = "compression.dictionary";
      reject.reason += failure.reason;
      break;
    case CodecStatus::kNotThis:
      reject.code = "compression.unexpected";
      reject.reason = "the message is not compressed as `compression: " + compression_.name +
                      "` says: " + failure.reason;
      break;
    default:
      // A form without a magic number was never recognised, so the message may be anything.
      reject.code = codec.begins == nullptr ? "compression.unexpected" : "compression.broken";
      if (codec.begins == nullptr) {
        reject.reason = "the message is not compressed as `compression: " + compression_.name +
                        "` says: as " + reject.reason;
      }
      reject.reason += failure.reason;
  }
  return reject;
}

void MessageUnpacker::Refuse(std::uint32_t record, const char* code, std::string reason) {
  Reject reject;
  reject.record = record;
  reject.code = code;
  reject.reason = std::move(reason);
  rejects_.push_back(std::move(reject));
}

void MessageUnpacker::Drop(std::uint32_t record) {
  while (!payloads_.empty() && payloads_.back().record >= record) payloads_.pop_back();
  while (!unpacked_.empty() && unpacked_.back().payload >= payloads_.size()) unpacked_.pop_back();
  while (!rejects_.empty() && rejects_.back().record >= record) rejects_.pop_back();
}

void MessageUnpacker::RefuseBroken(const Codec& codec, const CodecResult& failure, std::size_t size,
                                   std::uint32_t record) {
  rejects_.push_back(RejectOf(codec, failure, size));
  rejects_.back().record = record;
}

const std::vector<Payload>& MessageUnpacker::payloads() {
  for (const Unpacked& unpacked : unpacked_) {
    payloads_[unpacked.payload].data = arena_.data() + unpacked.offset;
  }
  return payloads_;
}

MessageUnpacker::Unpacked* MessageUnpacker::FindUnpacked(std::uint32_t record) {
  auto at = std::lower_bound(unpacked_.begin(), unpacked_.end(), record,
                             [&](const Unpacked& unpacked, std::uint32_t to) {
                               return payloads_[unpacked.payload].record < to;
                             });
  return at != unpacked_.end() && payloads_[at->payload].record == record ? &*at : nullptr;
}

/// The codec as which `in` surely begins without being whole and right; nullptr if there is none.
const Codec* MessageUnpacker::BrokenStream(std::string_view in, CodecResult* failure) {
  const std::size_t offset = arena_.size();
  for (unsigned mask = by_first_byte_[static_cast<unsigned char>(in[0])]; mask != 0;
       mask &= mask - 1) {
    const Codec& codec = Codecs()[static_cast<std::size_t>(__builtin_ctz(mask))];
    if (!codec.begins(in) || !codec.surely(in)) continue;
    *failure = codec.decompress(in, Cap(in.size()), &arena_);
    arena_.set_size(offset);
    if (failure->status != CodecStatus::kOk) return &codec;
  }
  return nullptr;
}

Result<MessageUnpacker::Reconsidered> MessageUnpacker::Reconsider(DecodedRows* first) {
  Reconsidered result;
  if (!compression_.detect || first->rejects.empty()) return result;
  const std::size_t known = unpacked_.size();
  std::vector<Unpacked> found;
  std::uint32_t seen = Reconsidered::kNowhere;
  for (Reject& reject : first->rejects) {
    // Once for each message of which nothing could be used.
    if (reject.record == seen || FindUnpacked(reject.record) != nullptr) continue;
    seen = reject.record;
    if (std::binary_search(first->record_of_row.begin(), first->record_of_row.end(), seen))
      continue;
    const auto payload = std::lower_bound(
        payloads_.begin(), payloads_.end(), reject.record,
        [](const Payload& of, std::uint32_t record) { return of.record < record; });
    if (payload == payloads_.end() || payload->record != reject.record) continue;
    const std::string_view in(payload->data, payload->size);
    if (!decoder_->MayBeMessage(in)) continue;  // Unpack has tried it all.
    CodecResult failure;
    if (const Codec* codec = BrokenStream(in, &failure)) {
      if (failure.status == CodecStatus::kNoMemory) return NoMemory();
      if (reject.row != Reject::kWholeMessage) continue;
      Reject said = RejectOf(*codec, failure, in.size());
      said.record = reject.record;
      reject = std::move(said);
      continue;
    }
    if (Full() && !found.empty()) {
      result.stopped_at = reject.record;
      break;
    }
    const std::size_t offset = arena_.size();
    TRY(const Codec* codec, TryUnmarked(in));
    if (codec == nullptr) continue;
    payload->size = arena_.size() - offset;
    found.push_back({static_cast<std::size_t>(payload - payloads_.begin()), offset, codec, true});
  }
  unpacked_.insert(unpacked_.end(), found.begin(), found.end());
  std::inplace_merge(unpacked_.begin(), unpacked_.begin() + static_cast<std::ptrdiff_t>(known),
                     unpacked_.end(),
                     [](const Unpacked& a, const Unpacked& b) { return a.payload < b.payload; });
  result.changed = !found.empty();
  return result;
}

void MessageUnpacker::Explain(const std::vector<Reject>& first, std::vector<Reject>* rejects) {
  for (Reject& reject : *rejects) {
    Unpacked* unpacked = FindUnpacked(reject.record);
    const bool whole = reject.row == Reject::kWholeMessage;
    const Reject* before = whole ? FindWhole(first, reject.record) : nullptr;
    if (unpacked == nullptr || (unpacked->reconsidered && before != nullptr)) {
      // What Reconsider found still stands; and where what came out is no message either, the first
      // reason is the likelier.
      if (unpacked != nullptr) unpacked->codec = nullptr;
      if (before != nullptr) reject = *before;
      continue;
    }
    reject.reason =
        std::string("after ") + unpacked->codec->title + " decompression: " + reject.reason;
  }
  for (const Unpacked& unpacked : unpacked_) {
    if (unpacked.codec != nullptr) ++counts_[IndexOf(*unpacked.codec)];
  }
}

}  // namespace sluice
