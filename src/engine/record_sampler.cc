#include "engine/record_sampler.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <thread>
#include <utility>

#include "core/clock.h"
#include "core/logging.h"
#include "engine/source_set.h"

namespace sluice {
namespace {

constexpr std::int64_t kMostBytes = 64 << 20;
constexpr std::int64_t kAgainMicros = 1'000'000;
constexpr std::int64_t kLookMicros = 5'000'000;

std::int64_t Now() { return Clock::System().MonotonicMicros(); }

bool Stopped(const SampleOptions& options) { return options.stop != nullptr && *options.stop != 0; }

bool TimeIsUp(const SampleOptions& options) {
  return options.deadline_micros.has_value() && Now() >= *options.deadline_micros;
}

/// The records of one reader.
class Reading {
 public:
  Reading(const Source& source, const SampleOptions& options)
      : source_(source), options_(options) {}

  /// What is there now.
  void Begin(const std::vector<SplitStart>& starts, std::map<SplitId, Position> ends) {
    left_ = std::move(ends);
    for (const SplitStart& start : starts) Pass(start.id, start.position);
    something_ = !left_.empty();
  }

  /// Reads once. True: it is over, see sample().
  Result<bool> Step(SplitReader* reader) {
    if (left_.empty() && options_.until_caught_up) {
      if (known_) return End(Sample::End::kTold);
      return End(something_ && sample_.records > 0 ? Sample::End::kNoneTells
                                                   : Sample::End::kNothing);
    }
    if (known_ && (Now() >= settled_ || (options_.only_what_is_there && left_.empty()))) {
      return End(Sample::End::kTold);
    }
    ReadLimits limits;
    limits.records = MessagesToRead();
    TRY(std::unique_ptr<RawBatch> read, reader->Read(limits));
    if (read == nullptr) return false;
    const std::shared_ptr<const RawBatch> raw = std::move(read);
    TRY(SampleLook look, options_.look(raw));
    if (look.known && !known_) settled_ = Now() + options_.settle_micros;
    known_ = look.known;
    rows_ += look.rows;
    if (sample_.first_reason.empty()) sample_.first_reason = std::move(look.reason);
    for (const RawRecord& record : raw->records) {
      sample_.records += record.data != nullptr;
      bytes_ += static_cast<std::int64_t>(record.size);
    }
    for (const SplitRange& range : raw->ranges) Pass(range.split, range.to);
    if (std::max(sample_.records, rows_) >= options_.most_records || bytes_ >= kMostBytes) {
      return End(known_ ? Sample::End::kTold : Sample::End::kNoneTells);
    }
    return false;
  }

  /// Nothing more is waited for.
  void Expire() { sample_.end = known_ ? Sample::End::kTold : Sample::End::kTimeIsUp; }
  bool known() const { return known_; }
  Sample& sample() { return sample_; }

 private:
  bool End(Sample::End end) {
    sample_.end = end;
    return true;
  }

  /// A message may have many rows, as is known after the first ones.
  std::size_t MessagesToRead() const {
    const std::int64_t rows = std::max(sample_.records, rows_);
    const std::int64_t of_each = sample_.records == 0 ? 1 : rows / sample_.records;
    const std::int64_t left = (options_.most_records - rows) / of_each;
    return static_cast<std::size_t>(std::clamp<std::int64_t>(left, 1, rows == 0 ? 16 : 256));
  }

  void Pass(const SplitId& split, const Position& position) {
    const auto end = left_.find(split);
    if (end == left_.end() || source_.ComparePositions(position, end->second) < 0) return;
    left_.erase(end);
  }

