/// Brings the rows of one producer to everything that reads them: inline through row steps, then
/// into open steps and sink lanes. Refused rows go to the dead letters with their own bytes and
/// origin.
///
/// One thread; each reading thread and each run of an open step has its own, since row steps keep
/// buffers.
#pragma once

#include <arrow/record_batch.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "decode/message_decoder.h"
#include "engine/counts.h"
#include "engine/dead_letters.h"
#include "engine/stage.h"

namespace sluice {

class RowDelivery {
 public:
  /// Opens the row steps that rows reach without an open step in between. `entries` are the ways
  /// that a source's rows take (JobGraph::source), or the one open step.
  static Result<std::unique_ptr<RowDelivery>> Make(const Stage* stage,
                                                   std::vector<Producer> entries);

  /// A decoded batch of the source this delivery was made for: rows and rejects. Counts go to
  /// `counts`, under the name of the batch's entry.
  Result<void> DeliverBatch(const EpochInfo& epoch, const DecodedBatch& batch, EpochCounts* counts);
  /// Rows of an open step, without messages behind them.
  Result<void> DeliverRows(const EpochInfo& epoch, const std::shared_ptr<arrow::RecordBatch>& rows,
                           EpochCounts* counts);

 private:
  struct RowOrigin;
  RowDelivery(const Stage* stage, std::vector<Producer> entries);
  Result<void> OpenRowSteps(const Producer& producer);
  Result<void> Deliver(const EpochInfo& epoch, const Producer& producer,
                       const std::shared_ptr<arrow::RecordBatch>& rows, const RowOrigin& origin,
                       EpochCounts* counts);
  Result<void> ThroughStep(const EpochInfo& epoch, const Consumer& step,
                           const std::shared_ptr<arrow::RecordBatch>& rows, const RowOrigin& origin,
                           EpochCounts* counts);
  Result<DeadLetter> LetterOfReject(const PipelineSource& source, const DecodedBatch& batch,
                                    const Reject& reject);
  Result<DeadLetter> LetterOfRow(const Consumer& step, const arrow::RecordBatch& rows,
                                 const RowFailure& failure, const RowOrigin& origin) const;
  Result<std::string> SourceColumns(const PipelineSource& source, const RawBatch& raw,
                                    std::uint32_t record) const;
  Result<void> Refuse(const EpochInfo& epoch, BadRecords policy, const DeadLetter& letter,
                      EpochCounts* counts);
  Result<void> FlushDeadLetters(const EpochInfo& epoch, EpochCounts* counts);

  const Stage* stage_;
  const std::vector<Producer> entries_;
  std::vector<std::unique_ptr<RowTransform>> row_steps_;  ///< By index in spec->steps.
  std::unique_ptr<DeadLetterBuilder> letters_;
  std::int64_t letters_epoch_ = -1;
  std::uint32_t copied_record_ = 0;  ///< Of the batch: whose message was last put into a letter...
  std::size_t copied_bytes_ = 0;     ///< ...and how much of it in all.
};

/// The policy for rows of an open step, which come from several sources: the strictest of them.
BadRecords StrictestPolicy(const PipelineSpec& spec, const std::vector<std::size_t>& sources);

}  // namespace sluice
