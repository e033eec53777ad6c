#include "job/learned_columns.h"

#include <arrow/type.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <thread>
#include <utility>

#include "core/clock.h"
#include "core/logging.h"
#include "decode/message_decoder.h"
#include "job/checkpoint_storage.h"
#include "job/option_place.h"

namespace sluice {
namespace {

/// For the log: a thousand columns are no line of it.
std::string Shortened(std::string ddl) {
  constexpr std::size_t kMost = 2'000;
  if (ddl.size() <= kMost) return ddl;
  ddl.resize(ddl.rfind(',', kMost));
  return ddl + ", and more: `sluice schema show` has all";
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

/// What records show, decoded one batch after the other.
class Observing {
 public:
  static Result<std::unique_ptr<Observing>> Make(const JobSource& of, const Source& source) {
    auto observing = std::make_unique<Observing>();
    TRY(auto decoder, MakeDecoder(of));
    TRY(observing->decoder_,
        MessageDecoder::Make(std::move(decoder), {}, DecodeLimits{},
                             MakeCompression(of.options.String("compression"))));
    observing->base_ = of.known;
    observing->caps_ = CapsFor(source.extra_fields(), of.make_cols);
    return observing;
  }

  Result<SampleLook> Look(const std::shared_ptr<const RawBatch>& raw) {
    SampleLook look;
    TRY(decoder_->Decode(raw, [&](const DecodedBatch& batch) -> Result<void> {
      if (batch.decoded.unseen != nullptr) seen_.Merge(*batch.decoded.unseen);
      look.rows += batch.decoded.rows->num_rows();
      if (look.reason.empty() && !batch.decoded.rejects.empty()) {
        look.reason = batch.decoded.rejects.front().reason;
      }
      return {};
    }));
    if (look.reason.empty()) look.reason = "its fields are empty or null";
    look.known = Change().schema.schema()->num_fields() > 0;
    return look;
  }

  KnownSchema::Change Change() const { return base_.Merge(seen_, caps_); }
  ObservedType TakeSeen() { return std::move(seen_); }

 private:
  std::unique_ptr<MessageDecoder> decoder_;
  KnownSchema base_;
  SchemaCaps caps_;
  ObservedType seen_;
};

/// Takes a sample with `take`, which asks as it is told to.
template <typename Take>
Result<ObservedSample> Observe(const JobSource& of, const Source& source, SampleOptions asking,
                               const std::function<void(const RawBatch&)>& on_batch, Take take) {
  TRY(const std::unique_ptr<Observing> observing, Observing::Make(of, source));
  asking.look = [&](const std::shared_ptr<const RawBatch>& raw) {
    if (on_batch) on_batch(*raw);
    return observing->Look(raw);
  };
  TRY(Sample sample, take(asking));
  KnownSchema::Change change = observing->Change();
  return ObservedSample{std::move(sample), observing->TakeSeen(), std::move(change)};
}

Error NoneTells(const JobSource& of, const Sample& sample) {
  return UserError("job.no_schema",
                   "none of the records read (" + std::to_string(sample.records) +
                       ") tells what columns there are; the first: " + sample.first_reason)
      .At("source " + of.name);
}

bool IsUntold(const Error& error) {
  return error.code == "job.no_schema" || error.code == "job.no_record";
}

Error NoRecord(const JobSource& of) {
  return UserError("job.no_record",
                   "there is no record from which its columns could be known; declare `schema`, or "
                   "write a record first")
      .At("source " + of.name);
}

/// What the checkpoint says, if it says anything.
Result<bool> FromCheckpoint(const LearnedSchemas& learned, JobSource* source) {
  const auto found = learned.find(source->name);
  if (found == learned.end()) return false;
  auto known = KnownSchema::Parse(found->second);
  if (!known.ok()) return std::move(known).error().At("source " + source->name);
  source->known = *std::move(known);
  return true;
}

struct Learned {
  bool known = false;
  bool over = false;  ///< Stopped, or out of time.
  std::optional<Error> untold = std::nullopt;
};

/// What the first records of one source show, into the log.
Result<Learned> LearnOne(const PipelineSpec& spec, CheckpointLog* log, std::size_t index,
                         const SampleOptions& asking, JobSource* source) {
  TRY(const std::unique_ptr<Source> unopened, spec.sources[index].open());
  TRY(ObservedSample observed,
      Observe(*source, *unopened, asking, nullptr,
              [&](const SampleOptions& how) { return SampleForRun(spec, log, index, how); }));
  const Sample& sample = observed.sample;
  switch (sample.end) {
    case Sample::End::kTold:
      break;
    case Sample::End::kNoneTells:
      return Learned{.untold = NoneTells(*source, sample)};
    case Sample::End::kNothing:
      return Learned{};
    case Sample::End::kTimeIsUp:
    case Sample::End::kStopped:
      return Learned{.over = true};
  }
  source->known = std::move(observed.change.schema);
  TRY(log->WriteLearned({{source->name, source->known.ToText()}}));
  Log(LogLevel::kInfo, "columns learned",
      {{"source", source->name},
       {"records", std::to_string(sample.records)},
       {"columns", Shortened(FormatDdl(*source->known.schema()))}});
  return Learned{.known = true};
}

/// False: stopped, or out of time.
bool WaitForRecords(const SampleOptions& asking, std::int64_t micros) {
  LogLimited(LogLevel::kInfo, "first records", 30,
             "waiting for the first record of a source, which is to show its columns; until then "
             "the job reads nothing. Declare `schema` if that may take long",
             {});
  const Clock& clock = Clock::System();
  const std::int64_t until = clock.MonotonicMicros() + micros;
  while (clock.MonotonicMicros() < until) {
    if (asking.stop != nullptr && *asking.stop != 0) return false;
    if (asking.deadline_micros && clock.MonotonicMicros() >= *asking.deadline_micros) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

}  // namespace

bool NeedsRecords(const Job& job) {
  return std::any_of(job.sources.begin(), job.sources.end(),
                     [](const JobSource& source) { return source.detects; });
}

Result<bool> LearnSchemas(Job* job, CheckpointLog* log, const LearnOptions& options) {
  const PipelineSpec spec = SpecWithoutColumns(*job, options);
  std::vector<std::size_t> unknown;
  for (std::size_t i = 0; i < job->sources.size(); ++i) {
    JobSource& source = job->sources[i];
    if (!source.detects) continue;
    TRY(const bool known, FromCheckpoint(log->contents().learned, &source));
    if (known) continue;
    unknown.push_back(i);
    Log(LogLevel::kInfo, "the records are to show the columns; looking at the first ones",
        {{"source", source.name}});
  }
  SampleOptions asking;
  asking.stop = options.stop;
  asking.deadline_micros = options.deadline_micros;
  // One of several is not waited for: the others may go on without it.
  asking.until_caught_up = options.until_caught_up || job->sources.size() > 1;
  std::optional<Error> untold;
  std::int64_t wait = 1'000'000;
  while (!unknown.empty()) {
    std::vector<std::size_t> left;
    for (const std::size_t i : unknown) {
      TRY(const Learned learned, LearnOne(spec, log, i, asking, &job->sources[i]));
      if (learned.over) return false;
      if (learned.untold) untold = learned.untold;
      if (!learned.known) left.push_back(i);
    }
    unknown = std::move(left);
    if (unknown.size() < job->sources.size()) break;
    if (options.until_caught_up && untold) return *std::move(untold);
    // Records that tell nothing are read again each time.
    if (untold) wait = std::min<std::int64_t>(wait * 2, 30'000'000);
    if (options.until_caught_up || !WaitForRecords(asking, wait)) return false;
  }
  for (const std::size_t i : unknown) {
    Log(LogLevel::kInfo, "no record shows columns yet; the job begins without them",
        {{"source", job->sources[i].name}});
  }
  return true;
}

Result<void> FetchReaderSchemas(Job* job, bool wait) {
  for (JobSource& source : job->sources) {
    if (source.envelopes == nullptr || !source.envelopes->wants_latest()) continue;
    for (;;) {
      Result<std::string> schema = source.envelopes->LatestSchema();
      if (schema.ok()) {
        source.latest_schema = *std::move(schema);
        break;
      }
      // The registry has been asked for registryTimeout, with back-off.
      if (!wait || schema.error().retry == Retry::kNo) {
        return AtPlace(source.place, std::move(schema).error().At("source " + source.name));
      }
      Log(LogLevel::kWarn, "the reader's schema cannot be had yet; asking again",
          {{"source", source.name}, {"error", ToString(schema.error())}});
    }
  }
  return {};
}

Result<ObservedSample> LookAtRecords(const Job& job, const JobSource& source,
                                     const LookOptions& options) {
  TRY(const std::unique_ptr<Source> opened, MakeSource(job, source, nullptr));
  SampleOptions asking;
  asking.most_records = options.most_records;
  asking.settle_micros = options.settle_micros;
  asking.only_what_is_there = true;
  asking.deadline_micros = Clock::System().MonotonicMicros() + options.wait_micros;
  auto observed = Observe(source, *opened, asking, options.on_batch, [&](const SampleOptions& how) {
    return SampleForLooking(opened.get(), how);
  });
  if (!observed.ok()) return std::move(observed).error().At("source " + source.name);
  if (observed->sample.end == Sample::End::kTold) return observed;
  return observed->sample.records > 0 ? NoneTells(source, observed->sample) : NoRecord(source);
}

Result<void> LearnForLooking(Job* job, const Parts& parts) {
  TRY(FetchReaderSchemas(job, /*wait=*/false));
  if (!NeedsRecords(*job)) return {};
  LearnedSchemas learned;
  if (auto storage = OpenCheckpoint(*job, parts, /*create=*/false); storage.ok()) {
    auto read = ReadLog(storage->get());
    // Whoever looks at a job need not be able to reach where it runs.
    if (!read.ok() && IsRemote(job->checkpoint_location)) read = std::optional<LogContents>();
    TRY(const std::optional<LogContents> contents, std::move(read));
    if (contents.has_value() && contents->start.job == job->name) learned = contents->learned;
  }
  std::optional<Error> untold;
  for (JobSource& source : job->sources) {
    if (!source.detects) continue;
    TRY(const bool known, FromCheckpoint(learned, &source));
    if (known) continue;
    auto observed = LookAtRecords(*job, source, {});
    if (observed.ok()) {
      source.known = std::move(observed->change.schema);
    } else if (!IsUntold(observed.error()) || job->sources.size() == 1) {
      return std::move(observed).error();
    } else if (!untold) {
      untold = std::move(observed).error();
    }
  }
  // As in a run, one of several sources may do without.
  const bool any = std::any_of(job->sources.begin(), job->sources.end(), [](const JobSource& of) {
    return !of.detects || of.known.schema()->num_fields() > 0;
  });
  if (!any && untold) return *std::move(untold);
  return {};
}

}  // namespace sluice