  const Source& source_;
  const SampleOptions& options_;
  std::map<SplitId, Position> left_;  ///< Ends that were there and have not been reached.
  bool something_ = false;
  bool known_ = false;
  std::int64_t settled_ = 0;
  std::int64_t bytes_ = 0;
  std::int64_t rows_ = 0;
  Sample sample_;
};

Sample Ended(Sample::End end) {
  Sample sample;
  sample.end = end;
  return sample;
}

Result<Sample> TryForRun(const PipelineSpec& spec, CheckpointLog* log, std::size_t index,
                         const SampleOptions& options) {
  SourceSet sources(spec, log, nullptr);
  TRY(sources.Open());
  const std::vector<SplitStart> starts = sources.Starts(index);
  Reading reading(sources.source(index), options);
  TRY(auto ends, sources.Ends(index));
  reading.Begin(starts, std::move(ends));
  TRY(const std::unique_ptr<SplitReader> reader, sources.OpenReader(index, starts));
  std::int64_t refreshed = Now();
  std::int64_t looked = Now();
  bool over = false;
  while (!over) {
    if (Stopped(options)) return Ended(Sample::End::kStopped);
    TRY(over, reading.Step(reader.get()));
    if (over) break;
    if (TimeIsUp(options)) {
      reading.Expire();
      break;
    }
    if (reading.sample().records == 0) {
      LogLimited(
          LogLevel::kInfo, "first " + spec.sources[index].name, 30,
          "waiting for the first record of a source, which is to show its columns; until then "
          "the job reads nothing. Declare `schema` if that may take long",
          {{"source", spec.sources[index].name}});
    }
    if (reading.sample().records > 0 && !reading.known()) {
      LogLimited(LogLevel::kWarn, "sample " + spec.sources[index].name, 600,
                 "a record does not tell what columns there are; waiting for one that does",
                 {{"source", spec.sources[index].name}, {"reason", reading.sample().first_reason}});
    }
    if (Now() - refreshed >= spec.split_refresh_micros) {
      refreshed = Now();
      TRY(const auto found, sources.FindNew());
      for (const auto& [source, start] : found) {
        if (source == index) TRY(reader->Add(start));
      }
    }
    if (Now() - looked >= kLookMicros) {
      looked = Now();
      TRY(log->CheckWriter());
    }
  }
  return std::move(reading.sample());
}

}  // namespace

Result<Sample> SampleForRun(const PipelineSpec& spec, CheckpointLog* log, std::size_t index,
                            const SampleOptions& options) {
  TRY(CheckAgainstCheckpoint(spec, log->contents()));
  for (;;) {
    auto sample = TryForRun(spec, log, index, options);
    if (Stopped(options)) return Ended(Sample::End::kStopped);
    if (sample.ok()) return sample;
    Error error = std::move(sample).error();
    // Any failure is judged after a look at the log, as in RunPipeline.
    if (error.blame != Blame::kSuperseded && !log->fresh()) TRY(log->CheckWriter());
    if (error.retry == Retry::kNo) return error;
    if (TimeIsUp(options)) return Ended(Sample::End::kTimeIsUp);
    LogLimited(LogLevel::kWarn, "sample again " + spec.sources[index].name, 30,
               "cannot read the source yet; trying again", {{"error", ToString(error)}});
    for (const std::int64_t until = Now() + kAgainMicros; Now() < until && !Stopped(options);) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
}

Result<Sample> SampleForLooking(Source* source, const SampleOptions& options) {
  TRY(const std::vector<Split> splits, source->ListSplits());
  TRY(const std::vector<SplitStart> starts, source->ResolveStart(splits, /*first=*/true));
  std::vector<SplitId> ids;
  for (const SplitStart& start : starts) ids.push_back(start.id);
  TRY(auto ends, source->Ends(ids));
  Reading reading(*source, options);
  reading.Begin(starts, std::move(ends));
  TRY(const std::unique_ptr<SplitReader> reader, source->OpenReader(starts));
  bool over = false;
  while (!over) {
    if (TimeIsUp(options)) {
      reading.Expire();
      break;
    }
    TRY(over, reading.Step(reader.get()));
  }
  return std::move(reading.sample());
}

}  // namespace sluice
