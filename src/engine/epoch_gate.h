/// Which epoch is open, how much of each source it may still take, and how the reading threads cut
/// it.
///
/// The session opens epochs; each reading thread looks between two batches, and when the epoch has
/// moved on, hands in its cut: where it stopped and what it counted. The cut lies between batches.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "engine/counts.h"
#include "engine/first_error.h"
#include "engine/pipeline.h"
#include "engine/stage.h"

namespace sluice {

/// One thread's part of an epoch.
struct CutReport {
  std::vector<SplitPosition>
      moved;  ///< Splits whose position moved in the epoch, with the new one.
  EpochCounts counts;
};

class EpochGate {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  EpochGate(const PipelineSpec& spec, FirstError* errors);

  // --- the session's side ---
  /// Opens `epoch`. Sources in `resume_at` rest until their time; with `closed` nobody reads any
  /// more.
  void Open(const EpochInfo& epoch, TimePoint resume_at, const std::vector<bool>& rests,
            bool closed);
  /// Waits for the cuts of `readers` threads at the epoch before the open one.
  Result<std::vector<CutReport>> Collect(std::size_t readers);
  /// Waits until `until`, a notice (a cap, a thread that caught up, a seal asked for) or an error.
  void WaitForNotice(TimePoint until);
  void Notify();
  bool AllCapped() const;
  std::vector<bool> Capped() const;
  bool moved() const { return moved_.load(std::memory_order_acquire); }
  bool SealAsked() const;
  std::size_t caught_up() const;

  // --- the reading threads' side ---
  std::int64_t epoch() const { return epoch_.load(std::memory_order_acquire); }
  EpochInfo Current() const;
  void HandIn(CutReport report);
  /// How many records and bytes `source` may read now: `wanted`, less, or 0 records if it has to
  /// rest.
  ReadLimits Reserve(std::size_t source, const ReadLimits& wanted);
  /// What became of a reservation. `moved`: positions moved.
  void Settle(std::size_t source, const ReadLimits& reserved, std::int64_t records,
              std::int64_t bytes, bool moved);
  /// Positions moved by what an earlier epoch read.
  void NoteMoved() { moved_.store(true, std::memory_order_release); }
  /// Blocks until something may have changed for a thread that cannot read, at most `longest`.
  void Rest(std::int64_t epoch, std::chrono::milliseconds longest);
  void CaughtUp();
  void AskForSeal();

 private:
  struct Budget {
    std::int64_t records = 0;  ///< Left in the epoch; meaningful with a cap.
    std::int64_t bytes = 0;
    int reservations = 0;  ///< Reads under way, and what they may still use.
    std::int64_t reserved_records = 0;
    std::int64_t reserved_bytes = 0;
    TimePoint resume_at{};
  };
  bool CappedLocked(std::size_t source) const;

  const PipelineSpec& spec_;
  FirstError* const errors_;
  std::atomic<std::int64_t> epoch_{0};
  std::atomic<bool> moved_{false};
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  EpochInfo current_;
  bool closed_ = false;
  bool seal_asked_ = false;
  std::uint64_t notices_ = 0;
  std::uint64_t seen_notices_ = 0;
  std::size_t caught_up_ = 0;
  std::vector<Budget> budgets_;
  std::vector<CutReport> cuts_;
};

}  // namespace sluice
