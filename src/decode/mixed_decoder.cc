#include "decode/mixed_decoder.h"

#include <arrow/array.h>
#include <arrow/compute/api_vector.h>
#include <arrow/record_batch.h>
#include <arrow/table.h>
#include <arrow/type.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include "decode/conform.h"
#include "record/arrow_error.h"

namespace sluice {
namespace {

constexpr std::size_t kLongestReason = 300;

/// Takes back what came of the messages from `record` on.
void CutAt(std::uint32_t record, DecodedRows* rows) {
  const auto end = std::lower_bound(rows->record_of_row.begin(), rows->record_of_row.end(), record);
  const auto count = end - rows->record_of_row.begin();
  rows->rows = rows->rows->Slice(0, count);
  rows->record_of_row.erase(end, rows->record_of_row.end());
  if (!rows->row_in_message.empty()) {
    rows->row_in_message.resize(static_cast<std::size_t>(count));
  }
  std::erase_if(rows->rejects, [&](const Reject& reject) { return reject.record >= record; });
}

/// Messages of which no row can be used: their rejects become reasons.
std::vector<std::uint32_t> TakeRefused(const std::string& format, DecodedRows* rows,
                                       std::map<std::uint32_t, std::string>* reasons) {
  std::vector<std::uint32_t> refused;
  std::erase_if(rows->rejects, [&](const Reject& reject) {
    if (std::binary_search(rows->record_of_row.begin(), rows->record_of_row.end(), reject.record)) {
      return false;
    }
    // Of several bad rows the first tells why.
    if (!refused.empty() && refused.back() == reject.record) return true;
    refused.push_back(reject.record);
    std::string& reason = (*reasons)[reject.record];
    reason += (reason.empty() ? "" : "; ") + format + ": " +
              (reject.field.empty() ? "" : reject.field + ": ") +
              reject.reason.substr(0, kLongestReason) + " [" + reject.code + "]";
    return true;
  });
  return refused;
}

}  // namespace

bool MixedDecoder::MayBeMessage(std::string_view bytes) {
  return std::any_of(parts_.begin(), parts_.end(),
                     [&](const Part& part) { return part.decoder->MayBeMessage(bytes); });
}

Result<DecodedRows> MixedDecoder::DecodePart(Part* part, const std::vector<Payload>& payloads) {
  TRY(DecodedRows rows, part->decoder->Decode(payloads));
  if (!part->conforms) return rows;
  TRY(rows.rows, ConformRows(*rows.rows, known_));
  if (rows.rows->num_rows() > 0 && !Conforms(*part->decoder->schema(), *known_)) {
    auto unseen = std::make_shared<ObservedType>();
    unseen->Merge(part->own);
    rows.unseen = std::move(unseen);
  }
  return rows;
}

/// Each format gets what those before it did not take.
Result<DecodedRows> MixedDecoder::Decode(const std::vector<Payload>& payloads) {
  std::vector<DecodedRows> taken;
  std::vector<Payload> left = payloads;
  std::map<std::uint32_t, std::string> reasons;
  DecodedRows out;
  out.messages_of_format.assign(parts_.size(), 0);
  std::vector<std::vector<std::uint32_t>> records_of_part(parts_.size());
  for (std::size_t i = 0; i < parts_.size() && !left.empty(); ++i) {
    std::vector<Payload> tried, passed;
    for (const Payload& payload : left) {
      const bool may = parts_[i].decoder->MayBeMessage({payload.data, payload.size});
      (may ? tried : passed).push_back(payload);
    }
    if (tried.empty()) continue;
    TRY(DecodedRows rows, DecodePart(&parts_[i], tried));
    if (rows.stopped_at && (!out.stopped_at || *rows.stopped_at < *out.stopped_at)) {
      out.stopped_at = rows.stopped_at;
    }
    const std::vector<std::uint32_t> refused = TakeRefused(parts_[i].name, &rows, &reasons);
    for (const Payload& payload : tried) {
      const bool took = !std::binary_search(refused.begin(), refused.end(), payload.record);
      if (took) {
        records_of_part[i].push_back(payload.record);
      } else {
        passed.push_back(payload);
      }
    }
    std::sort(passed.begin(), passed.end(),
              [](const Payload& a, const Payload& b) { return a.record < b.record; });
    left = std::move(passed);
    if (out.stopped_at) {
      std::erase_if(left, [&](const Payload& p) { return p.record >= *out.stopped_at; });
    }
    if (rows.unseen != nullptr) {
      auto unseen = std::make_shared<ObservedType>();
      if (out.unseen != nullptr) unseen->Merge(*out.unseen);
      unseen->Merge(*rows.unseen);
      out.unseen = std::move(unseen);
    }
    taken.push_back(std::move(rows));
  }
  if (out.stopped_at) {
    for (DecodedRows& rows : taken) CutAt(*out.stopped_at, &rows);
  }
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    out.messages_of_format[i] = std::count_if(
        records_of_part[i].begin(), records_of_part[i].end(),
        [&](std::uint32_t record) { return !out.stopped_at || record < *out.stopped_at; });
  }
  TRY(Interleave(std::move(taken), &out));
  for (const Payload& payload : left) {
    Reject reject;
    reject.record = payload.record;
    reject.code = "format.none";
    const auto reason = reasons.find(payload.record);
    reject.reason = reason == reasons.end() ? "its first bytes are those of no format of the source"
                                            : "no format takes it: " + reason->second;
    out.rejects.push_back(std::move(reject));
  }
  std::stable_sort(out.rejects.begin(), out.rejects.end(),
                   [](const Reject& a, const Reject& b) { return a.record < b.record; });
  return out;
}

