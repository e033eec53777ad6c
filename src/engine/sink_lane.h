/// One sink's thread: takes batches of the open epochs, stages them, prepares at the seal.
///
/// Push comes from many threads and blocks while the queue is full; rows of one thread keep their
/// order. Two epochs can be open at once around a seal: each has a writer of its own.
#pragma once

#include <arrow/record_batch.h>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/result.h"
#include "engine/counts.h"
#include "engine/first_error.h"
#include "sink/sink.h"

namespace sluice {

/// What a lane hands to the decision.
struct SealedSink {
  Prepared prepared;  ///< token "" if the epoch had no rows.
  SinkCounts counts;
  std::map<std::string, std::int64_t> received_from;  ///< Rows by producer.
  std::int64_t bytes_before_trigger = 0;  ///< Encoded bytes already staged at the trigger.
};

/// Called on the lane's thread for rows the sink refused: the batch, the refusals.
using RefusalHandler =
    std::function<Result<void>(std::int64_t epoch, const std::shared_ptr<arrow::RecordBatch>&,
                               const std::vector<SinkRefusal>&)>;

class SinkLane {
 public:
  /// `sink`, `errors` must outlive the lane. Starts the thread.
  SinkLane(std::string name, Sink* sink, AttemptId attempt, std::size_t queue_bytes,
           FirstError* errors, RefusalHandler on_refusal);
  /// Drops what is open. REQUIRES: errors->aborted(), or every epoch pushed to is sealed.
  ~SinkLane();

  Result<void> Push(std::int64_t epoch, const std::string& producer,
                    std::shared_ptr<arrow::RecordBatch> rows);
  /// Notes how much of the epoch has been staged when its trigger fires.
  void MarkTrigger(std::int64_t epoch);
  /// REQUIRES: no Push for this epoch follows.
  std::future<Result<SealedSink>> Seal(std::int64_t epoch);
  /// Wakes everything that waits. Called after errors->aborted() became true.
  void Wake();

  std::size_t memory() const;         ///< Queued and buffered bytes.
  std::int64_t bytes_staged() const;  ///< Encoded bytes staged since start.

 private:
  struct Item;
  struct OpenEpoch;
  void Run();
  Result<void> Handle(Item* item);
  Result<void> WriteRows(Item* item);
  Result<SealedSink> Prepare(std::int64_t epoch);
  void Update(const OpenEpoch& epoch);

  const std::string name_;
  Sink* const sink_;
  const AttemptId attempt_;
  const std::size_t queue_limit_;
  FirstError* const errors_;
  const RefusalHandler on_refusal_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Item> queue_;
  std::size_t queue_bytes_ = 0;
  bool ending_ = false;
  bool ended_ = false;  ///< The thread takes nothing more; who seals is told at once.
  std::map<std::int64_t, std::int64_t> at_trigger_;  ///< Epoch -> bytes staged at its trigger.
  std::map<std::int64_t, std::int64_t> staged_;      ///< Epoch -> bytes staged so far.
  std::size_t writer_memory_ = 0;
  std::int64_t staged_total_ = 0;

  std::map<std::int64_t, std::unique_ptr<OpenEpoch>> epochs_;  ///< Of the lane's thread only.
  std::thread thread_;
};

}  // namespace sluice
