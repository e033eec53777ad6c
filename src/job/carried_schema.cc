#include "job/carried_schema.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "core/clock.h"
#include "core/logging.h"
#include "engine/record_sampler.h"

namespace sluice {
namespace {

constexpr std::int64_t kLookingMicros = 10'000'000;

bool Needs(const JobSource& source) {
  if (source.options.Given("schema") || !source.format->infer_schema) return false;
  // With nothing to look at it succeeds only where the options say enough.
  return !source.format->infer_schema(source.options, "").ok();
}

/// As much of the pipeline as there can be without columns.
PipelineSpec SpecWithoutColumns(const Job& job, const LearnOptions& options) {
  PipelineSpec spec;
  spec.job = job.name;
  spec.drop = options.drop;
  spec.until_caught_up = options.until_caught_up;
  for (const JobSource& source : job.sources) {
    PipelineSource out;
    out.name = source.name;
    out.open = [&job, &source] { return MakeSource(job, source, nullptr); };
    spec.sources.push_back(std::move(out));
  }
  for (const JobSink& sink : job.sinks) {
    spec.sinks.push_back({sink.name, sink.type->name, sink.from, sink.options.ToJson(), nullptr});
  }
  return spec;
}

/// A sample that goes on until a record brings a schema, which it leaves in `text`.
SampleOptions Asking(const JobSource& of, std::string* text) {
  SampleOptions options;
  options.tells = [&of, text](std::string_view record, std::string* reason) {
    auto found = of.format->infer_schema(of.options, record);
    if (found.ok()) {
      *text = *std::move(found);
    } else {
      *reason = found.error().message;
    }
    return found.ok();
  };
  return options;
}

Error NoneTells(const JobSource& of, const Sample& sample) {
  return UserError("job.no_schema",
                   "none of the records read (" + std::to_string(sample.records) +
                       ") tells what columns there are; the first: " + sample.first_reason)
      .At("source " + of.name);
}

Error NoRecord(const JobSource& of) {
  return UserError("job.no_record",
                   "there is no record from which its columns could be known; declare `schema`, or "
                   "write a record first")
      .At("source " + of.name);
}

}  // namespace

bool NeedsRecords(const Job& job) {
  return std::any_of(job.sources.begin(), job.sources.end(), Needs);
}

Result<bool> LearnSchemas(Job* job, CheckpointLog* log, const LearnOptions& options) {
  const PipelineSpec spec = SpecWithoutColumns(*job, options);
  for (std::size_t i = 0; i < job->sources.size(); ++i) {
    JobSource& source = job->sources[i];
    if (!Needs(source)) continue;
    const LearnedSchemas known = log->contents().learned;
    if (const auto learned = known.find(source.name); learned != known.end()) {
      source.learned_schema = learned->second;
      continue;
    }
    Log(LogLevel::kInfo, "no schema is declared; waiting for a record that brings one",
        {{"source", source.name}});
    std::string text;
    SampleOptions asking = Asking(source, &text);
    asking.stop = options.stop;
    asking.deadline_micros = options.deadline_micros;
    asking.until_caught_up = options.until_caught_up;
    TRY(const Sample sample, SampleForRun(spec, log, i, asking));
    switch (sample.end) {
      case Sample::End::kTold:
        break;
      case Sample::End::kNoneTells:
        return NoneTells(source, sample);
      case Sample::End::kNothing:
        // The other sources may have records, which are not read without this one's columns.
        if (job->sources.size() > 1) return NoRecord(source);
        return false;
      case Sample::End::kTimeIsUp:
      case Sample::End::kStopped:
        return false;
    }
    TRY(log->WriteLearned({{source.name, text}}));
    source.learned_schema = std::move(text);
  }
  return true;
}

Result<void> LearnForLooking(Job* job, const Parts& parts) {
  if (!NeedsRecords(*job)) return {};
  LearnedSchemas known;
  if (auto storage = parts.open_checkpoint(job->checkpoint_location, /*create=*/false);
      storage.ok()) {
    TRY(const std::optional<LogContents> contents, ReadLog(storage->get()));
    if (contents.has_value() && contents->start.job == job->name) known = contents->learned;
  }
  for (JobSource& source : job->sources) {
    if (!Needs(source)) continue;
    if (const auto learned = known.find(source.name); learned != known.end()) {
      source.learned_schema = learned->second;
      continue;
    }
    SampleOptions asking = Asking(source, &source.learned_schema);
    asking.deadline_micros = Clock::System().MonotonicMicros() + kLookingMicros;
    TRY(const std::unique_ptr<Source> opened, MakeSource(*job, source, nullptr));
    auto sample = SampleForLooking(opened.get(), asking);
    if (!sample.ok()) return std::move(sample).error().At("source " + source.name);
    if (sample->end == Sample::End::kTold) continue;
    return sample->records > 0 ? NoneTells(source, *sample) : NoRecord(source);
  }
  return {};
}

}  // namespace sluice
