#include "job/replay_decoder.h"

#include <arrow/array/array_base.h>
#include <arrow/array/concatenate.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <utility>

#include "core/logging.h"
#include "record/arrow_error.h"

namespace sluice {
namespace {

/// `step` of letters about what is no letter.
constexpr char kReplay[] = "replay";

/// Of a batch, the messages of which one row alone is wanted, and what came of them.
class OnlyRows {
 public:
  /// `batch` is the piece with the records from `first` on.
  OnlyRows(const LetterBatch& letters, std::size_t first, DecodedBatch* batch)
      : letters_(letters),
        first_(first),
        batch_(*batch),
        found_(static_cast<std::size_t>(batch->delivered), false) {}

  /// Leaves out rows and rejects of other rows. A row that is not there is a reject, too: nothing
  /// of a letter may be lost.
  Result<void> Apply() {
    TRY(KeepRows());
    KeepRejects();
    for (std::size_t i = 0; i < found_.size(); ++i) {
      const std::int32_t wanted = letters_.way(first_ + i).only_row;
      if (wanted < 0 || found_[i]) continue;
      batch_.decoded.rejects.push_back(
          {static_cast<std::uint32_t>(first_ + i), wanted, 0, "replay.row", "",
           "the message has no row " + std::to_string(wanted) + " (counted from 0) any more", ""});
    }
    std::stable_sort(batch_.decoded.rejects.begin(), batch_.decoded.rejects.end(),
                     [](const Reject& a, const Reject& b) { return a.record < b.record; });
    return {};
  }

 private:
  bool Wanted(std::uint32_t record, std::int32_t row) {
    const std::int32_t wanted = letters_.way(record).only_row;
    if (wanted >= 0 && wanted != row) return false;
    found_[record - first_] = true;
    return true;
  }

  Result<void> KeepRows() {
    DecodedRows& decoded = batch_.decoded;
    std::vector<std::uint32_t> records;
    std::vector<std::int32_t> rows;
    std::vector<std::shared_ptr<arrow::RecordBatch>> kept;
    for (std::size_t i = 0; i < decoded.record_of_row.size(); ++i) {
      const std::int32_t row = decoded.row_in_message.empty() ? 0 : decoded.row_in_message[i];
      if (!Wanted(decoded.record_of_row[i], row)) continue;
      records.push_back(decoded.record_of_row[i]);
      rows.push_back(row);
      kept.push_back(decoded.rows->Slice(static_cast<std::int64_t>(i), 1));
    }
    if (kept.size() == decoded.record_of_row.size()) return {};
    if (kept.empty()) {
      TRY(decoded.rows, arrow::RecordBatch::MakeEmpty(decoded.rows->schema()));
    } else {
      TRY(decoded.rows, arrow::ConcatenateRecordBatches(kept));
    }
    decoded.record_of_row = std::move(records);
    decoded.row_in_message = std::move(rows);
    return {};
  }

  void KeepRejects() {
    std::vector<Reject> kept;
    for (Reject& reject : batch_.decoded.rejects) {
      const std::int32_t wanted = letters_.way(reject.record).only_row;
      if (wanted >= 0 && reject.row == Reject::kWholeMessage) {
        // Its other rows have had their way: to the next replay, too, it is this row alone.
        reject.row = wanted;
        --batch_.rejected_whole;
        ++batch_.decoded_messages;
      }
      if (reject.row != Reject::kWholeMessage && !Wanted(reject.record, reject.row)) continue;
      kept.push_back(std::move(reject));
    }
    batch_.decoded.rejects = std::move(kept);
  }

