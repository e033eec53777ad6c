/// The writer's sign of life. It only decides when another process tries a takeover; it guards
/// nothing.
///
/// One file per writer beside the slots, "heartbeat-<slot>", rewritten in place. It names the
/// process (boot id, pid namespace, pid, start time), so that a process of this host can see at
/// once that it is gone.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "core/clock.h"
#include "core/result.h"
#include "storage/storage.h"

namespace sluice {

/// Beats from a thread of its own until stopped. Failures to write are logged, never fatal.
class Heartbeat {
 public:
  /// `name` is the file's name in `storage`. Writes the first beat before it returns.
  static Result<std::unique_ptr<Heartbeat>> Start(Storage* storage, std::string name,
                                                  std::int64_t period_micros);
  /// Without Stop, as in a crash, nothing more is written.
  ~Heartbeat();
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;

  /// Writes "stopped", so that the next process need not wait.
  void Stop();

 private:
  Heartbeat(Storage* storage, std::string name, std::int64_t period_micros);
  Result<void> Beat(const char* state);
  void Run();
  void EndThread();

  Storage* storage_;
  std::string name_;
  std::int64_t period_micros_;
  std::int64_t beats_ = 0;
  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;
  std::thread thread_;
};

/// What a heartbeat tells a process that would like to take over.
enum class WriterLife {
  kGone,     ///< It stopped, or it is a process of this host that no longer runs.
  kUnknown,  ///< Watch whether it changes.
};
WriterLife JudgeHeartbeat(const std::string& bytes);

/// Watches `name` for `lease_micros`; true if it changed, which means that the writer lives.
Result<bool> HeartbeatChanges(Storage* storage, const std::string& name, std::int64_t lease_micros,
                              const Clock& clock);

}  // namespace sluice
