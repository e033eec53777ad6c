#include "engine/query_inputs.h"

#include <arrow/util/byte_size.h>

#include <utility>

namespace sluice {

/// Rows in order: first those in memory, then those spooled. While anything is spooled, new rows go
/// there.
struct QueryInputs::Queue {
  std::size_t input = 0;
  SchemaPtr schema;
  std::deque<std::shared_ptr<arrow::RecordBatch>> memory;
  std::size_t bytes = 0;
  std::unique_ptr<SpoolFile> spool;
  std::int64_t rows = 0;  ///< Not yet read.

  bool spooled() const { return spool != nullptr && !spool->empty(); }
  bool empty() const { return memory.empty() && !spooled(); }
};

class QueryInputs::Stream final : public BatchStream {
 public:
  Stream(QueryInputs* inputs, std::size_t scan) : inputs_(inputs), scan_(scan) {}
  Result<std::shared_ptr<arrow::RecordBatch>> Next() override { return inputs_->Next(scan_); }

 private:
  QueryInputs* inputs_;
  std::size_t scan_;
};

QueryInputs::QueryInputs(const std::vector<Scan>& scans,
                         const std::vector<SchemaPtr>& input_schemas, FirstError* errors,
                         QueryInputsOptions options)
    : errors_(errors), options_(std::move(options)), received_(input_schemas.size(), 0) {
  for (const Scan& scan : scans) {
    auto queue = std::make_unique<Queue>();
    queue->input = scan.input;
    queue->schema = input_schemas[scan.input];
    queues_.push_back(std::move(queue));
  }
}

QueryInputs::~QueryInputs() = default;

std::vector<std::shared_ptr<BatchStream>> QueryInputs::Streams() {
  std::vector<std::shared_ptr<BatchStream>> streams;
  for (std::size_t i = 0; i < queues_.size(); ++i) {
    streams.push_back(std::make_shared<Stream>(this, i));
  }
  return streams;
}

bool QueryInputs::MustSpool(std::size_t scan) const {
  return waiting_on_ >= 0 && static_cast<std::size_t>(waiting_on_) != scan &&
         queues_[static_cast<std::size_t>(waiting_on_)]->empty();
}

bool QueryInputs::MayPush(const Queue& queue, std::size_t bytes) const {
  return queue.bytes == 0 || queue.bytes + bytes <= options_.queue_bytes;
}

Result<void> QueryInputs::Push(std::size_t input, const std::shared_ptr<arrow::RecordBatch>& rows) {
  auto bytes = static_cast<std::size_t>(arrow::util::TotalBufferSize(*rows));
  std::unique_lock lock(mutex_);
  received_[input] += rows->num_rows();
  bool taken = false;
  for (std::size_t i = 0; i < queues_.size(); ++i) {
    Queue& queue = *queues_[i];
    if (queue.input != input) continue;
    changed_.wait(lock, [&] {
      return errors_->aborted() || draining_ || queue.spooled() || MayPush(queue, bytes) ||
             MustSpool(i);
    });
    if (errors_->aborted()) return AbortedError();
    if (draining_) continue;
    taken = true;
    queue.rows += rows->num_rows();
    if (!queue.spooled() && MayPush(queue, bytes)) {
      queue.memory.push_back(rows);
      queue.bytes += bytes;
    } else {
      TRY(Spool(&queue, *rows));
    }
    changed_.notify_all();
  }
  if (!taken) drained_ += rows->num_rows();
  return {};
}

Result<void> QueryInputs::Spool(Queue* queue, const arrow::RecordBatch& rows) {
  if (queue->spool == nullptr) {
    TRY(queue->spool, SpoolFile::Make(options_.spool_directory, queue->schema));
  }
  TRY(std::int64_t written, queue->spool->Append(rows));
  spooled_ += written;
  if (spooled_ > options_.max_spool && !asked_for_seal_) {
    asked_for_seal_ = true;
    options_.ask_for_seal();
  }
  return {};
}

Result<std::shared_ptr<arrow::RecordBatch>> QueryInputs::Next(std::size_t scan) {
  std::unique_lock lock(mutex_);
  Queue& queue = *queues_[scan];
  if (queue.empty()) {
    waiting_on_ = static_cast<std::ptrdiff_t>(scan);
    changed_.notify_all();
    changed_.wait(lock, [&] { return errors_->aborted() || closed_ || !queue.empty(); });
    waiting_on_ = -1;
  }
  if (errors_->aborted()) return AbortedError();
  if (queue.empty()) return std::shared_ptr<arrow::RecordBatch>();
  std::shared_ptr<arrow::RecordBatch> rows;
  if (!queue.memory.empty()) {
    rows = std::move(queue.memory.front());
    queue.memory.pop_front();
    queue.bytes -= static_cast<std::size_t>(arrow::util::TotalBufferSize(*rows));
  } else {
    TRY(rows, queue.spool->Take());
  }
  queue.rows -= rows->num_rows();
  changed_.notify_all();
  return rows;
}

void QueryInputs::Close() {
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
}

void QueryInputs::Drain() {
  {
    std::lock_guard lock(mutex_);
    draining_ = true;
    std::vector<std::int64_t> least(received_.size(), -1);
    for (auto& queue : queues_) {
      std::int64_t& rows = least[queue->input];
      rows = rows < 0 ? queue->rows : std::min(rows, queue->rows);
      queue->memory.clear();
      queue->bytes = 0;
      queue->rows = 0;
      queue->spool.reset();
    }
    for (std::int64_t rows : least) drained_ += std::max<std::int64_t>(rows, 0);
  }
  changed_.notify_all();
}

void QueryInputs::Wake() {
  { std::lock_guard lock(mutex_); }
  changed_.notify_all();
}

std::int64_t QueryInputs::received(std::size_t input) const {
  std::lock_guard lock(mutex_);
  return received_[input];
}

std::int64_t QueryInputs::drained() const {
  std::lock_guard lock(mutex_);
  return drained_;
}

std::size_t QueryInputs::memory() const {
  std::lock_guard lock(mutex_);
  std::size_t bytes = 0;
  for (const auto& queue : queues_) bytes += queue->bytes;
  return bytes;
}

}  // namespace sluice
