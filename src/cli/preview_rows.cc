#include "cli/preview_rows.h"

#include <algorithm>
#include <utility>

#include "engine/table_stream.h"
#include "job/tables.h"

namespace sluice {
namespace {

/// Hands out batches that are there already.
class HeldBatches : public BatchStream {
 public:
  explicit HeldBatches(std::vector<std::shared_ptr<arrow::RecordBatch>> batches)
      : batches_(std::move(batches)) {}
  Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
    if (next_ == batches_.size()) return std::shared_ptr<arrow::RecordBatch>();
    return batches_[next_++];
  }

 private:
  std::vector<std::shared_ptr<arrow::RecordBatch>> batches_;
  std::size_t next_ = 0;
};

}  // namespace

Result<void> PreviewRows::Feed(std::size_t source, MessageDecoder* decoder,
                               const std::shared_ptr<const RawBatch>& raw) {
  bytes_ += raw->bytes;
  return decoder->Decode(raw, [&](const DecodedBatch& batch) {
    delivered_ += batch.delivered;
    const std::vector<std::string>& formats = plan_.job.sources[source].formats;
    for (std::size_t i = 0; i < formats.size(); ++i) {
      const auto& counts = batch.decoded.messages_of_format;
      const std::int64_t count = counts.empty() ? batch.decoded_messages : counts[i];
      if (count > 0) kinds_[formats[i]] += count;
    }
    for (std::size_t i = 0; i < kNumCodecs; ++i) {
      if (batch.decompressed[i] > 0) kinds_[CodecNames()[i]] += batch.decompressed[i];
    }
    for (const Reject& reject : batch.decoded.rejects) {
      Refuse("decode", reject.code, reject.field, reject.reason);
    }
    return Add(plan_.job.sources[source].name, batch.decoded.rows);
  });
}

Result<void> PreviewRows::Add(const std::string& name,
                              const std::shared_ptr<arrow::RecordBatch>& rows) {
  if (rows->num_rows() == 0) return {};
  batches_[name].push_back(rows);
  for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
    Transform& step = *plan_.steps[i];
    if (!step.row_by_row() || step.inputs().front() != name) continue;
    const std::string& step_name = plan_.job.steps[i].name;
    std::unique_ptr<RowTransform>& open = row_steps_[step_name];
    if (open == nullptr) {
      TRY(open, step.OpenRow());
    }
    TRY(RowOutput output, open->Apply(rows, now_micros_));
    for (const RowFailure& failure : output.failures) {
      Refuse(step_name, failure.code, failure.field, failure.reason);
    }
    TRY(Add(step_name, output.rows));
  }
  return {};
}

Result<void> PreviewRows::Finish() {
  for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
    Transform& step = *plan_.steps[i];
    if (step.row_by_row()) continue;
    std::vector<std::shared_ptr<BatchStream>> streams;
    for (const Scan& scan : step.scans()) {
      const std::string& input = step.inputs()[scan.input];
      if (const JobTable* table = FindTable(plan_.job, input)) {
        streams.push_back(std::make_shared<TableStream>(
            PipelineTable{table->name, table->table}, [] { return false; }, [](std::int64_t) {}));
      } else {
        streams.push_back(std::make_shared<HeldBatches>(batches_[input]));
      }
    }
    TRY(std::unique_ptr<EpochQuery> query, step.OpenEpoch(std::move(streams), now_micros_));
    while (true) {
      TRY(std::shared_ptr<arrow::RecordBatch> rows, query->Next());
      if (rows == nullptr) break;
      TRY(Add(plan_.job.steps[i].name, rows));
    }
  }
  return {};
}

std::int64_t PreviewRows::Count(const std::string& name) const {
  auto it = batches_.find(name);
  std::int64_t rows = 0;
  if (it == batches_.end()) return 0;
  for (const auto& batch : it->second) rows += batch->num_rows();
  return rows;
}

const std::vector<std::shared_ptr<arrow::RecordBatch>>& PreviewRows::batches(
    const std::string& name) {
  return batches_[name];
}

void PreviewRows::Refuse(const std::string& step, const std::string& code, const std::string& field,
                         const std::string& reason) {
  constexpr std::size_t kReasons = 10;
  ++refused_;
  if (reasons_.size() == kReasons) return;
  std::string text = step + ": " + (field.empty() ? "" : field + ": ") + reason + " [" + code + "]";
  if (std::find(reasons_.begin(), reasons_.end(), text) == reasons_.end()) reasons_.push_back(text);
}

}  // namespace sluice
