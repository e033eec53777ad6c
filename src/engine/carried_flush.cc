#include "engine/carried_flush.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "core/failpoint.h"
#include "core/logging.h"
#include "engine/carried_rows.h"
#include "engine/counts.h"
#include "engine/dead_letters.h"
#include "engine/row_delivery.h"
#include "engine/stage.h"

namespace sluice {
namespace {

bool Carries(const SinkDecision& sink) { return !sink.carried.empty(); }

class CarriedFlush {
 public:
  CarriedFlush(const PipelineSpec& spec, CheckpointLog* log, AttemptId attempt)
      : spec_(spec), log_(*log), attempt_(attempt), policy_(Policy(spec)) {}

  Result<void> Decide(const LogContents& contents) {
    const DecisionRecord& last = *contents.last_decision();
    decision_.epoch = last.epoch + 1;
    now_micros_ = spec_.clock->WallMicros();
    decision_.now = FormatTimestamp(now_micros_);
    decision_.attempt = attempt_;
    decision_.positions = contents.positions;
    for (SplitPosition& position : decision_.positions) position.from.clear();
    decision_.schemas = last.schemas;
    decision_.learned = contents.learned;
    for (const SinkDecision& sink : last.sinks) TRY(AddSink(sink));
    TRY(EndLetters());
    TRY(counts_.Verify());
    decision_.sealed = FormatTimestamp(spec_.clock->WallMicros());
    decision_.counts = counts_.Named();
    FAILPOINT("C3");
    return log_.Decide(decision_);
  }

 private:
  static BadRecords Policy(const PipelineSpec& spec) {
    std::vector<std::size_t> all(spec.sources.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    return StrictestPolicy(spec, all);
  }

  Result<void> AddSink(const SinkDecision& before) {
    SinkDecision part{before.name, before.type, before.settings, "", 0, 0, 0};
    if (Carries(before)) {
      auto written = Write(before, &part);
      const bool dropped =
          std::find(spec_.drop.begin(), spec_.drop.end(), before.name) != spec_.drop.end();
      if (!written.ok() && !(dropped && written.error().retry == Retry::kNo)) {
        return std::move(written).error().At("sink " + before.name + ", rows carried over");
      }
      if (!written.ok()) Abandon(before, written.error());
      for (const CarriedArtefact& one : before.carried) part.superseded.push_back(one.name);
    }
    decision_.sinks.push_back(std::move(part));
    return {};
  }

  void Abandon(const SinkDecision& sink, const Error& why) {
    std::int64_t rows = 0;
    for (const CarriedArtefact& one : sink.carried) rows += one.rows;
    counts_.sinks.erase(sink.name);
    Log(LogLevel::kWarn, "the rows carried for a sink that is given up are abandoned",
        {{"sink", sink.name}, {"rows", std::to_string(rows)}, {"why", ToString(why)}});
  }

  Result<void> Write(const SinkDecision& before, SinkDecision* part) {
    TRY(SchemaPtr schema, SchemaOfCarried(log_.storage(), before.carried));
    TRY(auto sink,
        spec_.make_recorded_sink(before.type, before.name, before.settings, std::move(schema)));
    TRY(sink->Probe(decision_.epoch - 1));
    TRY(std::unique_ptr<SinkWriter> writer, sink->Open(decision_.epoch, attempt_));
    SinkCounts& counts = counts_.sinks[before.name];
    for (const CarriedArtefact& artefact : before.carried) {
      counts.carried_in += artefact.rows;
      TRY(ReadCarried(log_.storage(), artefact, [&](const auto& rows) -> Result<void> {
        TRY(auto refused, writer->Write(rows));
        counts.dead += static_cast<std::int64_t>(refused.size());
        return refused.empty() ? Result<void>() : Refuse(before.name, *rows, refused);
      }));
    }
    TRY(Prepared prepared, writer->Prepare());
    counts.written = prepared.rows;
    part->token = std::move(prepared.token);
    part->rows = prepared.rows;
    part->bytes = prepared.bytes;
    part->artefacts = prepared.artefacts;
    return {};
  }

  Result<void> Refuse(const std::string& sink, const arrow::RecordBatch& rows,
                      const std::vector<SinkRefusal>& refused) {
    if (policy_ == BadRecords::kFail) return RefusalStopsJob(refused.front());
    if (policy_ == BadRecords::kSkip || spec_.dead_letters == nullptr) {
      counts_.skipped += static_cast<std::int64_t>(refused.size());
      return {};
    }
    if (letters_ == nullptr) {
      TRY(letters_, spec_.dead_letters->Open(decision_.epoch, attempt_));
    }
    DeadLetterBuilder builder(spec_.job, decision_.epoch, now_micros_);
    TRY(AddRefused(sink, rows, refused, spec_.row_to_text, &builder));
    counts_.dead_letters += builder.rows();
    TRY(auto batch, builder.Take());
    TRY(auto doubly_refused, letters_->Write(batch));
    if (!doubly_refused.empty()) return BugError("the dead letters refused a row");
    return {};
  }

  Result<void> EndLetters() {
    if (letters_ == nullptr) return {};
    TRY(Prepared prepared, letters_->Prepare());
    decision_.dead_letters = {kDeadLettersName,  "files",       spec_.dead_letter_settings,
                              prepared.token,    prepared.rows, prepared.bytes,
                              prepared.artefacts};
    return {};
  }

  const PipelineSpec& spec_;
  CheckpointLog& log_;
  const AttemptId attempt_;
  const BadRecords policy_;
  DecisionRecord decision_;
  EpochCounts counts_;
  std::int64_t now_micros_ = 0;
  std::unique_ptr<SinkWriter> letters_;  ///< Null until a row is refused.
};

}  // namespace

Result<bool> DecideCarried(const PipelineSpec& spec, CheckpointLog* log, AttemptId attempt) {
  const LogContents contents = log->contents();
  const DecisionRecord* last = contents.last_decision();
  if (last == nullptr || std::none_of(last->sinks.begin(), last->sinks.end(), Carries)) {
    return false;
  }
  Log(LogLevel::kInfo, "writing the rows that the last run carried over",
      {{"epoch", std::to_string(last->epoch + 1)}});
  TRY(CarriedFlush(spec, log, attempt).Decide(contents));
  return true;
}

}  // namespace sluice
