#include "cli/detect_command.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/sample_fit.h"
#include "cli/sample_table.h"
#include "cli/schema_notations.h"
#include "core/logging.h"
#include "job/job_options.h"
#include "job/learned_columns.h"

namespace sluice {
namespace {

struct Args {
  std::string job;
  std::string source;
  std::int64_t records = kSampleRecords;
  std::string wait = "10 seconds";
  std::string format = "table";
  std::string database = "DATABASE";
};

/// The sources to look at: the one that is named, or all of which it makes sense.
Result<std::vector<const JobSource*>> Chosen(const Job& job, const Args& args) {
  std::vector<const JobSource*> chosen;
  std::vector<std::string> names;
  for (const JobSource& source : job.sources) {
    names.push_back(source.name);
    const bool wanted = args.source.empty() ? static_cast<bool>(source.format->make_detecting)
                                            : source.name == args.source;
    if (wanted) chosen.push_back(&source);
  }
  if (chosen.empty() && !args.source.empty()) {
    auto near = NearestName(args.source, names);
    return UserError("detect.source", "the job has no source '" + args.source.substr(0, 60) + "'" +
                                          (near ? "; did you mean '" + *near + "'?" : ""));
  }
  if (chosen.empty() || !chosen.front()->format->make_detecting) {
    const JobSource& source = chosen.empty() ? job.sources.front() : *chosen.front();
    return UserError("detect.format", "the columns of " + source.format->name +
                                          " are told by its options, not by its records; `sluice "
                                          "check` prints them")
        .At(source.place.ToString())
        .At("source " + source.name);
  }
  if (chosen.size() > 1 && args.format != "table") {
    return UserError("detect.source", "the job has several sources, and --format " + args.format +
                                          " prints one: choose it with --source NAME");
  }
  return chosen;
}

/// As if nothing declared its columns, unless they are to begin with the declared ones.
JobSource Detecting(const JobSource& source) {
  JobSource detecting = source;
  detecting.detects = true;
  return detecting;
}

GlueTable TableOf(const JobSource& source, const std::string& database) {
  GlueTable table;
  table.database = database;
  table.name = source.name;
  table.parameters["classification"] = source.format->name;
  // What came by reference may be a secret.
  const auto given = [&](const std::string& option) -> std::string {
    const RawValue* raw = source.options.Raw(option);
    return raw == nullptr || raw->hidden ? "" : raw->text;
  };
  if (source.type->name == "files") {
    table.location = given("path");
    return table;
  }
  table.parameters["typeOfData"] = source.type->name;
  if (Declares(source.type->options, "topicName")) {
    if (std::string text = given("topicName"); !text.empty()) {
      table.parameters["topicName"] = std::move(text);
    }
  }
  return table;
}

Result<void> DetectOne(CommandContext& context, const Job& job, const JobSource& declared,
                       const Args& args, std::int64_t wait) {
  JobSource source = Detecting(declared);
  SampleFit fit;
  LookOptions look;
  look.most_records = args.records;
  look.wait_micros = wait;
  look.settle_micros = wait;
  if (args.format == "table") look.on_batch = [&](const RawBatch& raw) { fit.Keep(raw); };
  TRY(const ObservedSample observed, LookAtRecords(job, source, look));
  source.known = observed.change.schema;
  const arrow::Schema& schema = *source.known.schema();
  if (args.format == "ddl") {
    context.out << FormatDdl(schema) << "\n";
  } else if (args.format == "json") {
    context.out << PrintJson(SparkSchema(schema));
  } else if (args.format == "glue") {
    context.out << PrintJson(GlueCreateTable(TableOf(source, args.database), schema));
  } else {
    TRY(const SampleCounts counts, fit.Count(source));
    context.out << PrintSample(source, observed, counts);
    return {};
  }
  context.out.flush();
  for (const std::string& refused : observed.change.refused) {
    context.err << "warning: source " << source.name << ": not taken as a column: " << refused
                << "\n";
  }
  return {};
}

Result<int> Detect(CommandContext& context, const Args& args) {
  ConfigureLogging(LogLevel::kWarn, LogFormat::kText);
  const Result<std::int64_t> wait = ParseDuration(args.wait);
  if (!wait.ok()) return Error(wait.error()).At("--wait");
  TRY(const Job job, LoadJob(args.job, context.parts));
  TRY(const std::vector<const JobSource*> sources, Chosen(job, args));
  for (const JobSource* source : sources) {
    if (source != sources.front()) context.out << "\n";
    TRY(DetectOne(context, job, *source, args, *wait));
  }
  context.out.flush();
  for (const JobSource* source : sources) {
    if (source->detects && source->known.version() > 0 && args.format == "table") {
      context.err << "note: source " << source->name
                  << " begins with the columns of `schema`: of their values only those that do not "
                     "fit are counted by kind\n";
    }
    if (source->detects) continue;
    context.err << "note: source " << source->name
                << " declares its columns; these are those that its records show\n";
  }
  return 0;
}

}  // namespace

void AddDetectCommand(CLI::App& app, CommandContext& context) {
  auto args = std::make_shared<Args>();
  CLI::App* command = app.add_subcommand(
      "detect", "Show what columns live records have, and print them as a schema; commits nothing");
  command->add_option("JOB", args->job, "The job file")->required();
  command->add_option("--source", args->source,
                      "This source alone; without it all whose records can tell");
  command->add_option("-n,--records", args->records, "Look at so many records at most, or 64 MiB")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command->add_option("--wait", args->wait, "How long to wait for records")->capture_default_str();
  command
      ->add_option("--format", args->format,
                   "table; ddl, as `schema` takes it; json, as Spark's schemas; glue, the body of "
                   "a CreateTable request")
      ->check(CLI::IsMember({"table", "ddl", "json", "glue"}))
      ->capture_default_str();
  command->add_option("--database", args->database, "DatabaseName of --format glue")
      ->capture_default_str();
  command->footer(
      "Reads what is there from where a job without a checkpoint would begin; a source that "
      "starts\n"
      "at `latest` shows only what is written while it waits. The column _rescued, which a job\n"
      "adds to those that it learns, is in none of the schemas.\n"
      "Examples:\n"
      "  sluice detect clicks.yaml\n"
      "  sluice detect clicks.yaml --source clicks --format ddl\n"
      "  sluice detect clicks.yaml --format glue --database web");
  command->callback([&context, args] { Finish(context, Detect(context, *args)); });
}

}  // namespace sluice
