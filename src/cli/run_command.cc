#include "cli/run_command.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "cli/forced_stop.h"
#include "cli/live_line.h"
#include "core/clock.h"
#include "core/logging.h"
#include "core/metrics.h"
#include "engine/checkpoint_log.h"
#include "engine/pipeline.h"
#include "job/learned_columns.h"
#include "job/pipeline_builder.h"
#include "job/plan.h"

namespace sluice {
namespace {

struct Args {
  std::string job;
  bool until_caught_up = false;
  std::string log_format = "text";
  std::string log_level = "info";
  std::string metrics_address;
  std::vector<std::string> drop;
};

// Touched by the signal handler: lock-free atomics only.
StopRequest stop_request{0};
std::atomic<bool> running{false};
static_assert(StopRequest::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

/// The first signal seals and commits, the second abandons the open epoch. Before the pipeline runs
/// nothing is open, and the process may just end.
extern "C" void OnStopSignal(int) {
  if (!running.load()) _exit(0);
  // Two signals may be handled on two threads at once, so that both must count.
  stop_request.fetch_add(1);
}

void InstallSignalHandlers() {
  struct sigaction action {};
  action.sa_handler = OnStopSignal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  // A reader of our output or metrics that goes away must not end the job.
  signal(SIGPIPE, SIG_IGN);
}

void Configure(const Args& args) {
  LogLevel level = args.log_level == "debug"   ? LogLevel::kDebug
                   : args.log_level == "warn"  ? LogLevel::kWarn
                   : args.log_level == "error" ? LogLevel::kError
                                               : LogLevel::kInfo;
  ConfigureLogging(level, args.log_format == "json" ? LogFormat::kJson : LogFormat::kText);
}

Result<void> ServeMetrics(const Args& args, const Job& job, Metrics* metrics) {
  std::string address = args.metrics_address;
  if (address.empty()) address = job.options.String("metricsAddress");
  if (address.empty()) return {};
  TRY(int port, metrics->Serve(address));
  Log(LogLevel::kInfo, "metrics are served",
      {{"address", address}, {"port", std::to_string(port)}, {"path", "/metrics"}});
  return {};
}

void LogEnd(const Progress& end, std::int64_t micros, int stop) {
  double seconds = static_cast<double>(micros) / 1e6;
  double rate = seconds > 0 ? static_cast<double>(end.records) / seconds : 0;
  Log(LogLevel::kInfo,
      stop == 0   ? "done"
      : stop == 1 ? "stopped"
                  : "stopped, open epoch abandoned",
      {{"epochs", std::to_string(end.committed_epochs)},
       {"records", std::to_string(end.records)},
       {"rows_written", std::to_string(end.rows_out)},
       {"rejects", std::to_string(end.rejects)},
       {"lag", std::to_string(end.lag)},
       {"records_per_second", std::to_string(static_cast<std::int64_t>(rate))}});
}

/// What a second signal gets to end in good order.
constexpr std::chrono::seconds kGrace(2);

[[noreturn]] void EndAtOnce() {
  Log(LogLevel::kWarn,
      "stopped in the midst of sealing or committing an epoch; nothing is lost, the next start "
      "goes on from there");
  _exit(0);
}

/// The job's log, opened once. It looks stopped, not crashed, however the command ends, but if
/// another process took over.
class OpenLog {
 public:
  explicit OpenLog(Storage* storage) : storage_(storage) {}
  OpenLog(const OpenLog&) = delete;
  OpenLog& operator=(const OpenLog&) = delete;
  ~OpenLog() {
    if (log_ != nullptr && !superseded_) log_->Close();
  }

  /// Does nothing the second time.
  Result<void> Open(const Job& job) {
    if (log_ != nullptr) return {};
    TRY(storage_->Probe(/*staging=*/false));
    LogOptions options;
    options.job = job.name;
    options.lease_micros = *job.options.Int("leaseTimeout");
    TRY(log_, CheckpointLog::Open(storage_, options));
    return {};
  }
  CheckpointLog* get() const { return log_.get(); }
  void Judge(const Error& error) { superseded_ = error.blame == Blame::kSuperseded; }

 private:
  Storage* const storage_;
  std::unique_ptr<CheckpointLog> log_;
  bool superseded_ = false;
};

/// False if the job was stopped before it knew its columns, or has nothing to read.
Result<bool> LearnFromRecords(const Args& args, std::int64_t started, Job* job, OpenLog* log) {
  LearnOptions options;
  options.drop = args.drop;
  options.until_caught_up = args.until_caught_up;
  options.stop = &stop_request;
  if (const std::int64_t minutes = job->options.Int("timeout").value_or(0); minutes > 0) {
    options.deadline_micros = started + minutes * 60 * 1'000'000;
  }
  running = true;
  Result<bool> learned = [&] {
    ForcedStop forced(stop_request, kGrace, EndAtOnce);
    return LearnSchemas(job, log->get(), options);
  }();
  running = false;
  if (!learned.ok()) log->Judge(learned.error());
  if (learned.ok() && !*learned) {
    Log(LogLevel::kInfo, stop_request != 0      ? "stopped"
                         : args.until_caught_up ? "done: there is no record to read"
                                                : "done: no record came in time");
  }
  return learned;
}

Result<int> Run(CommandContext& context, const Args& args) {
  InstallSignalHandlers();
  const std::int64_t started = Clock::System().MonotonicMicros();
  TRY(Job job, LoadJob(args.job, context.parts));
  // First, so that the spool below it lies in a folder that only its owner can enter.
  TRY(std::unique_ptr<Storage> storage,
      context.parts.open_checkpoint(job.checkpoint_location, /*create=*/true));
  OpenLog log(storage.get());
  Metrics metrics;
  TRY(ServeMetrics(args, job, &metrics));
  TRY(FetchReaderSchemas(&job, /*wait=*/true));
  if (NeedsRecords(job)) {
    TRY(log.Open(job));
    TRY(const bool learned, LearnFromRecords(args, started, &job, &log));
    if (!learned) return 0;
  }
  TRY(Plan made, MakePlan(std::move(job), context.parts, PlanFor::kRunning));
  auto plan = std::make_shared<const Plan>(std::move(made));
  for (const std::string& warning : plan->job.warnings) Log(LogLevel::kWarn, warning);
  TRY(log.Open(plan->job));

  PipelineSettings settings;
  settings.checkpoint_id = log.get()->checkpoint_id();
  settings.metrics = &metrics;
  settings.until_caught_up = args.until_caught_up;
  settings.drop = args.drop;
  TRY(PipelineSpec spec, BuildPipeline(plan, context.parts, settings));
  if (spec.timeout_micros > 0) {
    // The wait for a schema was part of it.
    const std::int64_t spent = Clock::System().MonotonicMicros() - started;
    spec.timeout_micros = std::max<std::int64_t>(spec.timeout_micros - spent, 1);
  }

  Log(LogLevel::kInfo, "job starts",
      {{"job", plan->job.name},
       {"checkpoint", storage->location()},
       {"checkpoint_id", log.get()->checkpoint_id()},
       {"fresh", log.get()->fresh() ? "true" : "false"}});
  running = true;
  Result<Progress> end = [&] {
    LiveLine line;
    ForcedStop forced(stop_request, kGrace, EndAtOnce);
    return RunPipeline(spec, log.get(), stop_request,
                       [&line](const Progress& progress) { line.Show(progress); });
  }();
  if (!end.ok()) {
    log.Judge(end.error());
    return std::move(end).error();
  }
  LogEnd(*end, Clock::System().MonotonicMicros() - started, stop_request.load());
  return 0;
}

/// With JSON logs an error is a line of them, so that stderr stays one format.
Result<int> RunAndReport(CommandContext& context, const Args& args) {
  Configure(args);
  Result<int> ended = Run(context, args);
  if (ended.ok() || args.log_format != "json") return ended;
  Log(LogLevel::kError, ended.error().message, {{"code", ended.error().code}});
  return ExitCode(ended.error());
}

}  // namespace

void AddRunCommand(CLI::App& app, CommandContext& context) {
  auto args = std::make_shared<Args>();
  CLI::App* command = app.add_subcommand("run", "Run a job until it is stopped");
  command->add_option("JOB", args->job, "The job file")->required();
  command->add_flag("--until-caught-up", args->until_caught_up,
                    "End after reading what is there at the start, with all of it committed");
  command->add_option("--log-format", args->log_format, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command->add_option("--log-level", args->log_level, "debug, info, warn or error")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->capture_default_str();
  command->add_option("--metrics-address", args->metrics_address,
                      "Serve Prometheus metrics here, whatever the job's metricsAddress says");
  command
      ->add_option("--drop", args->drop,
                   "Give up this source or sink of the checkpoint, or this topic of a source "
                   "(SOURCE/TOPIC), after it was removed from the job or renamed; may be repeated")
      ->type_name("NAME")
      ->take_all()
      ->allow_extra_args(false);
  command->footer(
      "SIGINT or SIGTERM ends the job: the first seals and commits the open epoch, a second one\n"
      "abandons it; nothing is lost either way.\n"
      "Examples:\n"
      "  sluice run clicks.yaml\n"
      "  sluice run clicks.yaml --until-caught-up --log-format json");
  command->callback([&context, args] { Finish(context, RunAndReport(context, *args)); });
}

}  // namespace sluice
