#include "engine/reader_lane.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/failpoint.h"
#include "core/logging.h"
#include "record/registered_schema.h"

namespace sluice {

ReaderLane::ReaderLane(const Stage* stage, EpochGate* gate, EngineMetrics* metrics,
                       std::unique_ptr<SplitReader> reader, std::unique_ptr<BatchDecoder> decoder,
                       std::unique_ptr<RowDelivery> delivery, ReaderLaneOptions options)
    : stage_(stage),
      gate_(gate),
      metrics_(metrics),
      reader_(std::move(reader)),
      decoder_(std::move(decoder)),
      delivery_(std::move(delivery)),
      options_(std::move(options)) {
  for (const SplitStart& start : options_.starts) positions_.emplace(start.id, start);
  // Not on the thread: the session may seal this epoch before that runs, and waits for its cut.
  epoch_ = gate_->Current();
  thread_ = std::thread([this] { Run(); });
}

ReaderLane::~ReaderLane() { thread_.join(); }

void ReaderLane::Add(SplitStart start) {
  {
    std::lock_guard lock(mutex_);
    added_.push_back(std::move(start));
  }
  reader_->Wake();
}

std::vector<SplitStart> ReaderLane::Positions() const {
  std::lock_guard lock(mutex_);
  std::vector<SplitStart> out;
  for (const auto& [id, start] : positions_) out.push_back(start);
  return out;
}

void ReaderLane::Run() {
  if (auto looped = Loop(); !looped.ok()) {
    stage_->errors->Report(
        std::move(looped).error().At("source " + stage_->spec->sources[options_.source].name));
  }
}

Result<void> ReaderLane::Loop() {
  while (!stage_->errors->aborted()) {
    if (gate_->epoch() != epoch_.epoch) {
      Cut();
      continue;
    }
    if (waiting_ != nullptr) {
      if (holding_) {
        waiting_.reset();
        continue;
      }
      TRY(HandOn(std::exchange(waiting_, nullptr)));
      continue;
    }
    TRY(TakeNewSplits());
    NoteCaughtUp();
    ReadLimits limits = gate_->Reserve(options_.source, stage_->spec->read_limits);
    if (limits.records == 0 || caught_up_ || holding_) {
      if (limits.records != 0) gate_->Settle(options_.source, limits, 0, 0, false);
      gate_->Rest(epoch_.epoch, std::chrono::milliseconds(20));
      continue;
    }
    auto read = reader_->Read(limits);
    if (!read.ok()) {
      gate_->Settle(options_.source, limits, 0, 0, false);
      return std::move(read).error();
    }
    std::unique_ptr<RawBatch> raw = *std::move(read);
    if (raw == nullptr) {
      gate_->Settle(options_.source, limits, 0, 0, false);
      continue;
    }
    FAILPOINT("K1");
    // The epoch may have ended during the read: then what was read belongs to the next one.
    if (gate_->epoch() != epoch_.epoch) Cut();
    std::int64_t redelivered = 0;
    auto accepted = Accept(raw.get(), &redelivered);
    gate_->Settle(options_.source, limits, static_cast<std::int64_t>(raw->records.size()),
                  static_cast<std::int64_t>(raw->bytes), !raw->ranges.empty());
    TRY(std::move(accepted));
    counts_.sources[stage_->spec->sources[options_.source].name].redelivered += redelivered;
    if (raw->ranges.empty()) continue;

    TRY(HandOn(std::move(raw)));
  }
  return {};
}

/// Decodes a batch and delivers it; or holds it, if it shows columns that the next session has, or
/// needs a schema that cannot be had yet.
Result<void> ReaderLane::HandOn(std::shared_ptr<const RawBatch> raw) {
  std::vector<SplitRange> ranges = raw->ranges;
  const std::int64_t newest = raw->records.empty() ? -1 : raw->records.back().timestamp;
  bool whole = true;
  auto decoded = decoder_->Decode(raw, [&](const DecodedBatch& batch) -> Result<void> {
    if (batch.decoded.unseen != nullptr && !holding_) {
      holding_ = options_.watch->Look(options_.source, *batch.decoded.unseen, whole) ==
                 SchemaWatch::Verdict::kHold;
    }
    whole = false;
    if (holding_) return {};
    TRY(delivery_->DeliverBatch(epoch_, batch, &counts_));
    metrics_->NoteBatch(options_.source, batch, newest);
    return {};
  });
  // Once a part is delivered, only the next session can begin the batch again.
  if (!decoded.ok() && decoded.error().code == kRegistryUnavailable && whole) {
    NoteWaiting(decoded.error());
    waiting_ = std::move(raw);
    return {};
  }
  TRY(std::move(decoded));
  if (holding_) return {};
  if (std::exchange(waiting_since_, 0) != 0) gate_->NoteMoved();
  std::lock_guard lock(mutex_);
  for (SplitRange& range : ranges) {
    positions_[range.split].position = range.to;
    moved_[range.split] = std::move(range.to);
  }
  return {};
}

void ReaderLane::NoteWaiting(const Error& error) {
  constexpr std::int64_t kWorthSaying = 2'000'000;
  const std::int64_t now = stage_->spec->clock->MonotonicMicros();
  if (waiting_since_ == 0) waiting_since_ = now;
  if (now - waiting_since_ < kWorthSaying) return;
  const std::string& source = stage_->spec->sources[options_.source].name;
  LogLimited(LogLevel::kWarn, "waiting for a schema " + source, 30,
             "records wait for a schema that cannot be had yet; what does not need it goes on",
             {{"source", source}, {"error", ToString(error)}});
}

Result<void> ReaderLane::TakeNewSplits() {
  std::vector<SplitStart> added;
  {
    std::lock_guard lock(mutex_);
    if (added_.empty()) return {};
    added = std::exchange(added_, {});
    for (const SplitStart& start : added) positions_.emplace(start.id, start);
  }
  for (const SplitStart& start : added) TRY(reader_->Add(start));
  return {};
}

/// Drops ranges that were delivered before, whole or in part; the rest of a part is read again from
/// where this lane stands. A range that begins beyond that place would be a loss, and is a bug of
/// the source.
Result<void> ReaderLane::Accept(RawBatch* raw, std::int64_t* redelivered) {
  std::vector<bool> drop(raw->ranges.size(), false);
  std::map<SplitId, Position> reached;
  bool any = false;
  for (std::size_t i = 0; i < raw->ranges.size(); ++i) {
    const SplitRange& range = raw->ranges[i];
    auto known = positions_.find(range.split);
    if (known == positions_.end()) {
      return BugError("rows of split " + range.split + ", which this reader was not given");
    }
    auto [at, first] = reached.emplace(range.split, known->second.position);
    int order = options_.positions->ComparePositions(range.from, at->second);
    if (order > 0) {
      return BugError("split " + range.split + " went from position " + at->second + " to " +
                      range.from + " without what lies between");
    }
    if (order == 0) {
      at->second = range.to;
      continue;
    }
    drop[i] = any = true;
    if (options_.positions->ComparePositions(range.to, at->second) > 0) {
      TRY(reader_->Seek(range.split, at->second));
    }
  }
  if (!any) return {};
  std::vector<RawRecord> kept;
  std::size_t bytes = 0;
  for (RawRecord& record : raw->records) {
    if (drop[record.range]) {
      ++*redelivered;
      continue;
    }
    bytes += record.size;
    kept.push_back(record);
  }
  raw->records = std::move(kept);
  raw->bytes = bytes;
  // Dropped ranges stay in place, since records name their range by index, but move nothing.
  bool all = true;
  for (std::size_t i = 0; i < raw->ranges.size(); ++i) {
    SplitRange& range = raw->ranges[i];
    if (!drop[i]) {
      all = false;
      continue;
    }
    range.from = range.to = reached.at(range.split);
  }
  if (all) raw->ranges.clear();
  return {};
}

void ReaderLane::Cut() {
  CutReport report;
  const std::string& source = stage_->spec->sources[options_.source].name;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [split, position] : moved_) {
      report.moved.push_back({source, split, position, positions_.at(split).identity, ""});
    }
  }
  moved_.clear();
  report.counts = std::exchange(counts_, {});
  epoch_ = gate_->Current();
  gate_->HandIn(std::move(report));
}

void ReaderLane::NoteCaughtUp() {
  if (caught_up_ || !stage_->spec->until_caught_up) return;
  for (const auto& [id, start] : positions_) {
    auto end = options_.ends.find(id);
    if (end == options_.ends.end()) continue;
    if (options_.positions->ComparePositions(start.position, end->second) < 0) return;
  }
  caught_up_ = true;
  gate_->CaughtUp();
}

}  // namespace sluice
