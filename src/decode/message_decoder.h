/// From a source's batch to rows: what is the same for every format.
///
/// Skips and counts tombstones, rejects empty and oversized messages, hands the rest to the
/// format's decoder and appends the source's own columns. Compression and envelopes are undone here
/// too.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "decode/decoder.h"

namespace sluice {

/// A batch on its way through the job. `raw` stays until every step that may still refuse one of
/// its rows has seen it. Counted where it happens: delivered == decoded + rejected_whole +
/// tombstones.
struct DecodedBatch {
  std::shared_ptr<const RawBatch> raw;
  DecodedRows decoded;
  std::int64_t delivered = 0;
  std::int64_t decoded_messages = 0;
  std::int64_t rejected_whole = 0;
  std::int64_t tombstones = 0;
};

/// One thread at a time.
class MessageDecoder {
 public:
  /// `extra` are Source::extra_fields(); a clash with a column of the decoder is a user error.
  static Result<std::unique_ptr<MessageDecoder>> Make(
      std::unique_ptr<Decoder> decoder, const std::vector<std::shared_ptr<arrow::Field>>& extra,
      const DecodeLimits& limits);

  /// The decoder's columns, then the source's.
  const SchemaPtr& schema() const { return schema_; }

  Result<DecodedBatch> Decode(std::shared_ptr<const RawBatch> raw);

 private:
  MessageDecoder(std::unique_ptr<Decoder> decoder, SchemaPtr schema, bool has_extra,
                 const DecodeLimits& limits);
  std::unique_ptr<Decoder> decoder_;
  SchemaPtr schema_;
  bool has_extra_;
  DecodeLimits limits_;
  std::vector<Payload> payloads_;
};

}  // namespace sluice
