/// What the commands share that run a job's pipeline: signals, log, metrics, the live line.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "cli/forced_stop.h"
#include "core/metrics.h"
#include "core/result.h"
#include "engine/checkpoint_log.h"
#include "engine/pipeline.h"
#include "job/job.h"
#include "storage/storage.h"

namespace sluice {

struct RunArgs {
  std::string log_format = "text";
  std::string log_level = "info";
  std::string metrics_address;
};

/// `--log-format`, `--log-level` and `--metrics-address`. `args` outlives the command.
void AddRunOptions(CLI::App* command, RunArgs* args);

/// Sets the log up and runs. With JSON logs an error is a line of them, so that stderr stays one
/// format.
Result<int> RunAndReport(const RunArgs& args, const std::function<Result<int>()>& run);

/// The first SIGINT or SIGTERM seals and commits, the second abandons the open epoch. While no
/// StoppableRun lives nothing is open, and they end the process.
const StopRequest& InstallStopSignals();

class StoppableRun {
 public:
  StoppableRun();
  ~StoppableRun();
  StoppableRun(const StoppableRun&) = delete;
  StoppableRun& operator=(const StoppableRun&) = delete;

 private:
  ForcedStop forced_;
};

/// By `--metrics-address`, or else the job's metricsAddress; if there is one.
Result<void> ServeMetrics(const RunArgs& args, const Job& job, Metrics* metrics);

/// The job's log, opened once. It looks stopped, not crashed, however the command ends, but if
/// another process took over.
class OpenLog {
 public:
  explicit OpenLog(Storage* storage) : storage_(storage) {}
  OpenLog(const OpenLog&) = delete;
  OpenLog& operator=(const OpenLog&) = delete;
  ~OpenLog();

  /// Does nothing the second time.
  Result<void> Open(const Job& job);
  CheckpointLog* get() const { return log_.get(); }
  void Judge(const Error& error) { superseded_ = error.blame == Blame::kSuperseded; }

 private:
  Storage* const storage_;
  std::unique_ptr<CheckpointLog> log_;
  bool superseded_ = false;
};

/// Runs the pipeline and logs how it ended. `started` is on the monotonic clock.
Result<int> RunToEnd(const PipelineSpec& spec, OpenLog* log, std::int64_t started);

}  // namespace sluice
