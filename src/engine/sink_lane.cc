#include "engine/sink_lane.h"

#include <arrow/util/byte_size.h>

#include <algorithm>
#include <utility>

#include "core/failpoint.h"

namespace sluice {

struct SinkLane::Item {
  std::int64_t epoch = 0;
  std::string producer;
  std::shared_ptr<arrow::RecordBatch> rows;  ///< Null: seal.
  std::size_t bytes = 0;
  bool write_carried = false;
  std::promise<Result<SealedSink>> sealed;
};

struct SinkLane::OpenEpoch {
  std::int64_t epoch = 0;
  std::unique_ptr<SinkWriter> writer;    ///< Null as long as the rows may be carried over.
  std::optional<CarriedWriter> waiting;  ///< Then they are here.
  std::int64_t since_micros = 0;
  SinkCounts counts;
  std::map<std::string, std::int64_t> received_from;
};

SinkLane::SinkLane(std::string name, Sink* sink, AttemptId attempt, std::size_t queue_bytes,
                   FirstError* errors, RefusalHandler on_refusal, std::optional<LaneCarry> carry)
    : name_(std::move(name)),
      sink_(sink),
      attempt_(attempt),
      queue_limit_(queue_bytes),
      errors_(errors),
      on_refusal_(std::move(on_refusal)),
      carry_(std::move(carry)) {
  if (carry_.has_value()) {
    carried_.emplace(carry_->place, carry_->rule);
    next_to_seal_ = carry_->first_epoch;
  }
  thread_ = std::thread([this] { Run(); });
}

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
  Item item{epoch, producer, std::move(rows), 0, false, {}};
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

std::future<Result<SealedSink>> SinkLane::Seal(std::int64_t epoch, bool write_carried) {
  Item item{epoch, "", nullptr, 0, write_carried, {}};
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
    work_.Begin(item.rows != nullptr ? "taking rows" : "making an epoch durable");
    if (auto handled = Handle(&item); !handled.ok()) {
      errors_->Report(std::move(handled).error().At("sink " + name_));
    }
    work_.End();
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
  auto sealed = Prepare(item->epoch, item->write_carried);
  Result<void> outcome;
  if (!sealed.ok()) outcome = sealed.error();
  item->sealed.set_value(std::move(sealed));
  return outcome;
}

Result<void> SinkLane::WriteRows(Item* item) {
  TRY(OpenEpoch * open, FindOrOpen(item->epoch));
  std::int64_t rows = item->rows->num_rows();
  open->counts.received += rows;
  open->received_from[item->producer] += rows;
  if (open->writer == nullptr && IsWorthWriting(*open)) TRY(StartWriting(open));
  if (open->writer != nullptr) {
    TRY(WriteInto(open, item->rows));
  } else if (rows > 0) {
    TRY(open->waiting->Add(*item->rows));
  }
  FAILPOINT("K4");
  Update(*open);
  return {};
}

Result<SinkLane::OpenEpoch*> SinkLane::FindOrOpen(std::int64_t epoch) {
  auto& open = epochs_[epoch];
  if (open != nullptr) return open.get();
  open = std::make_unique<OpenEpoch>();
  open->epoch = epoch;
  if (carried_.has_value()) {
    open->waiting.emplace(carried_->place(), epoch);
    open->since_micros = carry_->clock->MonotonicMicros();
  }
  return open.get();
}

/// What is carried into an epoch is known once the one before it is sealed. Rows that would wait
/// too long for the next one, these or carried ones, are written as they come, so that sealing is
/// short.
bool SinkLane::IsWorthWriting(const OpenEpoch& open) const {
  if (!carried_.has_value()) return true;
  if (open.epoch != next_to_seal_) return false;
  const std::int64_t due =
      std::min(carried_->due_micros(), open.since_micros + carry_->rule.max_delay_micros);
  return carried_->Fills(open.waiting->bytes()) || NextTrigger() > due;
}

Result<void> SinkLane::WriteInto(OpenEpoch* open, const std::shared_ptr<arrow::RecordBatch>& rows) {
  TRY(auto refused, open->writer->Write(rows));
  if (refused.empty()) return {};
  open->counts.dead += static_cast<std::int64_t>(refused.size());
  return on_refusal_(open->epoch, rows, refused);
}

/// Carried rows go first, then what was kept of this epoch.
Result<void> SinkLane::StartWriting(OpenEpoch* open) {
  TRY(open->writer, sink_->Open(open->epoch, attempt_));
  if (!carried_.has_value()) return {};
  auto write = [this, open](const auto& rows) { return WriteInto(open, rows); };
  TRY(carried_->ReadAll(write));
  TRY(open->waiting->ReadBack(write));
  open->waiting.reset();
  return {};
}

Result<SealedSink> SinkLane::Prepare(std::int64_t epoch, bool write_carried) {
  SealedSink sealed;
  sealed.counts.carried_in = carried_.has_value() ? carried_->rows() : 0;
  next_to_seal_ = epoch;
  std::unique_ptr<OpenEpoch> open;
  if (write_carried && carried_.has_value() && !carried_->empty()) TRY(FindOrOpen(epoch));
  if (auto it = epochs_.find(epoch); it != epochs_.end()) {
    open = std::move(it->second);
    epochs_.erase(it);
    if (open->writer == nullptr && (write_carried || IsWorthWriting(*open))) {
      TRY(StartWriting(open.get()));
    }
    open->counts.carried_in = sealed.counts.carried_in;
    TRY(PrepareRows(open.get(), &sealed));
    FAILPOINT("K5");
    Update(*open);
  }
  next_to_seal_ = epoch + 1;
  if (carried_.has_value()) {
    sealed.carried = carried_->artefacts();
    sealed.counts.carried_out = carried_->rows();
  }
  std::lock_guard lock(mutex_);
  carried_due_ = carried_.has_value() ? carried_->due_micros() : carried_due_;
  sealed.bytes_before_trigger = open == nullptr ? 0 : at_trigger_[epoch];
  at_trigger_.erase(epoch);
  staged_.erase(epoch);
  writer_memory_ = 0;
  return sealed;
}

Result<void> SinkLane::PrepareRows(OpenEpoch* open, SealedSink* sealed) {
  if (open->writer != nullptr) {
    TRY(sealed->prepared, open->writer->Prepare());
    if (carried_.has_value()) sealed->superseded = carried_->Clear();
  } else {
    TRY(sealed->superseded, carried_->Append(open->epoch, &*open->waiting, open->since_micros));
  }
  sealed->counts = open->counts;
  sealed->counts.written = sealed->prepared.rows;
  sealed->received_from = std::move(open->received_from);
  return {};
}

bool SinkLane::CarriedAreDue() const {
  if (!carry_.has_value()) return false;
  std::lock_guard lock(mutex_);
  return NextTrigger() > carried_due_;
}

/// After one that came now.
std::int64_t SinkLane::NextTrigger() const {
  return carry_->clock->MonotonicMicros() + carry_->window_micros;
}

void SinkLane::Update(const OpenEpoch& epoch) {
  const std::int64_t staged = epoch.writer != nullptr ? epoch.writer->bytes_staged() : 0;
  const std::size_t memory =
      epoch.writer != nullptr ? epoch.writer->memory() : epoch.waiting->memory();
  std::lock_guard lock(mutex_);
  staged_total_ += staged - staged_[epoch.epoch];
  staged_[epoch.epoch] = staged;
  writer_memory_ = memory;
}

}  // namespace sluice
