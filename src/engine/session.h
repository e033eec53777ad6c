/// One unbroken run of epochs: from the last decided positions until a stop or an error.
///
/// A session is built and taken apart as a whole. After an error before a decision, whatever was
/// staged is dropped and a new session begins at the decided positions, exactly as after a crash:
/// one way to recover.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/result.h"
#include "engine/checkpoint_log.h"
#include "engine/committer.h"
#include "engine/engine_metrics.h"
#include "engine/epoch_gate.h"
#include "engine/first_error.h"
#include "engine/job_graph.h"
#include "engine/pipeline.h"
#include "engine/reader_lane.h"
#include "engine/schema_watch.h"
#include "engine/source_set.h"
#include "engine/stage.h"

namespace sluice {

/// One thread builds, runs and destroys it.
class Session {
 public:
  /// All arguments must outlive the session. `deadline_micros` is on the monotonic clock, 0 = none.
  Session(const PipelineSpec& spec, CheckpointLog* log, const JobGraph& graph, AttemptId attempt,
          FindSink find_sink, EngineMetrics* metrics, EarlySeals* seals, const StopRequest& stop,
          std::int64_t deadline_micros, const std::function<void(const Progress&)>& on_progress);
  ~Session();

  /// Returns when stopped, timed out or caught up, or when records show columns that another
  /// session is to take in: those of TakeSeen. An error with Retry::kLater may be tried again in a
  /// new session. `progressed` tells whether an epoch was committed.
  Result<void> Run();
  bool progressed() const { return progressed_; }
  std::map<std::size_t, ObservedType> TakeSeen() { return watch_.TakeSeen(); }
  /// After an error: whether records were read that the job was to seal.
  bool abandoned() const { return sealing_ || gate_.moved(); }

 private:
  using TimePoint = EpochGate::TimePoint;
  enum class Next { kGoOn, kStop };

  Result<void> Build();
  Result<void> StartReaders();
  Result<void> Loop();
  Result<Next> Wait(TimePoint tick);
  /// True once nothing is being committed; false if this session is not to wait for it any more.
  bool AwaitCommit();
  /// Sources at their cap rest until `resume_at`; with `last` nobody reads on. REQUIRES: the last
  /// epoch is committed.
  Result<void> SealEpoch(TimePoint resume_at, bool last);
  Result<EpochCounts> CollectCuts(std::vector<SplitPosition>* moved);
  Result<void> SealSinks(bool last, DecisionRecord* decision, EpochCounts* counts);
  Result<void> CheckBadRecordRate(const EpochCounts& counts) const;
  Result<void> OnRefusals(const std::string& sink, std::int64_t epoch,
                          const std::shared_ptr<arrow::RecordBatch>& rows,
                          const std::vector<SinkRefusal>& refusals, BadRecords policy);
  /// For rows that sinks refuse: the now of `epoch_`, before anything is pushed to it.
  void NoteEpoch();
  void OnCommitted(const DecisionRecord& decision);
  void Scout();
  void UpdateLag();
  /// Says which sinks hold the epoch.
  void WatchSinks();
  void ReportProgress(bool now);
  void WakeAll();

  const PipelineSpec& spec_;
  CheckpointLog* const log_;
  const JobGraph& graph_;
  const StopRequest& stop_;
  const std::int64_t deadline_micros_;
  const std::function<void(const Progress&)>& on_progress_;
  EngineMetrics* const metrics_;
  FirstError errors_;
  EpochGate gate_;
  SourceSet sources_;
  SchemaWatch watch_;
  Stage stage_;
  FindSink find_sink_;
  std::unique_ptr<Committer> committer_;
  std::vector<std::unique_ptr<ReaderLane>> readers_;
  std::vector<std::size_t> source_of_reader_;
  std::thread scout_;

  std::mutex wake_mutex_;  ///< Keeps WakeAll out while the parts are made or taken apart.
  bool taken_apart_ = false;
  EpochInfo epoch_;           ///< The open one.
  TimePoint trigger_time_{};  ///< Of the epoch that is being sealed or committed.
  std::mutex refused_mutex_;
  std::map<std::int64_t, std::int64_t> now_of_epoch_;  ///< Of those that are open or being sealed.
  std::map<std::int64_t, EpochCounts> refused_;        ///< What sinks refused, by epoch.
  std::int64_t last_progress_micros_ = 0;
  bool progressed_ = false;
  bool sealing_ = false;
};

}  // namespace sluice
