#include "engine/epoch_gate.h"

#include <algorithm>

namespace sluice {

EpochGate::EpochGate(const PipelineSpec& spec, FirstError* errors)
    : spec_(spec), errors_(errors), budgets_(spec.sources.size()) {}

void EpochGate::Open(const EpochInfo& epoch, TimePoint resume_at, const std::vector<bool>& rests,
                     bool closed) {
  {
    std::lock_guard lock(mutex_);
    current_ = epoch;
    closed_ = closed;
    seal_asked_ = false;
    cuts_.clear();
    for (std::size_t i = 0; i < budgets_.size(); ++i) {
      const PipelineSource& source = spec_.sources[i];
      Budget& budget = budgets_[i];
      // What is being read at this moment will belong to this epoch.
      budget.records = source.max_offsets_per_trigger.value_or(0) - budget.reserved_records;
      budget.bytes = source.max_bytes_per_trigger.value_or(0) - budget.reserved_bytes;
      budget.resume_at = rests[i] ? resume_at : TimePoint{};
    }
    moved_.store(false, std::memory_order_release);
    epoch_.store(epoch.epoch, std::memory_order_release);
  }
  changed_.notify_all();
}

Result<std::vector<CutReport>> EpochGate::Collect(std::size_t readers) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return errors_->aborted() || cuts_.size() == readers; });
  if (errors_->aborted()) return AbortedError();
  return std::exchange(cuts_, {});
}

void EpochGate::WaitForNotice(TimePoint until) {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, until, [&] { return errors_->aborted() || notices_ != seen_notices_; });
  seen_notices_ = notices_;
}

void EpochGate::Notify() {
  {
    std::lock_guard lock(mutex_);
    ++notices_;
  }
  changed_.notify_all();
}

bool EpochGate::CappedLocked(std::size_t source) const {
  const PipelineSource& spec = spec_.sources[source];
  const Budget& budget = budgets_[source];
  if (budget.reservations > 0) return false;
  return (spec.max_offsets_per_trigger.has_value() && budget.records <= 0) ||
         (spec.max_bytes_per_trigger.has_value() && budget.bytes <= 0);
}

std::vector<bool> EpochGate::Capped() const {
  std::lock_guard lock(mutex_);
  std::vector<bool> capped;
  for (std::size_t i = 0; i < budgets_.size(); ++i) capped.push_back(CappedLocked(i));
  return capped;
}

bool EpochGate::AllCapped() const {
  std::vector<bool> capped = Capped();
  return std::all_of(capped.begin(), capped.end(), [](bool one) { return one; });
}

bool EpochGate::SealAsked() const {
  std::lock_guard lock(mutex_);
  return seal_asked_;
}

std::size_t EpochGate::caught_up() const {
  std::lock_guard lock(mutex_);
  return caught_up_;
}

EpochInfo EpochGate::Current() const {
  std::lock_guard lock(mutex_);
  return current_;
}

void EpochGate::HandIn(CutReport report) {
  {
    std::lock_guard lock(mutex_);
    cuts_.push_back(std::move(report));
  }
  changed_.notify_all();
}

ReadLimits EpochGate::Reserve(std::size_t source, const ReadLimits& wanted) {
  std::lock_guard lock(mutex_);
  const PipelineSource& spec = spec_.sources[source];
  Budget& budget = budgets_[source];
  ReadLimits limits = wanted;
  limits.records = 0;
  if (closed_ || std::chrono::steady_clock::now() < budget.resume_at) return limits;
  limits.records = wanted.records;
  if (spec.max_offsets_per_trigger.has_value()) {
    limits.records = std::min(limits.records,
                              static_cast<std::size_t>(std::max<std::int64_t>(budget.records, 0)));
  }
  if (spec.max_bytes_per_trigger.has_value()) {
    if (budget.bytes <= 0) limits.records = 0;
    limits.bytes =
        std::min(limits.bytes, static_cast<std::size_t>(std::max<std::int64_t>(budget.bytes, 1)));
  }
  if (limits.records == 0) return limits;
  budget.records -= static_cast<std::int64_t>(limits.records);
  budget.bytes -= static_cast<std::int64_t>(limits.bytes);
  budget.reserved_records += static_cast<std::int64_t>(limits.records);
  budget.reserved_bytes += static_cast<std::int64_t>(limits.bytes);
  ++budget.reservations;
  return limits;
}

void EpochGate::Settle(std::size_t source, const ReadLimits& reserved, std::int64_t records,
                       std::int64_t bytes, bool moved) {
  bool notify = false;
  {
    std::lock_guard lock(mutex_);
    Budget& budget = budgets_[source];
    --budget.reservations;
    budget.reserved_records -= static_cast<std::int64_t>(reserved.records);
    budget.reserved_bytes -= static_cast<std::int64_t>(reserved.bytes);
    budget.records += static_cast<std::int64_t>(reserved.records) - records;
    budget.bytes += static_cast<std::int64_t>(reserved.bytes) - bytes;
    notify = CappedLocked(source);
    if (notify) ++notices_;
    if (moved) moved_.store(true, std::memory_order_release);
  }
  if (notify) changed_.notify_all();
}

void EpochGate::Rest(std::int64_t epoch, std::chrono::milliseconds longest) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, longest, [&] { return errors_->aborted() || current_.epoch != epoch; });
}

void EpochGate::CaughtUp() {
  {
    std::lock_guard lock(mutex_);
    ++caught_up_;
    ++notices_;
  }
  changed_.notify_all();
}

void EpochGate::AskForSeal() {
  {
    std::lock_guard lock(mutex_);
    seal_asked_ = true;
    ++notices_;
  }
  changed_.notify_all();
}

}  // namespace sluice
