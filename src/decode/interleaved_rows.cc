#include "decode/interleaved_rows.h"

#include <arrow/array.h>
#include <arrow/compute/api_vector.h>
#include <arrow/record_batch.h>
#include <arrow/table.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <numeric>
#include <utility>

#include "record/arrow_error.h"

namespace sluice {
namespace {

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

template <typename T>
void Append(std::vector<T>* from, std::vector<T>* to) {
  to->insert(to->end(), std::make_move_iterator(from->begin()),
             std::make_move_iterator(from->end()));
}

Result<void> Sort(const SchemaPtr& schema, DecodedRows* rows) {
  std::vector<std::int64_t> order(rows->record_of_row.size());
  std::iota(order.begin(), order.end(), 0);
  const auto record = [&](std::int64_t i) {
    return rows->record_of_row[static_cast<std::size_t>(i)];
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::int64_t a, std::int64_t b) { return record(a) < record(b); });
  const arrow::Int64Array indices(static_cast<std::int64_t>(order.size()),
                                  arrow::Buffer::Wrap(order.data(), order.size()));
  arrow::ArrayVector columns;
  for (const auto& column : rows->rows->columns()) {
    TRY(auto sorted, arrow::compute::Take(*column, indices));
    columns.push_back(std::move(sorted));
  }
  rows->rows = arrow::RecordBatch::Make(schema, rows->rows->num_rows(), std::move(columns));
  std::vector<std::uint32_t> records;
  std::vector<std::int32_t> in_message;
  for (const std::int64_t i : order) {
    records.push_back(record(i));
    if (rows->row_in_message.empty()) continue;
    in_message.push_back(rows->row_in_message[static_cast<std::size_t>(i)]);
  }
  rows->record_of_row = std::move(records);
  rows->row_in_message = std::move(in_message);
  return {};
}

}  // namespace

Result<DecodedRows> InterleaveRows(std::vector<DecodedRows> parts, const SchemaPtr& schema) {
  DecodedRows out;
  for (const DecodedRows& part : parts) {
    if (!part.stopped_at) continue;
    out.stopped_at = std::min(out.stopped_at.value_or(*part.stopped_at), *part.stopped_at);
  }
  std::vector<std::shared_ptr<arrow::RecordBatch>> batches;
  std::shared_ptr<ObservedType> unseen;
  const bool several = std::any_of(parts.begin(), parts.end(), [](const DecodedRows& part) {
    return !part.row_in_message.empty();
  });
  for (DecodedRows& part : parts) {
    if (out.stopped_at) CutAt(*out.stopped_at, &part);
    Append(&part.rejects, &out.rejects);
    if (part.unseen != nullptr) {
      if (unseen == nullptr) unseen = std::make_shared<ObservedType>();
      unseen->Merge(*part.unseen);
    }
    if (part.rows->num_rows() == 0) continue;
    if (several) part.row_in_message.resize(part.record_of_row.size());
    Append(&part.record_of_row, &out.record_of_row);
    Append(&part.row_in_message, &out.row_in_message);
    batches.push_back(std::move(part.rows));
  }
  out.unseen = std::move(unseen);
  std::stable_sort(out.rejects.begin(), out.rejects.end(),
                   [](const Reject& a, const Reject& b) { return a.record < b.record; });
  if (batches.empty()) {
    TRY(out.rows, arrow::RecordBatch::MakeEmpty(schema));
    return out;
  }
  if (batches.size() == 1) {
    out.rows = std::move(batches.front());
    return out;
  }
  TRY(out.rows, arrow::ConcatenateRecordBatches(batches));
  if (std::is_sorted(out.record_of_row.begin(), out.record_of_row.end())) return out;
  TRY(Sort(schema, &out));
  return out;
}

}  // namespace sluice
