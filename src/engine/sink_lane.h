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
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "engine/carried_rows.h"
#include "engine/counts.h"
#include "engine/first_error.h"
#include "engine/sink_work.h"
#include "sink/sink.h"

namespace sluice {

/// What a lane hands to the decision.
struct SealedSink {
  Prepared prepared;  ///< token "" if the epoch had no rows.
  SinkCounts counts;
  std::map<std::string, std::int64_t> received_from;  ///< Rows by producer.
  std::int64_t bytes_before_trigger = 0;  ///< Encoded bytes already staged at the trigger.
  std::vector<CarriedArtefact> carried;   ///< What waits for a later epoch now.
  std::vector<std::string> superseded;    ///< What waited and does not any more.
};

/// For a lane whose sink lets the rows of small epochs wait.
struct LaneCarry {
  CarriedPlace place;
  CarryOver rule;
  std::int64_t first_epoch = 0;    ///< Of the session, which begins with nothing carried.
  std::int64_t window_micros = 0;  ///< When the next trigger comes after this one.
  const Clock* clock = nullptr;
};

/// Called on the lane's thread for rows the sink refused: the batch, the refusals.
using RefusalHandler =
    std::function<Result<void>(std::int64_t epoch, const std::shared_ptr<arrow::RecordBatch>&,
                               const std::vector<SinkRefusal>&)>;

class SinkLane {
 public:
  /// `sink`, `errors` must outlive the lane. Starts the thread.
  SinkLane(std::string name, Sink* sink, AttemptId attempt, std::size_t queue_bytes,
           FirstError* errors, RefusalHandler on_refusal,
           std::optional<LaneCarry> carry = std::nullopt);
  /// Drops what is open. REQUIRES: errors->aborted(), or every epoch pushed to is sealed.
  ~SinkLane();

  Result<void> Push(std::int64_t epoch, const std::string& producer,
                    std::shared_ptr<arrow::RecordBatch> rows);
  /// Notes how much of the epoch has been staged when its trigger fires.
  void MarkTrigger(std::int64_t epoch);
  /// REQUIRES: no Push for this epoch follows; epochs are sealed one after the other, each one.
  /// With `write_carried` no row waits any longer.
  std::future<Result<SealedSink>> Seal(std::int64_t epoch, bool write_carried = false);
  /// Whether carried rows would wait too long if they were not written with the epoch that is
  /// sealed now.
  bool CarriedAreDue() const;
  /// Wakes everything that waits. Called after errors->aborted() became true.
  void Wake();

  std::size_t memory() const;         ///< Queued and buffered bytes.
  std::int64_t bytes_staged() const;  ///< Encoded bytes staged since start.
  const SinkWork& work() const { return work_; }

 private:
  struct Item;
  struct OpenEpoch;
  void Run();
  Result<void> Handle(Item* item);
  Result<void> WriteRows(Item* item);
  Result<void> WriteInto(OpenEpoch* open, const std::shared_ptr<arrow::RecordBatch>& rows);
  Result<OpenEpoch*> FindOrOpen(std::int64_t epoch);
  bool IsWorthWriting(const OpenEpoch& open) const;
  std::int64_t NextTrigger() const;
  Result<void> StartWriting(OpenEpoch* open);
  Result<SealedSink> Prepare(std::int64_t epoch, bool write_carried);
  Result<void> PrepareRows(OpenEpoch* open, SealedSink* sealed);
  void Update(const OpenEpoch& epoch);

  const std::string name_;
  Sink* const sink_;
  const AttemptId attempt_;
  const std::size_t queue_limit_;
  FirstError* const errors_;
  const RefusalHandler on_refusal_;
  const std::optional<LaneCarry> carry_;

  SinkWork work_;
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
  std::int64_t carried_due_ = std::numeric_limits<std::int64_t>::max();

  // Of the lane's thread only.
  std::map<std::int64_t, std::unique_ptr<OpenEpoch>> epochs_;
  std::optional<CarriedRows> carried_;  ///< As the newest seal left them.
  std::int64_t next_to_seal_ = 0;
  std::thread thread_;
};

}  // namespace sluice
