#include "job/carried_schema.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <thread>
#include <utility>

#include "core/clock.h"
#include "core/logging.h"

namespace sluice {
namespace {

constexpr std::int64_t kMostRecords = 10'000;
constexpr std::int64_t kMostBytes = 64 << 20;
constexpr std::int64_t kAgainMicros = 1'000'000;
constexpr std::int64_t kLookMicros = 5'000'000;
constexpr std::int64_t kLookingMicros = 10'000'000;

bool Needs(const JobSource& source) {
  if (source.options.Given("schema") || !source.format->infer_schema) return false;
  // With nothing to look at it succeeds only where the options say enough.
  return !source.format->infer_schema(source.options, "").ok();
}

/// Learns the schema of one source.
class Learner {
 public:
  Learner(const Job& job, const JobSource& of, const LearnOptions& options)
      : job_(job), of_(of), options_(options), began_(Now()) {}

  /// "": stopped, or nothing is there.
  Result<std::string> Learn() {
    for (;;) {
      auto text = Try();
      if (text.ok() || text.error().retry == Retry::kNo || Stopped()) return text;
      if (TimeIsUp()) return text;
      LogLimited(LogLevel::kWarn, "learn " + of_.name, 30, "cannot read the source yet",
                 {{"source", of_.name}, {"error", ToString(text.error())}});
      TRY(Sleep(kAgainMicros));
    }
  }

 private:
  static std::int64_t Now() { return Clock::System().MonotonicMicros(); }
  bool Stopped() const { return options_.stop != nullptr && *options_.stop != 0; }
  bool TimeIsUp() const {
    return options_.wait_micros.has_value() && Now() - began_ >= *options_.wait_micros;
  }

  Result<void> Sleep(std::int64_t micros) {
    for (const std::int64_t until = Now() + micros; Now() < until && !Stopped() && !TimeIsUp();) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return LookAtLog();
  }

  /// Another process may have become the writer meanwhile.
  Result<void> LookAtLog() {
    if (options_.log == nullptr || options_.log->fresh() || Now() - looked_ < kLookMicros)
      return {};
    looked_ = Now();
    return options_.log->CheckWriter();
  }

  /// Where the job will begin, in the log if there is one.
  Result<std::vector<SplitStart>> Begin(Source* source) {
    LogContents contents;
    if (options_.known != nullptr) contents = *options_.known;
    if (options_.log != nullptr) contents = options_.log->contents();
    std::vector<SplitStart> starts;
    for (const SplitPosition& at : contents.positions) {
      if (at.source == of_.name) starts.push_back({at.split, at.position, at.identity});
    }
    if (!starts.empty()) return starts;
    TRY(const std::vector<Split> splits, source->ListSplits());
    TRY(starts, source->ResolveStart(splits, /*first=*/true));
    if (options_.log == nullptr) return starts;
    std::vector<SplitPosition> positions;
    for (const SplitStart& start : starts) {
      positions.push_back({of_.name, start.id, start.position, start.identity, ""});
    }
    if (options_.log->fresh()) {
      TRY(options_.log->WriteStart(positions));
    } else {
      TRY(options_.log->WriteSplits(positions));
    }
    return starts;
  }

  Result<std::string> Try() {
    SourceContext context;
    context.job = job_.name;
    context.name = of_.name;
    TRY(std::unique_ptr<Source> source, of_.type->make(of_.options, context));
    TRY(const std::vector<SplitStart> starts, Begin(source.get()));
    std::map<SplitId, Position> left;  // What was there at the start and has not been read.
    std::vector<SplitId> ids;
    for (const SplitStart& start : starts) ids.push_back(start.id);
    TRY(left, source->Ends(ids));
    Pass(*source, starts, &left);
    TRY(std::unique_ptr<SplitReader> reader, source->OpenReader(starts));
    ReadLimits limits;
    limits.records = 256;
    while (!Stopped() && !TimeIsUp()) {
      if (left.empty() && seen_ > 0) return NoneTells();
      if (left.empty() && options_.until_caught_up) return std::string();
      TRY(LookAtLog());
      TRY(const std::unique_ptr<RawBatch> raw, reader->Read(limits));
      if (raw == nullptr) continue;
      for (const RawRecord& record : raw->records) {
        if (record.data == nullptr) continue;
        auto text = of_.format->infer_schema(of_.options, {record.data, record.size});
        if (text.ok()) return text;
        if (seen_++ == 0) first_ = text.error().message;
        bytes_ += static_cast<std::int64_t>(record.size);
      }
      if (seen_ >= kMostRecords || bytes_ >= kMostBytes) return NoneTells();
      for (const SplitRange& range : raw->ranges)
        Pass(*source, {{range.split, range.to, ""}}, &left);
    }
    if (Stopped()) return std::string();
    if (seen_ > 0) return NoneTells();
    return UserError("job.no_record",
                     "no record came from which its columns could be known; declare `schema`, or "
                     "write a record first")
        .At("source " + of_.name);
  }

  static void Pass(const Source& source, const std::vector<SplitStart>& at,
                   std::map<SplitId, Position>* left) {
    for (const SplitStart& one : at) {
      const auto end = left->find(one.id);
      if (end == left->end() || source.ComparePositions(one.position, end->second) < 0) continue;
      left->erase(end);
    }
  }

  Error NoneTells() const {
    return UserError("job.no_schema", "none of the records read (" + std::to_string(seen_) +
                                          ") tells what columns there are; the first: " + first_)
        .At("source " + of_.name);
  }

  const Job& job_;
  const JobSource& of_;
  const LearnOptions& options_;
  const std::int64_t began_;
  std::int64_t looked_ = 0;
  std::int64_t seen_ = 0;
  std::int64_t bytes_ = 0;
  std::string first_;
};

}  // namespace

bool NeedsRecords(const Job& job) {
  return std::any_of(job.sources.begin(), job.sources.end(), Needs);
}

Result<void> LearnForLooking(Job* job, const Parts& parts) {
  if (!NeedsRecords(*job)) return {};
  LearnOptions options;
  options.wait_micros = kLookingMicros;
  std::optional<LogContents> known;
  if (auto storage = parts.open_checkpoint(job->checkpoint_location, /*create=*/false);
      storage.ok()) {
    TRY(known, ReadLog(storage->get()));
  }
  if (known.has_value()) options.known = &*known;
  TRY(const bool learned, LearnSchemas(job, options));
  static_cast<void>(learned);
  return {};
}

Result<bool> LearnSchemas(Job* job, const LearnOptions& options) {
  for (JobSource& source : job->sources) {
    if (!Needs(source)) continue;
    std::map<std::string, std::string> learned;
    if (options.known != nullptr) learned = options.known->learned;
    if (options.log != nullptr) learned = options.log->contents().learned;
    if (const auto known = learned.find(source.name); known != learned.end()) {
      source.learned_schema = known->second;
      continue;
    }
    Log(LogLevel::kInfo, "no schema is declared; waiting for a record that brings one",
        {{"source", source.name}});
    TRY(source.learned_schema, Learner(*job, source, options).Learn());
    if (source.learned_schema.empty()) return false;
    if (options.log != nullptr) {
      TRY(options.log->WriteLearned({{source.name, source.learned_schema}}));
    }
  }
  return true;
}

}  // namespace sluice
