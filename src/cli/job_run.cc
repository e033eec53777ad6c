#include "cli/job_run.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>

#include "cli/live_line.h"
#include "core/clock.h"
#include "core/logging.h"

namespace sluice {
namespace {

// Touched by the signal handler: lock-free atomics only.
StopRequest stop_request{0};
std::atomic<bool> running{false};
static_assert(StopRequest::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

extern "C" void OnStopSignal(int) {
  if (!running.load()) _exit(0);
  // Two signals may be handled on two threads at once, so that both must count.
  stop_request.fetch_add(1);
}

void Configure(const RunArgs& args) {
  LogLevel level = args.log_level == "debug"   ? LogLevel::kDebug
                   : args.log_level == "warn"  ? LogLevel::kWarn
                   : args.log_level == "error" ? LogLevel::kError
                                               : LogLevel::kInfo;
  ConfigureLogging(level, args.log_format == "json" ? LogFormat::kJson : LogFormat::kText);
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

}  // namespace

void AddRunOptions(CLI::App* command, RunArgs* args) {
  command->add_option("--log-format", args->log_format, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command->add_option("--log-level", args->log_level, "debug, info, warn or error")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->capture_default_str();
  command->add_option("--metrics-address", args->metrics_address,
                      "Serve Prometheus metrics here, whatever the job's metricsAddress says");
}

Result<int> RunAndReport(const RunArgs& args, const std::function<Result<int>()>& run) {
  Configure(args);
  Result<int> ended = run();
  if (ended.ok() || args.log_format != "json") return ended;
  Log(LogLevel::kError, ended.error().message, {{"code", ended.error().code}});
  return ExitCode(ended.error());
}

const StopRequest& InstallStopSignals() {
  struct sigaction action {};
  action.sa_handler = OnStopSignal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  // A reader of our output or metrics that goes away must not end the job.
  signal(SIGPIPE, SIG_IGN);
  return stop_request;
}

StoppableRun::StoppableRun() : forced_(stop_request, kGrace, EndAtOnce) { running = true; }

StoppableRun::~StoppableRun() { running = false; }

Result<void> ServeMetrics(const RunArgs& args, const Job& job, Metrics* metrics) {
  std::string address = args.metrics_address;
  if (address.empty()) address = job.options.String("metricsAddress");
  if (address.empty()) return {};
  TRY(int port, metrics->Serve(address));
  Log(LogLevel::kInfo, "metrics are served",
      {{"address", address}, {"port", std::to_string(port)}, {"path", "/metrics"}});
  return {};
}

OpenLog::~OpenLog() {
  if (log_ != nullptr && !superseded_) log_->Close();
}

Result<void> OpenLog::Open(const Job& job) {
  if (log_ != nullptr) return {};
  TRY(storage_->Probe(/*staging=*/false));
  LogOptions options;
  options.job = job.name;
  options.lease_micros = *job.options.Int("leaseTimeout");
  TRY(log_, CheckpointLog::Open(storage_, options));
  return {};
}

Result<int> RunToEnd(const PipelineSpec& spec, OpenLog* log, std::int64_t started) {
  running = true;  // To the end, since the log is closed after this.
  Result<Progress> end = [&] {
    LiveLine line;
    ForcedStop forced(stop_request, kGrace, EndAtOnce);
    return RunPipeline(spec, log->get(), stop_request,
                       [&line](const Progress& progress) { line.Show(progress); });
  }();
  if (!end.ok()) {
    log->Judge(end.error());
    return std::move(end).error();
  }
  LogEnd(*end, Clock::System().MonotonicMicros() - started, stop_request.load());
  return 0;
}

}  // namespace sluice
