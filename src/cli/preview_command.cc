#include "cli/preview_command.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cli/preview_rows.h"
#include "core/clock.h"
#include "core/logging.h"
#include "core/text_table.h"
#include "job/learned_columns.h"
#include "job/pipeline_builder.h"
#include "job/plan.h"
#include "record/row_table.h"

namespace sluice {
namespace {

struct Args {
  std::string job;
  std::int64_t rows = 20;
  std::string wait = "10 seconds";
  std::string at;
};

constexpr std::size_t kCellWidth = 40;
// What a preview takes at most, whatever the job filters out or joins.
constexpr std::int64_t kMaxRecords = 100'000;
constexpr std::size_t kMaxBytes = 64u << 20;

/// A source that is being read.
struct OpenSource {
  std::unique_ptr<Source> source;
  std::unique_ptr<MessageDecoder> decoder;
  std::unique_ptr<SplitReader> reader;
  std::map<SplitId, Position> next;
  std::map<SplitId, Position> ends;
  bool caught_up = false;
};

Result<OpenSource> Open(const Plan& plan, std::size_t index) {
  OpenSource open;
  TRY(open.source, OpenPlannedSource(plan, index, /*metrics=*/nullptr));
  TRY(open.decoder, MakePlannedDecoder(plan, index));
  TRY(std::vector<Split> splits, open.source->ListSplits());
  TRY(std::vector<SplitStart> starts, open.source->ResolveStart(splits, /*first=*/true));
  std::vector<SplitId> ids;
  for (const SplitStart& start : starts) {
    ids.push_back(start.id);
    open.next[start.id] = start.position;
  }
  TRY(open.ends, open.source->Ends(ids));
  TRY(open.reader, open.source->OpenReader(starts));
  return open;
}

/// True once everything that was there at the start has been read.
bool CaughtUp(const OpenSource& open) {
  return std::all_of(open.ends.begin(), open.ends.end(), [&](const auto& end) {
    auto next = open.next.find(end.first);
    return next != open.next.end() && open.source->ComparePositions(next->second, end.second) >= 0;
  });
}

/// The sources or steps to show: what the sinks read, each once.
Result<std::vector<std::string>> Shown(const Job& job, const std::string& at) {
  std::vector<std::string> names;
  if (at.empty()) {
    for (const JobSink& sink : job.sinks) {
      if (std::find(names.begin(), names.end(), sink.from) == names.end())
        names.push_back(sink.from);
    }
    return names;
  }
  for (const JobSource& source : job.sources) names.push_back(source.name);
  for (const JobStep& step : job.steps) names.push_back(step.name);
  if (std::find(names.begin(), names.end(), at) != names.end()) return std::vector{at};
  auto near = NearestName(at, names);
  return UserError("preview.at", "the job has no source or transform '" + at.substr(0, 60) + "'" +
                                     (near ? "; did you mean '" + *near + "'?" : ""));
}

std::string Table(const SchemaPtr& schema,
                  const std::vector<std::shared_ptr<arrow::RecordBatch>>& batches,
                  std::int64_t limit) {
  TextTable table = TableOfColumns(*schema, /*typed=*/true);
  for (const auto& batch : batches) {
    for (std::int64_t row = 0; row < batch->num_rows(); ++row) {
      if (static_cast<std::int64_t>(table.rows.size()) == limit) break;
      table.rows.push_back(RowCells(*batch, row));
    }
  }
  return PrintTable(table, kCellWidth);
}

/// Reads in turn until every shown step has `rows` rows, or nothing more comes.
Result<void> Read(const Plan& plan, const Args& args, const std::vector<std::string>& shown,
                  std::int64_t wait_micros, PreviewRows* preview) {
  bool open_steps = std::any_of(plan.steps.begin(), plan.steps.end(),
                                [](const auto& step) { return !step->row_by_row(); });
  auto enough = [&] {
    return !open_steps && std::all_of(shown.begin(), shown.end(), [&](const std::string& name) {
      return preview->Count(name) >= args.rows;
    });
  };
  std::vector<OpenSource> sources;
  for (std::size_t i = 0; i < plan.job.sources.size(); ++i) {
    Result<OpenSource> open = Open(plan, i);
    if (!open.ok()) {
      return std::move(open).error().At("source " + plan.job.sources[i].name);
    }
    sources.push_back(*std::move(open));
  }
  ReadLimits limits;
  limits.records = open_steps ? 4096 : 256;
  const std::int64_t until = Clock::System().MonotonicMicros() + wait_micros;
  while (!enough() && preview->delivered() < kMaxRecords && preview->bytes() < kMaxBytes) {
    bool all_caught_up = true;
    for (std::size_t i = 0; i < sources.size(); ++i) {
      OpenSource& open = sources[i];
      TRY(std::unique_ptr<RawBatch> raw, open.reader->Read(limits));
      if (raw != nullptr) {
        for (const SplitRange& range : raw->ranges) open.next[range.split] = range.to;
        TRY(preview->Feed(i, open.decoder.get(), std::shared_ptr<const RawBatch>(std::move(raw))));
      }
      all_caught_up &= CaughtUp(open);
    }
    // Something to show and nothing more there: no need to wait for new records.
    if (all_caught_up && preview->delivered() > 0) break;
    if (Clock::System().MonotonicMicros() >= until) break;
  }
  return preview->Finish();
}

Result<int> Preview(CommandContext& context, const Args& args) {
  ConfigureLogging(LogLevel::kWarn, LogFormat::kText);
  TRY(std::int64_t wait, ParseDuration(args.wait));
  TRY(Job job, LoadJob(args.job, context.parts));
  TRY(LearnForLooking(&job, context.parts));
  TRY(Plan plan, MakePlan(std::move(job), context.parts, PlanFor::kLooking));
  PrintWarnings(context.err, plan.job.warnings);
  TRY(std::vector<std::string> shown, Shown(plan.job, args.at));
  PreviewRows preview(plan);
  TRY(Read(plan, args, shown, wait, &preview));

  std::map<std::string, SchemaPtr> schemas;
  for (std::size_t i = 0; i < plan.sources.size(); ++i) {
    schemas[plan.job.sources[i].name] = plan.sources[i].schema;
  }
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    schemas[plan.job.steps[i].name] = plan.steps[i]->output_schema();
  }
  for (const std::string& name : shown) {
    if (shown.size() > 1) context.out << (name == shown.front() ? "" : "\n") << name << "\n";
    context.out << Table(schemas[name], preview.batches(name), args.rows);
  }
  context.out.flush();
  context.err << preview.delivered() << " records read, " << preview.refused()
              << " refused; nothing was committed\n";
  std::string kinds;
  for (const auto& [name, count] : preview.kinds()) {
    kinds += (kinds.empty() ? "" : ", ") + name + " " + std::to_string(count);
  }
  if (preview.kinds().size() > 1) context.err << "by format and codec: " << kinds << "\n";
  for (const std::string& reason : preview.reasons()) context.err << "  " << reason << "\n";
  if (preview.delivered() == 0) {
    context.err << "help: no record came within " << args.wait
                << "; a source that starts at `latest` shows only what is written from now on\n";
  }
  return 0;
}

}  // namespace

void AddPreviewCommand(CLI::App& app, CommandContext& context) {
  auto args = std::make_shared<Args>();
  CLI::App* command = app.add_subcommand(
      "preview", "Decode and transform live records and print them; commits nothing");
  command->add_option("JOB", args->job, "The job file")->required();
  command->add_option("-n,--rows", args->rows, "How many rows to show")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  command->add_option("--at", args->at,
                      "Show this source or transform, instead of what the sinks read");
  command->add_option("--wait", args->wait, "How long to wait for records")->capture_default_str();
  command->footer(
      "Examples:\n  sluice preview clicks.yaml\n  sluice preview clicks.yaml -n 5 --at clicks");
  command->callback([&context, args] { Finish(context, Preview(context, *args)); });
}

}  // namespace sluice
