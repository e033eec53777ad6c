#include "engine/schema_watch.h"

#include <utility>

#include "core/logging.h"

namespace sluice {

bool EarlySeals::Allowed(std::int64_t now_micros, bool drops) {
  if (drops && begun_ >= 0 && now_micros - begun_ >= window_micros_) return false;
  while (!times_.empty() && now_micros - times_.front() >= window_micros_) times_.pop_front();
  return times_.size() < kInAWindow;
}

SchemaWatch::SchemaWatch(const PipelineSpec& spec, EarlySeals* seals, bool queries,
                         std::function<void()> on_change)
    : spec_(spec), seals_(seals), queries_(queries), on_change_(std::move(on_change)) {
  seals_->NoteBegun(spec.clock->MonotonicMicros());
  for (const PipelineSource& source : spec.sources) known_.push_back(source.known);
}

SchemaWatch::Verdict SchemaWatch::Look(std::size_t source, const ObservedType& unseen, bool whole) {
  const PipelineSource& of = spec_.sources[source];
  bool first = false;
  {
    std::lock_guard lock(mutex_);
    if (!known_[source].has_value()) return Verdict::kDeliver;
    const KnownSchema::Change change = known_[source]->Merge(unseen, of.caps);
    if (!change.refused.empty()) {
      LogLimited(LogLevel::kWarn, "columns " + of.name, 600,
                 "not every column that records show is taken; the values are in _rescued",
                 {{"source", of.name}, {"column", change.refused.front()}});
    }
    if (!change.changed()) return Verdict::kDeliver;
    const std::int64_t now = spec_.clock->MonotonicMicros();
    const bool drops = change.retypes || queries_;
    if (!changed() && !seals_->Allowed(now, drops)) {
      LogLimited(
          LogLevel::kWarn, "columns later " + of.name, 60,
          "records show new columns again; until the window ends their values are in _rescued",
          {{"source", of.name}, {"column", change.what.front()}});
      return Verdict::kDeliver;
    }
    seen_[source].Merge(unseen);
    drops_ |= drops;
    if (!changed()) {
      first = true;
      seals_->Note(now);
      changed_.store(true, std::memory_order_release);
    }
  }
  if (first) on_change_();
  return whole ? Verdict::kHold : Verdict::kDeliver;
}

KnownSchema SchemaWatch::Known(std::size_t source, bool wrote) {
  std::lock_guard lock(mutex_);
  if (wrote) known_[source] = known_[source]->Written();
  return *known_[source];
}

void SchemaWatch::NoteNewEpoch() {
  std::lock_guard lock(mutex_);
  seals_->NoteNewEpoch(spec_.clock->MonotonicMicros());
}

bool SchemaWatch::drops() const {
  std::lock_guard lock(mutex_);
  return drops_;
}

std::map<std::size_t, ObservedType> SchemaWatch::TakeSeen() {
  std::lock_guard lock(mutex_);
  return std::exchange(seen_, {});
}

}  // namespace sluice
