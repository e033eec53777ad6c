#include "storage/s3/upload_pool.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <utility>

namespace sluice {

UploadPool::~UploadPool() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void UploadPool::Submit(std::function<void()> task) {
  std::lock_guard lock(mutex_);
  tasks_.push_back(std::move(task));
  if (idle_ < tasks_.size() && threads_.size() < most_) threads_.emplace_back([this] { Run(); });
  changed_.notify_one();
}

void UploadPool::Run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    changed_.wait(lock, [this] { return !tasks_.empty() || ending_; });
    --idle_;
    if (tasks_.empty()) return;
    std::function<void()> task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
    task = nullptr;
    lock.lock();
  }
}

Result<void> UploadPool::ForEach(std::size_t count,
                                 const std::function<Result<void>(std::size_t)>& task) {
  if (count == 1) return task(0);
  std::mutex mutex;
  std::condition_variable ended;
  std::size_t next = 0, running = std::min(count, most_);
  std::vector<std::optional<Error>> errors(count);
  bool failed = false;
  const auto work = [&] {
    std::unique_lock lock(mutex);
    while (!failed && next < count) {
      const std::size_t one = next++;
      lock.unlock();
      Result<void> done = task(one);
      lock.lock();
      if (done.ok()) continue;
      errors[one] = std::move(done).error();
      failed = true;
    }
    // Under the lock: who waits may return, and take all this with it, as soon as it is free.
    if (--running == 0) ended.notify_all();
  };
  for (std::size_t i = std::min(count, most_); i > 0; --i) Submit(work);
  std::unique_lock lock(mutex);
  ended.wait(lock, [&] { return running == 0; });
  for (std::optional<Error>& error : errors) {
    if (error) return *std::move(error);
  }
  return {};
}

}  // namespace sluice
