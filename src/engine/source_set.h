/// The job's sources while a session runs: opened, resolved, verified, and watched for new splits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/result.h"
#include "engine/checkpoint_log.h"
#include "engine/engine_metrics.h"
#include "engine/pipeline.h"

namespace sluice {

/// The words after `--drop` that give up this split: SOURCE/SPLIT, and without what follows the
/// last slash of its id: SOURCE/TOPIC for a partition.
std::vector<std::string> DropNames(const std::string& source, const SplitId& split);

/// Any thread; calls into one source are serialised.
class SourceSet {
 public:
  /// `metrics` may be null.
  SourceSet(const PipelineSpec& spec, CheckpointLog* log, EngineMetrics* metrics);

  /// Opens every source, gives each new split its number in the log before anything is fetched, and
  /// checks all remembered positions. Fills `positions()`. Remembered splits that the source no
  /// longer names are refused unless dropped; deleted ones are the source's to judge.
  Result<void> Open();

  /// Looks for splits that appeared; they are in the log when this returns them, by source.
  Result<std::vector<std::pair<std::size_t, SplitStart>>> FindNew();

  /// A last look before a decision: an error if a split is not what it was when reading began (a
  /// topic made anew under its old name). Sources that cannot be asked right now are asked again
  /// before the next one.
  Result<void> CheckIdentities();

  /// The decided positions of all splits, for the next decision.
  std::vector<SplitPosition> positions() const;
  /// Where to begin reading each split of a source.
  std::vector<SplitStart> Starts(std::size_t source) const;
  /// Moves decided positions to those of a sealed epoch; returns all of them, with where the moved
  /// ones began.
  std::vector<SplitPosition> Advance(const std::vector<SplitPosition>& moved);

  Result<std::map<SplitId, Position>> Ends(std::size_t source);
  Result<std::unique_ptr<SplitReader>> OpenReader(std::size_t source,
                                                  const std::vector<SplitStart>& starts);
  /// Tells each source what is committed.
  void Committed(const std::vector<SplitPosition>& positions);
  const Source& source(std::size_t index) const { return *sources_[index].source; }

 private:
  struct OneSource {
    std::unique_ptr<Source> source;
    std::unique_ptr<std::mutex> mutex;
    bool lost_splits = false;  ///< Some that it had were deleted.
  };
  struct Survey {
    std::vector<Split> splits;
    bool first = true;  ///< The job has not read this source before, or gave up all that it read.
  };
  Result<Survey> Look(std::size_t index);
  Result<bool> ForgetMissing(std::size_t index, const std::vector<SplitStart>& missing);
  Result<std::vector<SplitPosition>> Resolve(std::size_t index, const std::vector<Split>& splits,
                                             bool first);
  Result<void> Verify(std::size_t index);

  const PipelineSpec& spec_;
  CheckpointLog* const log_;
  EngineMetrics* const metrics_;
  std::vector<OneSource> sources_;
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, SplitId>, SplitPosition> positions_;
};

}  // namespace sluice
