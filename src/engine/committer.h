/// Makes decided epochs visible: each sink's commit, then the commit record, then what may be
/// forgotten.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/result.h"
#include "engine/checkpoint_log.h"
#include "engine/pipeline.h"
#include "engine/sink_work.h"

namespace sluice {

/// The sink that commits one part of a decision. Null is not allowed.
using FindSink = std::function<Result<std::shared_ptr<Sink>>(const SinkDecision&)>;

/// Commits a decided epoch and writes its commit record. Used while running and in recovery, since
/// they are the same: every step may be repeated. Failures that may pass are retried with back-off
/// until `*give_up`, after a look whether this process is still the writer. `begins` is told the
/// sink that commits next; it may be null.
Result<void> CommitDecision(CheckpointLog* log, const DecisionRecord& decision,
                            const FindSink& find_sink, const std::atomic<bool>& give_up,
                            const std::function<void(const std::string&)>& begins = nullptr);

/// After the commit record: drops what only an uncommitted epoch needs, and carried rows that are
/// in a sink now. Failures are logged; what is left is dropped at a later start.
void ForgetDecision(CheckpointLog* log, const DecisionRecord& decision, const FindSink& find_sink);

/// Runs CommitDecision for one epoch at a time on a thread of its own.
class Committer {
 public:
  /// `committed` is called on the committer's thread after each commit record.
  Committer(CheckpointLog* log, FindSink find_sink,
            std::function<void(const DecisionRecord&)> committed,
            std::function<void(Error)> failed);
  ~Committer();

  /// REQUIRES: idle.
  void Submit(DecisionRecord decision);
  bool idle() const;
  /// The sink whose commit is under way, with how long it has been; "" if there is none.
  std::string committing(SinkWork::Look* work) const;
  /// Stops retrying: the decided epoch is left to the next start.
  void GiveUp();

 private:
  void Run();

  CheckpointLog* const log_;
  const FindSink find_sink_;
  const std::function<void(const DecisionRecord&)> committed_;
  const std::function<void(Error)> failed_;
  std::atomic<bool> give_up_{false};
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<DecisionRecord> work_;
  std::string committing_;
  SinkWork progress_;
  bool busy_ = false;
  bool broken_ = false;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace sluice
