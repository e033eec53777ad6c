/// The first thing that went wrong in a session of many threads.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>

#include "core/result.h"

namespace sluice {

/// Any thread. After the first Report, `aborted()` is true for good; later reports are consequences
/// and are dropped. `on_report` wakes whoever waits; it is called once, outside the lock.
class FirstError {
 public:
  explicit FirstError(std::function<void()> on_report) : on_report_(std::move(on_report)) {}

  void Report(Error error) {
    {
      std::lock_guard lock(mutex_);
      if (error_.has_value() || aborted_.load(std::memory_order_relaxed)) return;
      error_ = std::move(error);
      aborted_.store(true, std::memory_order_release);
    }
    on_report_();
  }

  /// Ends the session without an error of its own: the open epoch is abandoned.
  void Abort() {
    if (!aborted_.exchange(true)) on_report_();
  }

  bool aborted() const { return aborted_.load(std::memory_order_acquire); }

  std::optional<Error> error() const {
    std::lock_guard lock(mutex_);
    return error_;
  }

 private:
  std::function<void()> on_report_;
  mutable std::mutex mutex_;
  std::optional<Error> error_;
  std::atomic<bool> aborted_{false};
};

/// What blocked calls return once a session is aborted.
inline Error AbortedError() {
  return {Blame::kRemote, Retry::kLater, "aborted", "the open epoch was abandoned"};
}

}  // namespace sluice