  const LetterBatch& letters_;
  const std::size_t first_;
  DecodedBatch& batch_;
  std::vector<bool> found_;  ///< By record, from `first_` on.
};

}  // namespace

void LetterBatch::Add(Letter letter, const ReplayWay& way) {
  letters_.push_back(std::move(letter));
  ways_.push_back(way);
  const PastLetter& about = letters_.back().about;
  const std::string& payload = way.payload == ReplayWay::Payload::kMessage ? about.message
                               : way.payload == ReplayWay::Payload::kInput ? about.input
                                                                           : about.bytes;
  RawRecord record;
  record.data = payload.data();
  record.size = payload.size();
  records.push_back(record);
  bytes += payload.size();
}

Result<std::vector<std::shared_ptr<arrow::Array>>> LetterBatch::ExtraColumns(
    const std::vector<std::uint32_t>& record_of_row) const {
  std::vector<std::shared_ptr<arrow::Array>> columns;
  const auto& first = ways_.front().columns;
  if (first == nullptr) return columns;
  for (int i = 0; i < first->num_columns(); ++i) {
    if (record_of_row.empty()) {
      columns.push_back(first->column(i)->Slice(0, 0));
      continue;
    }
    arrow::ArrayVector values;
    for (const std::uint32_t record : record_of_row) {
      values.push_back(ways_[record].columns->column(i));
    }
    TRY(std::shared_ptr<arrow::Array> column, arrow::Concatenate(values));
    columns.push_back(std::move(column));
  }
  return columns;
}

ReplayDecoder::ReplayDecoder(std::shared_ptr<const ReplayRoutes> routes)
    : routes_(std::move(routes)) {}

Result<std::unique_ptr<ReplayDecoder>> ReplayDecoder::Make(
    std::shared_ptr<const ReplayRoutes> routes) {
  std::unique_ptr<ReplayDecoder> decoder(new ReplayDecoder(std::move(routes)));
  for (std::size_t i = 0; i < decoder->routes_->entries().size(); ++i) {
    TRY(std::unique_ptr<MessageDecoder> made, decoder->routes_->MakeDecoder(i));
    decoder->decoders_.push_back(std::move(made));
  }
  return decoder;
}

/// Takes one line apart, and puts it on its way.
Result<void> ReplayDecoder::Sort(const RawBatch& raw, std::size_t record, Sorted* sorted) const {
  auto add = [&](Letter letter, const ReplayWay& way) {
    auto& batch = sorted->by_entry[way.entry];
    if (batch == nullptr) batch = std::make_shared<LetterBatch>();
    batch->Add(std::move(letter), way);
  };
  auto refuse = [&](Letter letter, const std::string& code, const std::string& reason) {
    letter.about.whole = false;  // The new letter repeats all of it.
    add(std::move(letter), ReplayWay{});
    const auto index =
        static_cast<std::uint32_t>(sorted->by_entry[ReplayRoutes::kNowhere]->records.size() - 1);
    sorted->rejects.push_back({index, Reject::kWholeMessage, 0, code, "", reason, ""});
  };
  const std::string_view line = raw.records[record].view();
  Result<Letter> letter = ParseLetter(line);
  if (letter.ok() && letter->about.holds == LetterBytes::kLetter) {
    // One that could not be understood before: perhaps it can be now.
    if (Result<Letter> inner = ParseLetter(letter->about.bytes); inner.ok()) {
      letter = std::move(inner);
    } else {
      refuse(*std::move(letter), inner.error().code, inner.error().message);
      return {};
    }
  }
  if (!letter.ok()) {
    Letter unknown;
    unknown.about.step = kReplay;
    unknown.about.origin = raw.Origin(record);
    unknown.about.bytes = line;
    unknown.about.holds = LetterBytes::kLetter;
    refuse(std::move(unknown), letter.error().code, letter.error().message);
    return {};
  }
  if (letter->job != routes_->job()) {
    LogLimited(LogLevel::kWarn, "replay of " + letter->job, 3600,
               "letters of another job are left alone; replay them with that job's file",
               {{"job", letter->job}, {"origin", raw.Origin(record)}});
    return {};
  }
  TRY(auto found, routes_->Find(*letter));
  if (const auto* none = std::get_if<NoWay>(&found)) {
    refuse(*std::move(letter), none->code, none->reason);
  } else {
    add(*std::move(letter), std::get<ReplayWay>(found));
  }
  return {};
}

Result<void> ReplayDecoder::Decode(const std::shared_ptr<const RawBatch>& raw, const Take& take) {
  Sorted sorted;
  sorted.by_entry.resize(decoders_.size());
  for (std::size_t i = 0; i < raw->records.size(); ++i) TRY(Sort(*raw, i, &sorted));
  for (std::size_t entry = 0; entry < decoders_.size(); ++entry) {
    const std::shared_ptr<LetterBatch>& letters = sorted.by_entry[entry];
    if (letters == nullptr) continue;
    if (entry == ReplayRoutes::kNowhere) {
      DecodedBatch batch;
      batch.raw = letters;
      TRY(batch.decoded.rows, arrow::RecordBatch::MakeEmpty(arrow::schema({})));
      batch.decoded.rejects = std::move(sorted.rejects);
      batch.bytes = static_cast<std::int64_t>(letters->bytes);
      batch.delivered = batch.rejected_whole = static_cast<std::int64_t>(letters->records.size());
      TRY(take(std::move(batch)));
      continue;
    }
    std::size_t first = 0;
    TRY(decoders_[entry]->Decode(letters, [&](DecodedBatch batch) -> Result<void> {
      batch.entry = entry;
      TRY(OnlyRows(*letters, first, &batch).Apply());
      first += static_cast<std::size_t>(batch.delivered);
      return take(std::move(batch));
    }));
  }
  return {};
}

}  // namespace sluice
