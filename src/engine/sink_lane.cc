#include "engine/sink_lane.h"

#include <arrow/util/byte_size.h>

#include <utility>

#include "core/failpoint.h"

namespace sluice {

struct SinkLane::Item {
  std::int64_t epoch = 0;
  std::string producer;
  std::shared_ptr<arrow::RecordBatch> rows;  ///< Null: seal.
  std::size_t bytes = 0;
  std::promise<Result<SealedSink>> sealed;
};

struct SinkLane::OpenEpoch {
  std::int64_t epoch = 0;
  std::unique_ptr<SinkWriter> writer;
  SinkCounts counts;
  std::map<std::string, std::int64_t> received_from;
};

SinkLane::SinkLane(std::string name, Sink* sink, AttemptId attempt, std::size_t queue_bytes,
                   FirstError* errors, RefusalHandler on_refusal)
    : name_(std::move(name)),
      sink_(sink),
      attempt_(attempt),
      queue_limit_(queue_bytes),
      errors_(errors),
      on_refusal_(std::move(on_refusal)),
      thread_([this] { Run(); }) {}

SinkLane::~SinkLane() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

Result<void> SinkLane::Push(std::int64_t epoch, const std::string& producer,
                            std::shared_ptr<arrow::RecordBatch> rows) {
  Item item{epoch, producer, std::move(rows), 0, {}};
  item.bytes = static_cast<std::size_t>(arrow::util::TotalBufferSize(*item.rows));
  std::unique_lock lock(mutex_);
  // One batch always fits, however large.
  changed_.wait(lock, [&] {
    return errors_->aborted() || queue_bytes_ == 0 || queue_bytes_ + item.bytes <= queue_limit_;
  });
  if (errors_->aborted()) return AbortedError();
  queue_bytes_ += item.bytes;
  queue_.push_back(std::move(item));
  changed_.notify_all();
  return {};
}

void SinkLane::MarkTrigger(std::int64_t epoch) {
  std::lock_guard lock(mutex_);
  at_trigger_[epoch] = staged_[epoch];
}

std::future<Result<SealedSink>> SinkLane::Seal(std::int64_t epoch) {
  Item item{epoch, "", nullptr, 0, {}};
  auto future = item.sealed.get_future();
  {
    std::lock_guard lock(mutex_);
    if (ended_) {
      item.sealed.set_value(AbortedError());
      return future;
    }
    queue_.push_back(std::move(item));
  }
  changed_.notify_all();
  return future;
}

void SinkLane::Wake() {
  { std::lock_guard lock(mutex_); }
  changed_.notify_all();
}

std::size_t SinkLane::memory() const {
  std::lock_guard lock(mutex_);
  return queue_bytes_ + writer_memory_;
}

std::int64_t SinkLane::bytes_staged() const {
  std::lock_guard lock(mutex_);
  return staged_total_;
}

void SinkLane::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return ending_ || errors_->aborted() || !queue_.empty(); });
    if (errors_->aborted() || queue_.empty()) break;
    Item item = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    if (auto handled = Handle(&item); !handled.ok()) {
      errors_->Report(std::move(handled).error().At("sink " + name_));
    }
    lock.lock();
    queue_bytes_ -= item.bytes;
    changed_.notify_all();
  }
  ended_ = true;
  for (Item& item : queue_) {
    if (item.rows == nullptr) item.sealed.set_value(AbortedError());
  }
  lock.unlock();
  epochs_.clear();
}

Result<void> SinkLane::Handle(Item* item) {
  if (item->rows != nullptr) return WriteRows(item);
  auto sealed = Prepare(item->epoch);
  Result<void> outcome;
  if (!sealed.ok()) outcome = sealed.error();
  item->sealed.set_value(std::move(sealed));
  return outcome;
}

Result<void> SinkLane::WriteRows(Item* item) {
  auto& open = epochs_[item->epoch];
  if (open == nullptr) {
    open = std::make_unique<OpenEpoch>();
    open->epoch = item->epoch;
    TRY(open->writer, sink_->Open(item->epoch, attempt_));
  }
  std::int64_t rows = item->rows->num_rows();
  open->counts.received += rows;
  open->received_from[item->producer] += rows;
  TRY(auto refused, open->writer->Write(item->rows));
  FAILPOINT("K4");
  if (!refused.empty()) {
    open->counts.dead += static_cast<std::int64_t>(refused.size());
    TRY(on_refusal_(item->epoch, item->rows, refused));
  }
  Update(*open);
  return {};
}

Result<SealedSink> SinkLane::Prepare(std::int64_t epoch) {
  SealedSink sealed;
  auto it = epochs_.find(epoch);
  if (it == epochs_.end()) {
    std::lock_guard lock(mutex_);
    at_trigger_.erase(epoch);
    staged_.erase(epoch);
    return sealed;
  }
  std::unique_ptr<OpenEpoch> open = std::move(it->second);
  epochs_.erase(it);
  TRY(sealed.prepared, open->writer->Prepare());
  FAILPOINT("K5");
  sealed.counts = open->counts;
  sealed.counts.written = sealed.prepared.rows;
  sealed.received_from = std::move(open->received_from);
  Update(*open);
  std::lock_guard lock(mutex_);
  sealed.bytes_before_trigger = at_trigger_[epoch];
  at_trigger_.erase(epoch);
  staged_.erase(epoch);
  writer_memory_ = 0;
  return sealed;
}

void SinkLane::Update(const OpenEpoch& epoch) {
  std::int64_t staged = epoch.writer->bytes_staged();
  std::size_t memory = epoch.writer->memory();
  std::lock_guard lock(mutex_);
  staged_total_ += staged - staged_[epoch.epoch];
  staged_[epoch.epoch] = staged;
  writer_memory_ = memory;
}

}  // namespace sluice
