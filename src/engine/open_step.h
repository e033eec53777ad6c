/// A step whose query stays open for the epoch: one run, with a thread of its own, for each open
/// epoch. Rows of sources and steps are handed to it; tables it reads itself.
///
/// The run of an epoch starts with its first row, or at the seal if none came, and ends after the
/// seal. Two runs can overlap around a seal.
#pragma once

#include <arrow/record_batch.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "engine/counts.h"
#include "engine/engine_metrics.h"
#include "engine/job_graph.h"
#include "engine/query_inputs.h"

namespace sluice {

struct EpochInfo;
struct Stage;

class OpenStep {
 public:
  /// `inputs` are the makers of the step's inputs. `stage` must outlive the step; its lanes may be
  /// added later.
  OpenStep(const Stage* stage, std::size_t step, const std::vector<const Producer*>& inputs,
           EngineMetrics* metrics, QueryInputsOptions options);
  /// REQUIRES: errors aborted, or every epoch sealed.
  ~OpenStep();

  /// Any thread; blocks while the query is busy.
  Result<void> Push(const EpochInfo& epoch, std::size_t input,
                    const std::shared_ptr<arrow::RecordBatch>& rows);

  /// Whether any row reached it in this epoch.
  bool Begun(const EpochInfo& epoch) const;

  /// Whether Seal could give rows though none came.
  bool MayEmitWhenIdle() const;

  /// Ends the inputs, waits for the query and hands over its counts, with all that its rows did
  /// downstream. REQUIRES: no Push for this epoch follows.
  Result<EpochCounts> Seal(const EpochInfo& epoch);

  void Wake();
  std::size_t memory() const;

 private:
  struct Run;
  Result<Run*> Find(const EpochInfo& epoch);
  Result<void> Drive(Run* run);
  std::vector<std::shared_ptr<BatchStream>> Streams(Run* run) const;

  const Stage* const stage_;
  const std::size_t step_;
  EngineMetrics* const metrics_;
  std::vector<SchemaPtr> schemas_;                  ///< Of the inputs.
  std::vector<std::optional<std::size_t>> tables_;  ///< Which of the job's an input is, if it is.
  const QueryInputsOptions options_;
  mutable std::mutex mutex_;
  std::map<std::int64_t, std::unique_ptr<Run>> runs_;
};

}  // namespace sluice
