#include "cli/check_command.h"

#include <memory>
#include <string>

#include "core/logging.h"
#include "job/learned_columns.h"
#include "job/plan.h"
#include "job/written_before.h"

namespace sluice {
namespace {

Result<int> Check(CommandContext& context, const std::string& path) {
  ConfigureLogging(LogLevel::kWarn, LogFormat::kText);
  TRY(Job job, LoadJob(path, context.parts));
  TRY(LearnForLooking(&job, context.parts));
  TRY(Plan plan, MakePlan(std::move(job), context.parts, PlanFor::kLooking));
  TRY(WarnOfWritten(context.parts, &plan));
  PrintWarnings(context.err, plan.job.warnings);
  context.out << PrintPlan(plan);
  return 0;
}

}  // namespace

void AddCheckCommand(CLI::App& app, CommandContext& context) {
  auto path = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand(
      "check", "Validate a job, its SQL against its schemas included, and print the plan");
  command->add_option("JOB", *path, "The job file")->required();
  command->footer("Example:\n  sluice check clicks.yaml");
  command->callback([&context, path] { Finish(context, Check(context, *path)); });
}

}  // namespace sluice
