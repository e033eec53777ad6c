/// A plan, run over a few records in memory: nothing is staged, committed or remembered.
#pragma once

#include <arrow/record_batch.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "decode/message_decoder.h"
#include "job/plan.h"

namespace sluice {

/// Feed* -> Finish -> rows. One thread.
class PreviewRows {
 public:
  explicit PreviewRows(const Plan& plan) : plan_(plan) {}

  /// Decodes a batch of source number `source` and takes its rows through every row-by-row step.
  Result<void> Feed(std::size_t source, MessageDecoder* decoder,
                    const std::shared_ptr<const RawBatch>& raw);
  /// Runs the open steps over all that was fed, in order, and what reads them.
  Result<void> Finish();

  /// Rows of a source or step so far.
  std::int64_t Count(const std::string& name) const;
  const std::vector<std::shared_ptr<arrow::RecordBatch>>& batches(const std::string& name);

  std::int64_t delivered() const { return delivered_; }
  std::int64_t refused() const { return refused_; }
  std::size_t bytes() const { return bytes_; }
  /// Messages by the format that read them and the codec they were packed with: "json", "gzip".
  const std::map<std::string, std::int64_t>& kinds() const { return kinds_; }
  /// Reasons of refusals with their step, each once, the first ten.
  const std::vector<std::string>& reasons() const { return reasons_; }

 private:
  Result<void> Add(const std::string& name, const std::shared_ptr<arrow::RecordBatch>& rows);
  void Refuse(const std::string& step, const std::string& code, const std::string& field,
              const std::string& reason);

  const Plan& plan_;
  std::map<std::string, std::vector<std::shared_ptr<arrow::RecordBatch>>> batches_;
  std::map<std::string, std::unique_ptr<RowTransform>> row_steps_;
  std::int64_t now_micros_ = Clock::System().WallMicros();
  std::int64_t delivered_ = 0;
  std::int64_t refused_ = 0;
  std::size_t bytes_ = 0;
  std::map<std::string, std::int64_t> kinds_;
  std::vector<std::string> reasons_;
};

}  // namespace sluice
