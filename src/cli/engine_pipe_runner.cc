#include "cli/engine_pipe_runner.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <thread>
#include <utility>

#include "cli/case_source.h"
#include "core/logging.h"
#include "core/metrics.h"
#include "engine/checkpoint_log.h"
#include "engine/pipeline.h"
#include "job/checkpoint_storage.h"
#include "job/learned_columns.h"
#include "job/pipeline_builder.h"
#include "job/plan.h"

namespace sluice {
namespace {

constexpr char kStraight[] = "straight";
constexpr char kOnePerRead[] = "one message per read";
constexpr char kTwice[] = "every range twice";

/// A life mostly waits for the disk and for its own threads.
constexpr unsigned kProcessesPerCore = 2;

#ifdef SLUICE_FAILPOINTS
constexpr bool kCanKill = true;
#else
constexpr bool kCanKill = false;
#endif

/// Messages of one read. Repetition is worth more with several reads.
std::size_t RecordsPerRead(const std::string& mode) {
  if (mode == kOnePerRead) return 1;
  return mode == kTwice ? 2 : ReadLimits().records;
}

/// One life of the job in this process.
Result<void> RunLife(const std::string& file, const Parts& parts, std::size_t records_per_read) {
  TRY(Job job, LoadJob(file, parts));
  TRY(std::unique_ptr<Storage> storage, OpenCheckpoint(job, parts, /*create=*/true));
  LogOptions options;
  options.job = job.name;
  options.lease_micros = *job.options.Int("leaseTimeout");
  std::unique_ptr<CheckpointLog> log;
  if (NeedsRecords(job)) {
    TRY(log, CheckpointLog::Open(storage.get(), options));
    LearnOptions learn;
    learn.until_caught_up = true;
    TRY(const bool learned, LearnSchemas(&job, log.get(), learn));
    if (!learned) return BugError("the case has no record to learn its columns from");
  }
  TRY(Plan made, MakePlan(std::move(job), parts, PlanFor::kRunning));
  auto plan = std::make_shared<const Plan>(std::move(made));
  if (log == nullptr) {
    TRY(log, CheckpointLog::Open(storage.get(), options));
  }
  Metrics metrics;
  PipelineSettings settings;
  settings.checkpoint_id = log->checkpoint_id();
  settings.metrics = &metrics;
  settings.until_caught_up = true;
  TRY(PipelineSpec spec, BuildPipeline(plan, parts, settings));
  spec.read_limits.records = records_per_read;
  const StopRequest stop{0};
  auto ended = RunPipeline(spec, log.get(), stop, [](const Progress&) {});
  log->Close();
  if (!ended.ok()) return std::move(ended).error();
  // New columns end an epoch early.
  if (ended->committed_epochs > 1 && spec.with_schemas == nullptr) {
    return BugError("the case's epoch became " + std::to_string(ended->committed_epochs));
  }
  return {};
}

/// A case without epochs only says that the job cannot be made.
Result<void> CheckJob(const std::string& file, const Parts& parts) {
  TRY(Job job, LoadJob(file, parts));
  TRY(const Plan plan, MakePlan(std::move(job), parts, PlanFor::kLooking));
  return {};
}

/// Runs every epoch with `live`, which returns the job's error, if any, or an Error of the test
/// itself.
template <typename Live>
Result<ObservedPipe> RunEpochs(const PipeCase& test, PipeFolder* folder, const Live& live) {
  ObservedPipe observed;
  for (std::size_t i = 0; i < test.epochs.size(); ++i) {
    TRY(folder->AddEpoch(i));
    TRY(std::optional<Error> error, live());
    TRY(ObservedPipe::Epoch epoch, folder->TakeEpoch());
    if (error.has_value()) {
      for (const auto& [sink, rows] : epoch.rows) {
        if (!rows.empty()) return BugError("the job failed, but rows of " + sink + " are visible");
      }
      observed.error = std::move(error);
      return observed;
    }
    observed.epochs.push_back(std::move(epoch));
  }
  return observed;
}

}  // namespace

std::vector<std::string> EnginePipeRunner::Modes(const PipeCase& test) {
  std::vector<std::string> modes = {kStraight, kOnePerRead, kTwice};
  plan_.clear();
  killed_.clear();
  if (!kCanKill || test.epochs.empty()) return modes;
  // If the case does not run at all, the first mode shows it.
  if (auto arrivals = CountArrivals(test); arrivals.ok()) {
    plan_ = PlanKills(*arrivals);
    for (const KillMode& mode : plan_) modes.push_back(mode.name);
  }
  return modes;
}

Result<ObservedPipe> EnginePipeRunner::Run(const PipeCase& test, const std::string& mode) {
  for (std::size_t i = 0; i < plan_.size(); ++i) {
    if (plan_[i].name != mode) continue;
    if (killed_.empty()) RunAllKilled(test);
    return killed_[i];
  }
  return RunHere(test, mode);
}

void EnginePipeRunner::RunAllKilled(const PipeCase& test) {
  killed_.assign(plan_.size(), Result<ObservedPipe>(BugError("not run")));
  std::atomic<std::size_t> next{0};
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kProcessesPerCore * std::max(1u, std::thread::hardware_concurrency());
       ++i) {
    threads.emplace_back([&] {
      for (std::size_t k = next++; k < plan_.size(); k = next++) {
        killed_[k] = RunKilled(test, plan_[k]);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

Result<ObservedPipe> EnginePipeRunner::RunHere(const PipeCase& test,
                                               const std::string& mode) const {
  // Warnings of the job are no part of the report.
  ConfigureLogging(LogLevel::kError, LogFormat::kText);
  const Parts parts = PartsForCases(parts_, mode == kTwice);
  TRY(auto folder, PipeFolder::Make(test, /*tombstones=*/true));
  if (test.epochs.empty()) {
    ObservedPipe observed;
    if (auto checked = CheckJob(folder->job_file(), parts); !checked.ok()) {
      observed.error = std::move(checked).error();
    }
    return observed;
  }
  return RunEpochs(test, folder.get(), [&]() -> Result<std::optional<Error>> {
    auto ran = RunLife(folder->job_file(), parts, RecordsPerRead(mode));
    if (ran.ok()) return std::optional<Error>();
    if (ran.error().blame == Blame::kBug) return std::move(ran).error();
    return std::optional<Error>(std::move(ran).error());
  });
}

Result<ObservedPipe> EnginePipeRunner::RunKilled(const PipeCase& test, const KillMode& mode) {
  TRY(auto folder, PipeFolder::Make(test, /*tombstones=*/false));
  return RunEpochs(test, folder.get(), [&]() -> Result<std::optional<Error>> {
    for (const std::string& failpoints : mode.lives) {
      TRY(const ChildRun run, RunInChild(folder->job_file(), folder->PathOf("stderr"), failpoints));
      {
        std::lock_guard lock(counts_mutex_);
        counts_.Note(failpoints, run.reached);
      }
      // A life that came to its end left nothing to recover, unless the failure injected stopped
      // it.
      if (!run.killed && (!run.reached || !run.error.has_value())) return run.error;
    }
    TRY(ChildRun last, RunInChild(folder->job_file(), folder->PathOf("stderr"), ""));
    return std::move(last.error);
  });
}

Result<Arrivals> EnginePipeRunner::CountArrivals(const PipeCase& test) const {
  Arrivals most;
  TRY(auto folder, PipeFolder::Make(test, /*tombstones=*/false));
  TRY(auto observed, RunEpochs(test, folder.get(), [&]() -> Result<std::optional<Error>> {
        TRY(ChildRun run, RunInChild(folder->job_file(), folder->PathOf("stderr"), "*=count"));
        for (const auto& [point, at] : run.arrivals) {
          PointArrivals& known = most[point];
          known.count = std::max(known.count, at.count);
          known.can_fail = known.can_fail || at.can_fail;
        }
        return std::move(run.error);
      }));
  return most;
}

std::string EnginePipeRunner::Remarks() const {
  if (!kCanKill) return "kill modes need a build with failpoints; the others were run";
  return counts_.Report();
}

}  // namespace sluice
