#include "cli/schema_command.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/job_run.h"
#include "cli/schema_notations.h"
#include "cli/schema_versions.h"
#include "core/logging.h"
#include "job/checkpoint_storage.h"
#include "job/learned_columns.h"

namespace sluice {
namespace {

struct Args {
  std::string target;
  std::string source;
  std::string format = "table";
  bool history = false;
  std::int64_t version = 0;
  std::int64_t from = 0;
  std::int64_t to = 0;
};

Error NothingLearned(const std::string& why, const std::string& target) {
  return UserError("learned.none", "nothing is learned yet: " + why +
                                       "; `sluice run` learns the "
                                       "columns, `sluice detect JOB` shows what they would be")
      .At(target);
}

/// Where the log is: the folder that is given, or that of the job.
Result<std::string> CheckpointOf(const CommandContext& context, const std::string& target,
                                 std::optional<Job>* job) {
  std::error_code ignored;
  if (IsRemote(target) || std::filesystem::is_directory(target, ignored)) return target;
  TRY(Job loaded, LoadJob(target, context.parts));
  if (!NeedsRecords(loaded)) {
    return UserError("learned.declared",
                     "the job learns no columns: its sources declare them, or their formats' "
                     "options tell them; `sluice check` prints them")
        .At(target);
  }
  *job = std::move(loaded);
  return (*job)->checkpoint_location;
}

Result<void> CheckJob(const LogContents& contents, const Job& job) {
  if (contents.start.job.empty() || contents.start.job == job.name) return {};
  return UserError("checkpoint.foreign", "the checkpoint " + job.checkpoint_location +
                                             " belongs to the job '" + contents.start.job +
                                             "', and this is '" + job.name + "'")
      .At(job.file);
}

/// The log of `target`, with something learned in it.
Result<LogContents> ReadLearned(const CommandContext& context, const std::string& target,
                                std::optional<Job>* job) {
  TRY(const std::string location, CheckpointOf(context, target, job));
  auto storage = job->has_value() ? OpenCheckpoint(**job, context.parts, /*create=*/false)
                                  : OpenCheckpointAt(location, context.parts);
  if (!storage.ok() && job->has_value() && !std::filesystem::exists(location)) {
    return NothingLearned("there is no checkpoint in " + location, target);
  }
  if (!storage.ok()) return std::move(storage).error();
  TRY(std::optional<LogContents> contents, ReadLog(storage->get()));
  if (!contents.has_value()) {
    return NothingLearned("there is no checkpoint in " + location, target);
  }
  if (job->has_value()) TRY(CheckJob(*contents, **job));
  if (contents->learned.empty()) {
    return NothingLearned("the checkpoint in " + location + " holds no columns", target);
  }
  return *std::move(contents);
}

/// The sources with learned columns: all, or the one that is named.
Result<std::vector<std::string>> Chosen(const LearnedSchemas& learned, const std::string& source) {
  std::vector<std::string> names;
  for (const auto& [name, text] : learned) names.push_back(name);
  if (source.empty()) return names;
  if (learned.contains(source)) return std::vector{source};
  auto near = NearestName(source, names);
  return UserError("learned.source", "the checkpoint has no learned columns of a source '" +
                                         source.substr(0, 60) + "'" +
                                         (near ? "; did you mean '" + *near + "'?" : ""));
}

Result<std::string> TheOne(const LearnedSchemas& learned, const std::string& source,
                           const std::string& why) {
  TRY(const std::vector<std::string> names, Chosen(learned, source));
  if (names.size() == 1) return names.front();
  return UserError("learned.source", "several sources have learned columns, and " + why +
                                         " is about one: choose it with --source NAME");
}

Result<int> Show(CommandContext& context, const Args& args) {
  std::optional<Job> job;
  TRY(const LogContents contents, ReadLearned(context, args.target, &job));
  TRY(const SchemaVersions all, VersionsIn(contents));
  TRY(const std::vector<std::string> names, Chosen(contents.learned, args.source));
  if (args.format != "table" || args.version != 0) {
    TRY(const std::string name,
        TheOne(contents.learned, args.source,
               args.version != 0 ? "--version" : "--format " + args.format));
    const SchemaVersion* version = &all.at(name).back();
    if (args.version != 0) {
      TRY(version, FindVersion(name, all.at(name), args.version));
    }
    const arrow::Schema& schema = *version->known.schema();
    context.out << (args.format == "ddl"    ? FormatDdl(schema) + "\n"
                    : args.format == "json" ? PrintJson(SparkSchema(schema))
                                            : PrintVersion(name, *version));
    return 0;
  }
  for (const std::string& name : names) {
    if (name != names.front()) context.out << "\n";
    const std::vector<SchemaVersion>& versions = all.at(name);
    context.out << PrintVersion(name, versions.back());
    if (args.history) context.out << "\n" << PrintHistory(versions);
  }
  return 0;
}

Result<int> Diff(CommandContext& context, const Args& args) {
  std::optional<Job> job;
  TRY(const LogContents contents, ReadLearned(context, args.target, &job));
  TRY(const SchemaVersions all, VersionsIn(contents));
  TRY(const std::string name, TheOne(contents.learned, args.source, "a comparison"));
  TRY(const SchemaVersion* from, FindVersion(name, all.at(name), args.from));
  TRY(const SchemaVersion* to, FindVersion(name, all.at(name), args.to));
  for (const SchemaChange& change : SchemaChanges(*from->known.schema(), *to->known.schema())) {
    context.out << change.text << "\n";
  }
  return 0;
}

/// What is to be written so that all of `names` are pinned, or none is.
Result<LearnedSchemas> Changed(const LearnedSchemas& learned, const std::vector<std::string>& names,
                               bool pinned) {
  LearnedSchemas changed;
  for (const std::string& name : names) {
    const auto found = learned.find(name);
    if (found == learned.end()) continue;
    TRY(const KnownSchema known, KnownSchema::Parse(found->second));
    if (known.pinned() != pinned) changed[name] = known.Pinned(pinned).ToText();
  }
  return changed;
}

/// As the writer of the log, which nobody else may be.
Result<void> Write(CommandContext& context, const Job& job, const std::vector<std::string>& names,
                   bool pinned) {
  TRY(std::unique_ptr<Storage> storage, OpenCheckpoint(job, context.parts, /*create=*/false));
  OpenLog log(storage.get());
  TRY(log.Open(job));
  TRY(CheckJob(log.get()->contents(), job));
  TRY(const LearnedSchemas changed, Changed(log.get()->contents().learned, names, pinned));
  if (changed.empty()) return {};
  auto written = log.get()->WriteLearned(changed);
  if (!written.ok()) log.Judge(written.error());
  return written;
}

Result<int> Pin(CommandContext& context, const Args& args, bool pinned) {
  ConfigureLogging(LogLevel::kInfo, LogFormat::kText);
  std::error_code ignored;
  if (IsRemote(args.target) || std::filesystem::is_directory(args.target, ignored)) {
    return UserError("learned.job", args.target + " is a folder; give the job file");
  }
  std::optional<Job> job;
  TRY(const LogContents contents, ReadLearned(context, args.target, &job));
  TRY(const std::vector<std::string> names, Chosen(contents.learned, args.source));
  TRY(const LearnedSchemas changed, Changed(contents.learned, names, pinned));
  // Becoming the writer leaves a trace in the log, for which there should be a reason.
  if (!changed.empty()) TRY(Write(context, *job, names, pinned));
  for (const std::string& name : names) {
    TRY(const KnownSchema known, KnownSchema::Parse(contents.learned.at(name)));
    context.out << "source " << name << ": version " << known.version() << " is "
                << (changed.contains(name) ? "" : "already ") << (pinned ? "pinned" : "not pinned")
                << (changed.contains(name) ? " now" : "") << "\n";
  }
  return 0;
}

void AddPin(CLI::App* group, CommandContext& context, bool pinned) {
  auto args = std::make_shared<Args>();
  const std::string name = pinned ? "pin" : "unpin";
  CLI::App* command = group->add_subcommand(
      name, pinned ? "Let the columns stay as they are: what does not fit goes to _rescued"
                   : "Let records change the columns again");
  command->add_option("JOB", args->target, "The job file")->required();
  command->add_option("--source", args->source, "This source alone");
  command->footer(
      "The job must not run meanwhile; the next start sees it.\nExample:\n  sluice schema " + name +
      " clicks.yaml --source clicks");
  command->callback([&context, args, pinned] { Finish(context, Pin(context, *args, pinned)); });
}

void AddShow(CLI::App* group, CommandContext& context) {
  auto args = std::make_shared<Args>();
  CLI::App* command =
      group->add_subcommand("show", "Print the columns that the sources have learned");
  command->add_option("JOB", args->target, "The job file, or its checkpointLocation")->required();
  command->add_option("--source", args->source, "This source alone");
  command->add_option("--version", args->version, "As they were in this version")
      ->check(CLI::Range(1, 1'000'000'000));
  command
      ->add_option("--format", args->format,
                   "table; ddl, as `schema` takes it; json, as Spark's schemas")
      ->check(CLI::IsMember({"table", "ddl", "json"}))
      ->capture_default_str();
  command->add_flag("--history", args->history,
                    "Also the versions that the checkpoint retains, and what changed");
  command->footer(
      "Examples:\n"
      "  sluice schema show clicks.yaml --history\n"
      "  sluice schema show ./state/clicks --source clicks --format ddl");
  command->callback([&context, args] { Finish(context, Show(context, *args)); });
}

void AddDiff(CLI::App* group, CommandContext& context) {
  auto args = std::make_shared<Args>();
  CLI::App* command = group->add_subcommand("diff", "Print what two versions have not in common");
  command->add_option("JOB", args->target, "The job file, or its checkpointLocation")->required();
  command->add_option("A", args->from, "A version")->required();
  command->add_option("B", args->to, "Another one")->required();
  command->add_option("--source", args->source, "Of this source");
  command->footer("Example:\n  sluice schema diff clicks.yaml 1 2");
  command->callback([&context, args] { Finish(context, Diff(context, *args)); });
}

}  // namespace

void AddSchemaCommand(CLI::App& app, CommandContext& context) {
  CLI::App* group = app.add_subcommand("schema", "Look into the columns that a job has learned");
  group->require_subcommand(1);
  group->footer(
      "Examples:\n"
      "  sluice schema show clicks.yaml --history\n"
      "  sluice schema diff clicks.yaml 1 2\n"
      "  sluice schema pin clicks.yaml");
  AddShow(group, context);
  AddDiff(group, context);
  AddPin(group, context, /*pinned=*/true);
  AddPin(group, context, /*pinned=*/false);
}

}  // namespace sluice
