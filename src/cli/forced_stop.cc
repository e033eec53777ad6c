#include "cli/forced_stop.h"

#include <utility>

namespace sluice {
namespace {

/// A signal handler can wake nobody, so it is looked for.
constexpr std::chrono::milliseconds kPeriod(50);

}  // namespace

ForcedStop::ForcedStop(const StopRequest& stop, std::chrono::milliseconds grace,
                       std::function<void()> end)
    : stop_(stop), end_(std::move(end)), thread_([this, grace] { Watch(grace); }) {}

ForcedStop::~ForcedStop() {
  {
    std::lock_guard lock(mutex_);
    done_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void ForcedStop::Watch(std::chrono::milliseconds grace) {
  std::unique_lock lock(mutex_);
  auto done = [this] { return done_; };
  while (stop_.load() < 2) {
    if (changed_.wait_for(lock, kPeriod, done)) return;
  }
  if (changed_.wait_for(lock, grace, done)) return;
  lock.unlock();
  end_();
}

}  // namespace sluice
