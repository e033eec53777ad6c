#include "cli/replay_command.h"

#include <memory>
#include <string>
#include <utility>

#include "cli/job_run.h"
#include "core/clock.h"
#include "core/logging.h"
#include "core/metrics.h"
#include "job/checkpoint_storage.h"
#include "job/learned_columns.h"
#include "job/plan.h"
#include "job/replay.h"

namespace sluice {
namespace {

struct Args {
  std::string letters;
  std::string job;
  bool follow = false;
  RunArgs run;
};

Result<int> Replay(CommandContext& context, const Args& args) {
  InstallStopSignals();
  const std::int64_t started = Clock::System().MonotonicMicros();
  TRY(Job job, LoadJob(args.job, context.parts));
  // By the job's own checkpoint, so before the job gets another one.
  TRY(LearnForLooking(&job, context.parts));
  TRY(PrepareReplay(args.letters, &job));
  TRY(std::unique_ptr<Storage> storage, OpenCheckpoint(job, context.parts, /*create=*/true));
  OpenLog log(storage.get());
  Metrics metrics;
  TRY(ServeMetrics(args.run, job, &metrics));
  TRY(Plan made, MakePlan(std::move(job), context.parts, PlanFor::kRunning));
  auto plan = std::make_shared<const Plan>(std::move(made));
  for (const std::string& warning : plan->job.warnings) Log(LogLevel::kWarn, warning);
  TRY(log.Open(plan->job));

  PipelineSettings settings;
  settings.checkpoint_id = log.get()->checkpoint_id();
  settings.metrics = &metrics;
  settings.until_caught_up = !args.follow;
  settings.joins_others = true;
  settings.drop = LostSinks(log.get()->contents(), plan->job);
  TRY(PipelineSpec spec, BuildReplay(args.letters, plan, context.parts, settings));
  Log(LogLevel::kInfo, "replay starts",
      {{"job", plan->job.name},
       {"letters", args.letters},
       {"checkpoint", storage->location()},
       {"new_dead_letters", spec.dead_letter_location}});
  return RunToEnd(spec, &log, started);
}

}  // namespace

void AddReplayCommand(CLI::App& app, CommandContext& context) {
  auto args = std::make_shared<Args>();
  CLI::App* command =
      app.add_subcommand("replay", "Run dead letters through a job again, each of them once");
  command->add_option("DEADLETTERS", args->letters, "The folder of the job's dead letters")
      ->required();
  command->add_option("--job", args->job, "The job file, mended")->required();
  command->add_flag("--follow", args->follow,
                    "Go on with letters that arrive later, until it is stopped");
  AddRunOptions(command, &args->run);
  command->footer(
      "A letter enters only where its record was refused, and its rows go to the job's sinks. The\n"
      "letters are not changed: the folder _replay-NAME below them remembers which were read, so\n"
      "that a second replay reads new ones only, and holds the letters that were refused again.\n"
      "Examples:\n"
      "  sluice replay ./state/clicks/dead-letters --job clicks.yaml\n"
      "  sluice replay ./state/clicks/dead-letters/_replay-clicks/dead-letters --job clicks.yaml");
  command->callback([&context, args] {
    Finish(context, RunAndReport(args->run, [&] { return Replay(context, *args); }));
  });
}

}  // namespace sluice
