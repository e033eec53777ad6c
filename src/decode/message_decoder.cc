#include "decode/message_decoder.h"

#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

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

}  // namespace

Result<std::unique_ptr<MessageDecoder>> MessageDecoder::Make(
    std::unique_ptr<Decoder> decoder, const std::vector<std::shared_ptr<arrow::Field>>& extra,
    const DecodeLimits& limits) {
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
  return std::unique_ptr<MessageDecoder>(
      new MessageDecoder(std::move(decoder), std::move(schema), !extra.empty(), limits));
}

MessageDecoder::MessageDecoder(std::unique_ptr<Decoder> decoder, SchemaPtr schema, bool has_extra,
                               const DecodeLimits& limits)
    : decoder_(std::move(decoder)),
      schema_(std::move(schema)),
      has_extra_(has_extra),
      limits_(limits) {}

Result<DecodedBatch> MessageDecoder::Decode(std::shared_ptr<const RawBatch> raw) {
  DecodedBatch out;
  std::vector<Reject> refused;
  payloads_.clear();
  const auto& records = raw->records;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const RawRecord& record = records[i];
    const auto index = static_cast<std::uint32_t>(i);
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
      payloads_.push_back({record.data, record.size, index});
    }
  }
  out.delivered = static_cast<std::int64_t>(records.size());
  TRY(out.decoded, decoder_->Decode(payloads_));
  std::int64_t whole = 0;
  for (const Reject& reject : out.decoded.rejects) whole += reject.row == Reject::kWholeMessage;
  out.decoded_messages = static_cast<std::int64_t>(payloads_.size()) - whole;
  out.rejected_whole = whole + static_cast<std::int64_t>(refused.size());
  if (!refused.empty()) {
    // Both lists are in the order of the messages; dead letters keep that order.
    std::vector<Reject> merged;
    merged.reserve(refused.size() + out.decoded.rejects.size());
    std::merge(std::make_move_iterator(refused.begin()), std::make_move_iterator(refused.end()),
               std::make_move_iterator(out.decoded.rejects.begin()),
               std::make_move_iterator(out.decoded.rejects.end()), std::back_inserter(merged),
               [](const Reject& a, const Reject& b) { return a.record < b.record; });
    out.decoded.rejects = std::move(merged);
  }
  if (has_extra_) {
    TRY(auto extra, raw->ExtraColumns(out.decoded.record_of_row));
    auto columns = out.decoded.rows->columns();
    columns.insert(columns.end(), extra.begin(), extra.end());
    const int wanted = schema_->num_fields();
    if (static_cast<int>(columns.size()) != wanted) {
      return BugError("the source has other columns than it declared");
    }
    out.decoded.rows =
        arrow::RecordBatch::Make(schema_, out.decoded.rows->num_rows(), std::move(columns));
  }
  out.raw = std::move(raw);
  return out;
}

}  // namespace sluice
