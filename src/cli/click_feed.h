/// Writes click events to a topic on a thread of its own, a few of them broken, at the pace of
/// whoever reads them, and remembers what a job that keeps everything but views must deliver.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/result.h"

namespace sluice {

struct ClickFeedOptions {
  std::string bootstrap;
  std::string topic;
  std::int64_t records = 0;
  std::int64_t ahead = 48'000;         ///< At most so many events that were not read yet.
  std::function<std::int64_t()> read;  ///< How many were read so far. Any thread.
  const std::atomic<bool>* interrupted = nullptr;  ///< Ends it early. Required.
};

/// Start -> done()... -> End. One thread but for done() and stopped().
class ClickFeed {
 public:
  explicit ClickFeed(ClickFeedOptions options) : options_(std::move(options)) {}
  ~ClickFeed() { End(); }
  ClickFeed(const ClickFeed&) = delete;
  ClickFeed& operator=(const ClickFeed&) = delete;

  void Start();
  /// True once every event is acknowledged, or after an error.
  bool done() const { return done_.load(); }
  /// True if it is done without all events having been written.
  bool stopped() const { return stopped_.load(); }
  /// Stops early if it is not done, and waits for the thread.
  void End();

  // REQUIRES, for all below: End.
  const std::optional<Error>& error() const { return error_; }
  std::int64_t broken() const { return broken_; }
  /// event_id of every whole event that is no view, as a number.
  const std::vector<std::uint64_t>& kept() const { return kept_; }

 private:
  Result<void> Run();

  const ClickFeedOptions options_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> done_{false};
  std::atomic<bool> stopped_{false};
  std::optional<Error> error_;
  std::int64_t broken_ = 0;
  std::vector<std::uint64_t> kept_;
  std::thread thread_;
};

}  // namespace sluice
