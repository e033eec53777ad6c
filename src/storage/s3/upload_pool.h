/// Threads that calls to S3 are spread over: one call takes tens of milliseconds, mostly waiting.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "core/result.h"

namespace sluice {

/// Any thread may submit. Tasks run in the order in which they came, up to `threads` at once; what
/// was submitted is run before the destructor returns. Threads start when there is work for them.
class UploadPool {
 public:
  explicit UploadPool(std::size_t threads) : most_(threads) {}
  ~UploadPool();
  UploadPool(const UploadPool&) = delete;
  UploadPool& operator=(const UploadPool&) = delete;

  void Submit(std::function<void()> task);

  /// Runs `task` for 0 to `count` - 1 and returns when all have ended: the first error by number.
  /// After an error no further one is begun. Not from within a task.
  Result<void> ForEach(std::size_t count, const std::function<Result<void>(std::size_t)>& task);

 private:
  void Run();

  const std::size_t most_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  std::size_t idle_ = 0;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace sluice
