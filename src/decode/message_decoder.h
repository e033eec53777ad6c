/// From a source's batch to rows: what is the same for every format.
///
/// Skips and counts tombstones, rejects empty and oversized messages, hands the rest to the
/// format's decoder and appends the source's own columns. Compression and envelopes are undone here
/// too.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "decode/compression.h"
#include "decode/decoder.h"

namespace sluice {

/// A batch on its way through the job, or a piece of one: `raw` has all its records, the rest
/// counts the piece's. `raw` stays until every step that may still refuse one of its rows has seen
/// it. Counted where it happens: delivered == decoded + rejected_whole + tombstones.
struct DecodedBatch {
  std::shared_ptr<const RawBatch> raw;
  DecodedRows decoded;
  std::int64_t bytes = 0;  ///< Of the messages delivered, as they came.
  std::int64_t delivered = 0;
  std::int64_t decoded_messages = 0;
  std::int64_t rejected_whole = 0;
  std::int64_t tombstones = 0;
  /// Of the messages how many were compressed, for each of CodecNames().
  std::array<std::int64_t, kNumCodecs> decompressed{};
  std::size_t entry = 0;  ///< Of a replay: which of PipelineSource::entries the rows take.
};

/// What a source's batches are handed to. One thread at a time.
class BatchDecoder {
 public:
  virtual ~BatchDecoder() = default;
  using Take = std::function<Result<void>(DecodedBatch)>;
  /// Hands all of `raw` to `take`: in one piece, or in several, in order, if it decompresses
  /// or decodes to so much that it should not be in memory at once. An error of `take` ends it.
  virtual Result<void> Decode(const std::shared_ptr<const RawBatch>& raw, const Take& take) = 0;
};

class MessageUnpacker;

class MessageDecoder final : public BatchDecoder {
 public:
  ~MessageDecoder() override;
  /// `extra` are Source::extra_fields(); a clash with a column of the decoder is a user error.
  static Result<std::unique_ptr<MessageDecoder>> Make(
      std::unique_ptr<Decoder> decoder, const std::vector<std::shared_ptr<arrow::Field>>& extra,
      const DecodeLimits& limits, Compression compression = {});

  /// The decoder's columns, then the source's.
  const SchemaPtr& schema() const { return schema_; }

  Result<void> Decode(const std::shared_ptr<const RawBatch>& raw, const Take& take) override;

 private:
  MessageDecoder(std::unique_ptr<Decoder> decoder, SchemaPtr schema, bool has_extra,
                 const DecodeLimits& limits, Compression compression);
  Result<DecodedBatch> DecodePiece(const RawBatch& raw, std::size_t from, std::size_t* to);
  Result<std::size_t> Unpack(const RawBatch& raw, std::size_t from, DecodedBatch* out);
  void CutBack(const RawBatch& raw, std::size_t to, std::size_t end, DecodedBatch* out);
  Result<void> AppendExtra(const RawBatch& raw, DecodedRows* decoded) const;

  std::unique_ptr<Decoder> decoder_;
  SchemaPtr schema_;
  bool has_extra_;
  DecodeLimits limits_;
  std::unique_ptr<MessageUnpacker> unpacker_;
};

}  // namespace sluice
