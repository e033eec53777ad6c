/// Feeds an open query: one queue for each of its scans, filled by the job's threads, emptied by
/// the query's.
///
/// A producer waits while its queue is full, so that memory stays bounded, with one exception: if
/// the query itself waits for another, empty input (a join's build side), the full one overflows to
/// disk; otherwise neither would ever move. Beyond `max_spool` the epoch is asked to seal early,
/// which ends the wait.
#pragma once

#include <arrow/record_batch.h>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/result.h"
#include "engine/first_error.h"
#include "engine/spool_file.h"
#include "transform/transform.h"

namespace sluice {

struct QueryInputsOptions {
  std::size_t queue_bytes = 16u << 20;  ///< Of each scan.
  std::string spool_directory;
  std::int64_t max_spool = 10ll << 30;  ///< Of all scans together.
  std::function<void()> ask_for_seal;   ///< Called once when max_spool is reached; any thread.
};

class QueryInputs {
 public:
  QueryInputs(const std::vector<Scan>& scans, const std::vector<SchemaPtr>& input_schemas,
              FirstError* errors, QueryInputsOptions options);
  ~QueryInputs();

  /// The streams to give to Transform::OpenEpoch, in the order of its scans. They share this
  /// object's state and may outlive nothing else.
  std::vector<std::shared_ptr<BatchStream>> Streams();

  /// Hands `rows` to every scan of `input`. Blocks while one is full.
  Result<void> Push(std::size_t input, const std::shared_ptr<arrow::RecordBatch>& rows);
  /// No Push follows; scans end when their queues are empty.
  void Close();
  /// The query has ended: what its scans have not read is dropped and counted, and so is what still
  /// comes.
  void Drain();
  void Wake();

  std::int64_t received(std::size_t input) const;  ///< Rows taken by Push, each counted once.
  std::int64_t drained() const;  ///< Rows that no scan of their input read to the end.
  std::size_t memory() const;

 private:
  struct Queue;
  class Stream;
  Result<std::shared_ptr<arrow::RecordBatch>> Next(std::size_t scan);
  bool MayPush(const Queue& queue, std::size_t bytes) const;
  bool MustSpool(std::size_t scan) const;
  Result<void> Spool(Queue* queue, const arrow::RecordBatch& rows);

  FirstError* const errors_;
  const QueryInputsOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<Queue>> queues_;
  std::vector<std::int64_t> received_;
  std::int64_t drained_ = 0;
  std::int64_t spooled_ = 0;
  std::ptrdiff_t waiting_on_ = -1;  ///< The scan at which the query is blocked; -1 if it is not.
  bool closed_ = false;
  bool draining_ = false;
  bool asked_for_seal_ = false;
};

}  // namespace sluice