/// Rows of several formats, in the order of their messages.
Result<void> MixedDecoder::Interleave(std::vector<DecodedRows> taken, DecodedRows* out) const {
  std::erase_if(taken, [&](DecodedRows& rows) {
    out->rejects.insert(out->rejects.end(), std::make_move_iterator(rows.rejects.begin()),
                        std::make_move_iterator(rows.rejects.end()));
    return rows.rows->num_rows() == 0;
  });
  if (taken.empty()) {
    TRY(out->rows, arrow::RecordBatch::MakeEmpty(schema_));
    return {};
  }
  if (taken.size() == 1) {
    out->rows = std::move(taken[0].rows);
    out->record_of_row = std::move(taken[0].record_of_row);
    out->row_in_message = std::move(taken[0].row_in_message);
    return {};
  }
  std::vector<std::shared_ptr<arrow::RecordBatch>> batches;
  std::vector<std::uint32_t> records;
  std::vector<std::int32_t> rows_in;
  for (DecodedRows& rows : taken) {
    rows.row_in_message.resize(rows.record_of_row.size());
    records.insert(records.end(), rows.record_of_row.begin(), rows.record_of_row.end());
    rows_in.insert(rows_in.end(), rows.row_in_message.begin(), rows.row_in_message.end());
    batches.push_back(std::move(rows.rows));
  }
  TRY(const auto all, arrow::ConcatenateRecordBatches(batches));
  std::vector<std::int64_t> order(records.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    return records[static_cast<std::size_t>(a)] < records[static_cast<std::size_t>(b)];
  });
  const arrow::Int64Array indices(static_cast<std::int64_t>(order.size()),
                                  arrow::Buffer::Wrap(order.data(), order.size()));
  arrow::ArrayVector columns;
  for (const auto& column : all->columns()) {
    TRY(auto sorted, arrow::compute::Take(*column, indices));
    columns.push_back(std::move(sorted));
  }
  out->rows = arrow::RecordBatch::Make(schema_, all->num_rows(), std::move(columns));
  bool several = false;
  for (const std::int64_t i : order) {
    out->record_of_row.push_back(records[static_cast<std::size_t>(i)]);
    out->row_in_message.push_back(rows_in[static_cast<std::size_t>(i)]);
    several |= out->row_in_message.back() != 0;
  }
  if (!several) out->row_in_message.clear();
  return {};
}

}  // namespace sluice
