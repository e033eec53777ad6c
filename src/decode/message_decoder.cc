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

Reject RejectWhole(std::uint32_t record, const char* code, std::string reason) {
  Reject reject;
  reject.record = record;
  reject.code = code;
  reject.reason = std::move(reason);
  return reject;
}

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
    std::size_t to = raw->records.size();
    TRY(DecodedBatch piece, DecodePiece(*raw, from, &to));
    piece.raw = raw;
    from = to;
    TRY(take(std::move(piece)));
  } while (from < raw->records.size());
  return {};
}

/// Decodes the records from `from` on, at most to `*to`, and says in `*to` how far it came.
Result<DecodedBatch> MessageDecoder::DecodePiece(const RawBatch& raw, std::size_t from,
                                                 std::size_t* to) {
  DecodedBatch out;
  std::vector<Reject> refused;
  unpacker_->Clear();
  const auto& records = raw.records;
  std::size_t i = from;
  for (; i < *to && !unpacker_->Full(); ++i) {
    const RawRecord& record = records[i];
    const auto index = static_cast<std::uint32_t>(i);
    out.bytes += static_cast<std::int64_t>(record.size);
    if (record.data == nullptr) {
      ++out.tombstones;
    } else if (record.size == 0) {
      refused.push_back(RejectWhole(index, "message.empty", "the message is empty"));
    } else if (record.size > limits_.message_bytes) {
      refused.push_back(RejectWhole(index, "limit.message",
                                    // Sources may cut what is beyond the limit.
                                    "the message has more than " +
                                        std::to_string(limits_.message_bytes) +
                                        " bytes, the limit"));
    } else {
      TRY(unpacker_->Add(record.data, record.size, index));
    }
  }
  *to = i;
  out.delivered = static_cast<std::int64_t>(i - from);
  TRY(out.decoded, decoder_->Decode(unpacker_->payloads()));
  TRY(const auto again, unpacker_->Reconsider(&out.decoded.rejects));
  if (again.stopped_at < i) {
    *to = again.stopped_at;
    return DecodePiece(raw, from, to);
  }
  std::vector<Reject> first;
  if (again.changed) {
    first = std::move(out.decoded.rejects);
    TRY(out.decoded, decoder_->Decode(unpacker_->payloads()));
  }
  unpacker_->Explain(first, &out.decoded.rejects);
  out.decompressed = unpacker_->counts();
  std::int64_t whole = 0;
  for (const Reject& reject : out.decoded.rejects) whole += reject.row == Reject::kWholeMessage;
  out.decoded_messages = static_cast<std::int64_t>(unpacker_->payloads().size()) - whole;
  MergeRejects(std::move(unpacker_->rejects()), &refused);
  out.rejected_whole = whole + static_cast<std::int64_t>(refused.size());
  MergeRejects(std::move(refused), &out.decoded.rejects);
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
