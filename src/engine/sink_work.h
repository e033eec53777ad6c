/// What one sink's thread is about, for those who watch it: a sink that hangs holds the epoch, and
/// nobody else would say so.
///
/// One thread works; any thread looks.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace sluice {

class SinkWork {
 public:
  /// `what` is a literal: "writing".
  void Begin(const char* what) {
    since_ = NowMicros();
    what_ = what;
  }
  void End() { what_ = nullptr; }

  struct Look {
    const char* what = nullptr;  ///< Null: nothing.
    double seconds = 0;          ///< For so long.
  };
  Look Now() const {
    const char* what = what_;
    if (what == nullptr) return {};
    return {what, static_cast<double>(NowMicros() - since_) / 1e6};
  }

 private:
  static std::int64_t NowMicros() {
    return std::chrono::duration_cast<std::chrono::microseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }

  std::atomic<const char*> what_{nullptr};
  std::atomic<std::int64_t> since_{0};
};

}  // namespace sluice
