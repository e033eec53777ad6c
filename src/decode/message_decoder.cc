#include "decode/message_decoder.h"

#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "decode/message_unpacker.h"
#include "record/arrow_error.h"

namespace sluice {
namespace {

/// Both lists are in the order of the messages; dead letters keep that order.
void MergeRejects(std::vector<Reject> from, std::vector<Reject>* into) {
  if (from.empty()) return;
  std::vector<Reject> merged;
  merged.reserve(from.size() + into->size());
  std::merge(std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()),
             std::make_move_iterator(into->begin()), std::make_move_iterator(into->end()),
             std::back_inserter(merged),
             [](const Reject& a, const Reject& b) { return a.record < b.record; });
  *into = std::move(merged);
}

}  // namespace

Result<std::unique_ptr<MessageDecoder>> MessageDecoder::Make(
    std::unique_ptr<Decoder> decoder, const std::vector<std::shared_ptr<arrow::Field>>& extra,
    const DecodeLimits& limits, Compression compression) {
  SchemaPtr schema = decoder->schema();
  for (const auto& field : extra) {
    if (schema->GetFieldIndex(field->name()) >= 0) {
      return UserError(
          "decode.column_clash",
          "the source adds a column '" + field->name() +
              "', but the schema has one of that name; rename it or turn the option off "
              "that adds it");
    }
    TRY(schema, schema->AddField(schema->num_fields(), field));
  }
  return std::unique_ptr<MessageDecoder>(new MessageDecoder(
      std::move(decoder), std::move(schema), !extra.empty(), limits, std::move(compression)));
}

MessageDecoder::MessageDecoder(std::unique_ptr<Decoder> decoder, SchemaPtr schema, bool has_extra,
                               const DecodeLimits& limits, Compression compression)
    : decoder_(std::move(decoder)),
      schema_(std::move(schema)),
      has_extra_(has_extra),
      limits_(limits),
      unpacker_(std::make_unique<MessageUnpacker>(decoder_.get(), std::move(compression), limits)) {
}

MessageDecoder::~MessageDecoder() = default;

Result<void> MessageDecoder::Decode(const std::shared_ptr<const RawBatch>& raw, const Take& take) {
  std::size_t from = 0;
  do {
    std::size_t to = from;
    TRY(DecodedBatch piece, DecodePiece(*raw, from, &to));
    piece.raw = raw;
    from = to;
    TRY(take(std::move(piece)));
  } while (from < raw->records.size());
  return {};
}

/// Hands the records from `from` on to the unpacker, as many as it takes. What is no message is
/// counted or refused at once. Returns where the next piece begins.
Result<std::size_t> MessageDecoder::Unpack(const RawBatch& raw, std::size_t from,
                                           DecodedBatch* out) {
  unpacker_->Clear();
  const auto& records = raw.records;
  std::size_t i = from;
  for (; i < records.size() && !unpacker_->Full(); ++i) {
    // Unpacking looks at each message's first bytes, which are not near yet.
    constexpr std::size_t kAhead = 16;
    if (i + kAhead < records.size()) {
      __builtin_prefetch(records[i + kAhead].data);
      __builtin_prefetch(records[i + kAhead].data + 63);
    }
    const RawRecord& record = records[i];
    const auto index = static_cast<std::uint32_t>(i);
    out->bytes += static_cast<std::int64_t>(record.size);
    if (record.data == nullptr) {
      ++out->tombstones;
    } else if (record.size == 0) {
      unpacker_->Refuse(index, "message.empty", "the message is empty");
    } else if (record.size > limits_.message_bytes) {
      unpacker_->Refuse(index, "limit.message",
                        // Sources may cut what is beyond the limit.
                        "the message has more than " + std::to_string(limits_.message_bytes) +
                            " bytes, the limit");
    } else {
      TRY(unpacker_->Add(record.data, record.size, index));
    }
  }
  return i;
}

/// The piece ends at `to` instead of `end`.
void MessageDecoder::CutBack(const RawBatch& raw, std::size_t to, std::size_t end,
                             DecodedBatch* out) {
  for (std::size_t i = to; i < end; ++i) {
    out->bytes -= static_cast<std::int64_t>(raw.records[i].size);
    if (raw.records[i].data == nullptr) --out->tombstones;
  }
  unpacker_->Drop(static_cast<std::uint32_t>(to));
}

/// Decodes the records from `from` on, and says in `*to` how far it came.
Result<DecodedBatch> MessageDecoder::DecodePiece(const RawBatch& raw, std::size_t from,
                                                 std::size_t* to) {
  DecodedBatch out;
  TRY(std::size_t end, Unpack(raw, from, &out));
  decoder_->StartBatch(raw);
  const auto decode = [&]() -> Result<void> {
    TRY(out.decoded, decoder_->Decode(unpacker_->payloads()));
    if (!out.decoded.stopped_at) return {};
    CutBack(raw, *out.decoded.stopped_at, end, &out);
    end = *out.decoded.stopped_at;
    return {};
  };
  TRY(decode());
  TRY(const auto again, unpacker_->Reconsider(&out.decoded));
  if (again.stopped_at < end) {
    CutBack(raw, again.stopped_at, end, &out);
    end = again.stopped_at;
  }
  std::vector<Reject> first;
  if (again.changed) {
    first = std::move(out.decoded.rejects);
    TRY(decode());
  }
  unpacker_->Explain(first, &out.decoded.rejects);
  *to = end;
  out.delivered = static_cast<std::int64_t>(end - from);
  out.decompressed = unpacker_->counts();
  std::int64_t whole = 0;
  for (const Reject& reject : out.decoded.rejects) whole += reject.row == Reject::kWholeMessage;
  out.decoded_messages = static_cast<std::int64_t>(unpacker_->payloads().size()) - whole;
  out.rejected_whole = whole + static_cast<std::int64_t>(unpacker_->rejects().size());
  MergeRejects(std::move(unpacker_->rejects()), &out.decoded.rejects);
  if (has_extra_) TRY(AppendExtra(raw, &out.decoded));
  return out;
}

Result<void> MessageDecoder::AppendExtra(const RawBatch& raw, DecodedRows* decoded) const {
  TRY(auto extra, raw.ExtraColumns(decoded->record_of_row));
  auto columns = decoded->rows->columns();
  columns.insert(columns.end(), extra.begin(), extra.end());
  if (static_cast<int>(columns.size()) != schema_->num_fields()) {
    return BugError("the source has other columns than it declared");
  }
  decoded->rows = arrow::RecordBatch::Make(schema_, decoded->rows->num_rows(), std::move(columns));
  return {};
}

}  // namespace sluice
