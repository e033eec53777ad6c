#include "cli/run_command.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "cli/job_run.h"
#include "core/clock.h"
#include "core/logging.h"
#include "core/metrics.h"
#include "job/checkpoint_storage.h"
#include "job/learned_columns.h"
#include "job/pipeline_builder.h"
#include "job/plan.h"
#include "job/tables.h"

namespace sluice {
namespace {

struct Args {
  std::string job;
  bool until_caught_up = false;
  RunArgs run;
  std::vector<std::string> drop;
};

/// False if the job was stopped before it knew its columns, or has nothing to read.
Result<bool> LearnFromRecords(const Args& args, const StopRequest& stop, std::int64_t started,
                              Job* job, OpenLog* log) {
  LearnOptions options;
  options.drop = args.drop;
  options.until_caught_up = args.until_caught_up;
  options.stop = &stop;
  if (const std::int64_t minutes = job->options.Int("timeout").value_or(0); minutes > 0) {
    options.deadline_micros = started + minutes * 60 * 1'000'000;
  }
  Result<bool> learned = [&] {
    StoppableRun stoppable;
    return LearnSchemas(job, log->get(), options);
  }();
  if (!learned.ok()) log->Judge(learned.error());
  if (learned.ok() && !*learned) {
    Log(LogLevel::kInfo, stop != 0              ? "stopped"
                         : args.until_caught_up ? "done: there is no record to read"
                                                : "done: no record came in time");
  }
  return learned;
}

Result<int> Run(CommandContext& context, const Args& args) {
  const StopRequest& stop = InstallStopSignals();
  const std::int64_t started = Clock::System().MonotonicMicros();
  TRY(Job job, LoadJob(args.job, context.parts));
  // First, so that the spool below it lies in a folder that only its owner can enter.
  TRY(std::unique_ptr<Storage> storage, OpenCheckpoint(job, context.parts, /*create=*/true));
  OpenLog log(storage.get());
  Metrics metrics;
  TRY(ServeMetrics(args.run, job, &metrics));
  TRY(FetchReaderSchemas(&job, /*wait=*/true));
  TRY(OpenTables(&job, /*wait=*/true));
  if (NeedsRecords(job)) {
    TRY(log.Open(job));
    TRY(const bool learned, LearnFromRecords(args, stop, started, &job, &log));
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
  return RunToEnd(spec, &log, started);
}

}  // namespace

void AddRunCommand(CLI::App& app, CommandContext& context) {
  auto args = std::make_shared<Args>();
  CLI::App* command = app.add_subcommand("run", "Run a job until it is stopped");
  command->add_option("JOB", args->job, "The job file")->required();
  command->add_flag("--until-caught-up", args->until_caught_up,
                    "End after reading what is there at the start, with all of it committed");
  AddRunOptions(command, &args->run);
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
  command->callback([&context, args] {
    Finish(context, RunAndReport(args->run, [&] { return Run(context, *args); }));
  });
}

}  // namespace sluice
