/// Ends the process when a second signal is not heard in time.
///
/// Staging and publishing the files of an epoch can be one call of minutes that looks at no signal.
/// To end in the midst of it is what a crash does, and the next start goes on from there.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "engine/pipeline.h"

namespace sluice {

/// While it lives, `end` is called once if `stop` has been at 2 or more for `grace`. It is called
/// on a thread of its own, and may end the process.
class ForcedStop {
 public:
  ForcedStop(const StopRequest& stop, std::chrono::milliseconds grace, std::function<void()> end);
  ~ForcedStop();
  ForcedStop(const ForcedStop&) = delete;
  ForcedStop& operator=(const ForcedStop&) = delete;

 private:
  void Watch(std::chrono::milliseconds grace);

  const StopRequest& stop_;
  const std::function<void()> end_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
  std::thread thread_;
};

}  // namespace sluice
