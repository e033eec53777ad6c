#include "source/kafka/kafka_reader.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>
#include <thread>

#include "core/logging.h"
#include "source/kafka/kafka_error.h"
#include "source/kafka/kafka_split.h"
#include "source/kafka/kafka_verify.h"

namespace sluice {
namespace {

using SteadyClock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int kSeekMillis = 10'000;
constexpr std::size_t kChunk = 4096;  // Messages per call into librdkafka.

using PartitionList = KafkaPartitionList;

/// Takes over what an assignment call returned.
Result<void> Checked(rd_kafka_error_t* error, const std::string& what) {
  if (error == nullptr) return {};
  const rd_kafka_resp_err_t code = rd_kafka_error_code(error);
  const std::string said = rd_kafka_error_string(error);
  rd_kafka_error_destroy(error);
  if (code == RD_KAFKA_RESP_ERR__CONFLICT) return BugError(what + ": " + said);
  return KafkaError(code, what, said);
}

void ForwardTo(rd_kafka_t* handle, const TopicPartition& split, rd_kafka_queue_t* target) {
  rd_kafka_queue_t* own =
      rd_kafka_queue_get_partition(handle, split.topic.c_str(), split.partition);
  if (own == nullptr) return;
  rd_kafka_queue_forward(own, target);
  rd_kafka_queue_destroy(own);
}

/// False while the partition is not being fetched.
bool TrySeek(rd_kafka_t* handle, const PartitionList& list) {
  rd_kafka_error_t* error = rd_kafka_seek_partitions(handle, list.get(), kSeekMillis);
  if (error == nullptr) return list.get()->elems[0].err == RD_KAFKA_RESP_ERR_NO_ERROR;
  rd_kafka_error_destroy(error);
  return false;
}

/// Up to where the position's log and the broker's are the same, by what librdkafka says about a
/// truncation; -1 if the broker does not know.
std::int64_t KeptUpTo(const std::string& said) {
  constexpr std::string_view kBefore = "broker end offset is ";
  const std::size_t at = said.find(kBefore);
  std::int64_t offset = -1;
  if (at != std::string::npos) {
    const char* first = said.data() + at + kBefore.size();
    std::from_chars(first, said.data() + said.size(), offset);
  }
  return offset;
}

}  // namespace

KafkaReader::KafkaReader(std::shared_ptr<KafkaClient> client, std::shared_ptr<KafkaBatchPool> pool,
                         const KafkaReaderOptions& options)
    : client_(std::move(client)),
      pool_(std::move(pool)),
      options_(options),
      queue_(rd_kafka_queue_new(client_->handle())),
      fetched_(kChunk),
      polled_(SteadyClock::now()) {}

KafkaReader::~KafkaReader() {
  if (!splits_.empty()) {
    PartitionList list(splits_.size());
    for (const auto& assigned : splits_) list.Add(assigned->split, RD_KAFKA_OFFSET_INVALID);
    if (auto done =
            Checked(rd_kafka_incremental_unassign(client_->handle(), list.get()), "unassign");
        !done.ok()) {
      Log(LogLevel::kDebug, ToString(done.error()));
    }
  }
  for (; at_ < end_; ++at_) rd_kafka_message_destroy(fetched_[at_]);
  rd_kafka_queue_destroy(queue_);
}

Result<std::unique_ptr<SplitReader>> KafkaReader::Make(std::shared_ptr<KafkaClient> client,
                                                       std::shared_ptr<KafkaBatchPool> pool,
                                                       const KafkaReaderOptions& options,
                                                       const std::vector<SplitStart>& starts) {
  std::unique_ptr<KafkaReader> reader(new KafkaReader(std::move(client), std::move(pool), options));
  TRY(reader->Assign(starts));
  return std::unique_ptr<SplitReader>(std::move(reader));
}

Result<void> KafkaReader::Assign(const std::vector<SplitStart>& starts) {
  if (starts.empty()) return {};
  PartitionList list(starts.size());
  std::vector<std::unique_ptr<Assigned>> added;
  for (const SplitStart& start : starts) {
    auto assigned = std::make_unique<Assigned>();
    assigned->id = start.id;
    assigned->identity = start.identity;
    TRY(assigned->split, ParseSplit(start.id));
    TRY(const KafkaPosition position, ParsePosition(start.position));
    assigned->next = position.next;
    assigned->check = position.check;
    list.Add(assigned->split, assigned->check);
    added.push_back(std::move(assigned));
  }
  // Forwarded before they are assigned: not one record may end up in another queue.
  for (const auto& assigned : added) ForwardTo(client_->handle(), assigned->split, queue_);
  TRY(Checked(rd_kafka_incremental_assign(client_->handle(), list.get()),
              "assigning " + starts[0].id));
  for (auto& assigned : added) {
    const bool again = !client_->FirstAssignment(assigned->split);
    splits_.push_back(std::move(assigned));
    // librdkafka compares epochs at a seek, not at an assignment; what was fetched before is
    // dropped.
    const KafkaCheck& check = splits_.back()->check;
    if (again || check.epoch >= 0) TRY(Settle(splits_.back()->split, check));
  }
  return {};
}

/// Unassigning ends in the background, and clears the forwarding when it does; until then a new
/// assignment waits, and so does a seek. What was fetched meanwhile lies in the partition's own
/// queue, which forwarding empties into ours.
Result<void> KafkaReader::Settle(const TopicPartition& split, const KafkaCheck& from) {
  PartitionList list(1);
  list.Add(split, from);
  const auto deadline = SteadyClock::now() + milliseconds(kSeekMillis);
  for (;;) {
    if (TrySeek(client_->handle(), list)) break;
    if (SteadyClock::now() > deadline) {
      return KafkaError(RD_KAFKA_RESP_ERR__TIMED_OUT, "starting to read " + FormatSplit(split),
                        "the last reader of it has not ended");
    }
    std::this_thread::sleep_for(milliseconds(1));
  }
  ForwardTo(client_->handle(), split, queue_);
  return {};
}

Result<void> KafkaReader::Add(const SplitStart& start) { return Assign({start}); }

void KafkaReader::Wake() {
  woken_.store(true);
  rd_kafka_queue_yield(queue_);
}

KafkaReader::Assigned* KafkaReader::FindSlow(const rd_kafka_message_t* message) {
  if (message->rkt == nullptr) return nullptr;
  const auto key =
      std::pair<const rd_kafka_topic_t*, std::int32_t>(message->rkt, message->partition);
  auto it = by_topic_.find(key);
  if (it == by_topic_.end()) {
    const std::string topic = rd_kafka_topic_name(message->rkt);
    for (const auto& assigned : splits_) {
      if (assigned->split.partition != message->partition || assigned->split.topic != topic)
        continue;
      it = by_topic_.emplace(key, assigned.get()).first;
      break;
    }
    if (it == by_topic_.end()) return nullptr;
  }
  last_topic_ = message->rkt;
  last_partition_ = message->partition;
  last_ = it->second;
  return last_;
}

Result<std::unique_ptr<RawBatch>> KafkaReader::Read(const ReadLimits& limits) {
  if (error_) {
    Error error = *error_;
    if (error.retry == Retry::kLater) error_.reset();
    return error;
  }
  const auto start = SteadyClock::now();
  auto deadline = start + limits.wait;
  auto batch = std::make_unique<KafkaBatch>(client_, pool_, options_.columns);
  batch_ = batch.get();
  ++batches_;
  touched_.clear();
  RecoverStalled();
  const auto full = [&] {
    return batch->records.size() >= limits.records || batch->bytes >= limits.bytes;
  };
  for (bool last = false;;) {
    while (at_ < end_ && !full() && !error_) Deliver(fetched_[at_++]);
    if (full() || error_ || last) break;
    const auto left =
        std::max(std::chrono::ceil<milliseconds>(deadline - SteadyClock::now()), milliseconds(0));
    if (left.count() == 0) last = true;
    const double by_bytes =
        std::ceil(static_cast<double>(limits.bytes - batch->bytes) / mean_bytes_);
    const std::size_t want =
        std::max<std::size_t>(std::min({kChunk, limits.records - batch->records.size(),
                                        static_cast<std::size_t>(by_bytes)}),
                              1);
    const ssize_t got =
        rd_kafka_consume_batch_queue(queue_, static_cast<int>(left.count()), fetched_.data(), want);
    at_ = 0;
    end_ = static_cast<std::size_t>(std::max<ssize_t>(got, 0));
    if (end_ == 0 || SteadyClock::now() - polled_ > milliseconds(500)) Idle();
    if (woken_.exchange(false)) last = true;
  }
  batch_ = nullptr;
  for (std::size_t i = 0; i < touched_.size(); ++i) {
    batch->ranges[i].to = FormatPosition({touched_[i]->next, CheckOf(touched_[i])});
  }
  if (!batch->records.empty()) {
    const double mean =
        static_cast<double>(batch->bytes) / static_cast<double>(batch->records.size());
    mean_bytes_ = std::max(1.0, (mean_bytes_ + mean) / 2);
  }
  if (!batch->ranges.empty()) return std::unique_ptr<RawBatch>(std::move(batch));
  if (error_) {
    Error error = *error_;
    if (error.retry == Retry::kLater) error_.reset();
    return error;
  }
  return std::unique_ptr<RawBatch>();
}

void KafkaReader::Idle() {
  polled_ = SteadyClock::now();
  if (auto fatal = client_->Poll()) Fail(*std::move(fatal));
}

void KafkaReader::Fail(Error error) {
  if (!error_) error_ = std::move(error);
}

const KafkaCheck& KafkaReader::CheckOf(Assigned* assigned) {
  if (const rd_kafka_message_t* last = std::exchange(assigned->last, nullptr)) {
    assigned->check = {last->offset + 1, rd_kafka_message_leader_epoch(last)};
  }
  // Without an epoch there is nothing to compare, and nothing to fetch again.
  if (assigned->check.epoch < 0) assigned->check.offset = assigned->next;
  return assigned->check;
}

std::uint32_t KafkaReader::Touch(Assigned* assigned) {
  if (assigned->batch != batches_) {
    assigned->batch = batches_;
    assigned->range = static_cast<std::uint32_t>(touched_.size());
    touched_.push_back(assigned);
    batch_->ranges.push_back(
        {assigned->id, FormatPosition({assigned->next, CheckOf(assigned)}), {}});
  }
  return assigned->range;
}

void KafkaReader::Deliver(rd_kafka_message_t* message) {
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    DeliverError(message);
    rd_kafka_message_destroy(message);
    return;
  }
  Assigned* assigned = Find(message);
  if (assigned == nullptr || message->offset < assigned->next) {
    rd_kafka_message_destroy(message);
    return;
  }
  if (assigned->fresh) {
    if (auto checked = CheckFirst(assigned, message->offset); !checked.ok()) {
      rd_kafka_message_destroy(message);
      Fail(std::move(checked).error());
      return;
    }
  }
  const std::uint32_t range = Touch(assigned);
  assigned->next = message->offset + 1;
  assigned->last = message;  // Lives as long as the batch.
  batch_->Add(message, range);
}

/// A first record beyond the position: a hole left by compaction or a transaction, or records
/// deleted after Verify looked. The reply that carried the record carried the low watermark too.
Result<void> KafkaReader::CheckFirst(Assigned* assigned, std::int64_t offset) {
  assigned->fresh = false;
  if (offset == assigned->next) return {};
  const std::int64_t low = client_->CachedLow(assigned->split);
  if (low <= assigned->next) return {};
  return AcceptLoss(*assigned, std::min(low, offset));
}

void KafkaReader::DeliverError(const rd_kafka_message_t* message) {
  Assigned* assigned = Find(message);
  if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    if (assigned == nullptr || message->offset <= assigned->next) return;
    Touch(assigned);
    assigned->next = message->offset;
    return;
  }
  const std::string said = client_->Redact(rd_kafka_message_errstr(message));
  if (assigned == nullptr) {
    LogLimited(LogLevel::kWarn, "kafka.reader", 10, "kafka reader", {{"said", said}});
    return;
  }
  if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
    stalled_.emplace_back(assigned, said);
    RecoverStalled();
    return;
  }
  Error error = KafkaError(message->err, "reading " + assigned->id, said);
  if (error.code == "kafka.unreachable") {
    LogLimited(LogLevel::kWarn, "kafka.reader", 10, "waiting for a broker",
               {{"split", assigned->id}, {"said", said}});
    return;
  }
  if (error.retry == Retry::kLater) {
    // Whatever could not be read is asked for again: librdkafka may have gone on behind it.
    if (!Restart(assigned, CheckOf(assigned)).ok()) stalled_.emplace_back(assigned, said);
  }
  Fail(std::move(error));
}

/// Partitions that librdkafka has stopped fetching. One that cannot be helped now (its broker is
/// away) stays in the list for the next Read.
void KafkaReader::RecoverStalled() {
  while (!stalled_.empty() && !error_) {
    auto recovered = Recover(stalled_.back().first, stalled_.back().second);
    if (recovered.ok()) {
      stalled_.pop_back();
    } else {
      Fail(std::move(recovered).error());
    }
  }
}

/// The broker no longer has the next offset, or says that its log was cut off.
Result<void> KafkaReader::Recover(Assigned* assigned, const std::string& said) {
  TRY(const auto ends, client_->ListOffsets({{{assigned->split, kEarliestOffset}},
                                             {{assigned->split, kLatestOffset}}}));
  const std::int64_t low = ends[0][0];
  const std::int64_t high = ends[1][0];
  if (said.find(rd_kafka_err2str(RD_KAFKA_RESP_ERR__LOG_TRUNCATION)) != std::string::npos ||
      assigned->next > high) {
    return AcceptTruncation(assigned, KeptUpTo(said), high);
  }
  if (assigned->next < low) {
    TRY(AcceptLoss(*assigned, low));
    assigned->fresh = false;  // Counted now; the first record at `low` is no further loss.
    assigned->check = {};
    return Restart(assigned, {low, -1});
  }
  // Only transaction markers lay between the two: nothing is lost, and nothing left to compare.
  if (CheckOf(assigned).offset < low) assigned->check = {assigned->next, -1};
  LogLimited(LogLevel::kWarn, "kafka.recover", 10, "a fetch was refused, asking again",
             {{"split", assigned->id}, {"offset", std::to_string(assigned->next)}, {"said", said}});
  return Restart(assigned, CheckOf(assigned));
}

/// The broker's log is another one from offset `kept` on (-1: not known from where), and ends at
/// `end`.
Result<void> KafkaReader::AcceptTruncation(Assigned* assigned, std::int64_t kept,
                                           std::int64_t end) {
  // A topic that was made anew has another log too, and another way out.
  TRY(const auto topics, client_->FindTopics({assigned->split.topic}));
  if (!topics.empty() && !topics[0].id.empty() && !assigned->identity.empty() &&
      topics[0].id != assigned->identity) {
    Error error = TopicRecreatedError(assigned->split.topic, assigned->identity, topics[0].id);
    if (!options_.fail_on_data_loss) error.retry = Retry::kLater;  // The next start reads it anew.
    return error;
  }
  if (options_.fail_on_data_loss) return TruncatedError(assigned->id, assigned->next, kept, end);
  if (assigned->next > end) {
    // A position cannot go back while an epoch is open: the next start goes to the log's end.
    Error error = TruncatedError(assigned->id, assigned->next, kept, end);
    error.retry = Retry::kLater;
    return error;
  }
  if (options_.on_loss) {
    const std::int64_t from = kept < 0 || kept > assigned->next ? assigned->next : kept;
    options_.on_loss(
        {assigned->id, FormatOffset(from), FormatOffset(assigned->next), assigned->next - from});
  }
  // The range has no records: with it, what was counted once is not found again by a later start.
  Touch(assigned);
  assigned->last = nullptr;
  assigned->check = {assigned->next, -1};
  return Restart(assigned, assigned->check);
}

Result<void> KafkaReader::AcceptLoss(const Assigned& assigned, std::int64_t low) {
  if (options_.fail_on_data_loss) return DataLossError(assigned.id, assigned.next, low);
  Loss loss;
  loss.split = assigned.id;
  loss.from = FormatOffset(assigned.next);
  loss.to = FormatOffset(low);
  loss.records = low - assigned.next;
  if (options_.on_loss) options_.on_loss(loss);
  return {};
}

Result<void> KafkaReader::Seek(const SplitId& split, const Position& position) {
  TRY(const KafkaPosition parsed, ParsePosition(position));
  for (const auto& assigned : splits_) {
    if (assigned->id != split) continue;
    TRY(Restart(assigned.get(), parsed.check));
    assigned->next = parsed.next;
    assigned->check = parsed.check;
    assigned->last = nullptr;
    assigned->fresh = true;
    return {};
  }
  return BugError("seek in " + split + ", which this reader does not read");
}

/// Fetches from `from` on; what was fetched of the split is dropped. Leaves the position alone.
Result<void> KafkaReader::Restart(Assigned* assigned, const KafkaCheck& from) {
  std::size_t kept = at_;
  for (std::size_t i = at_; i < end_; ++i) {
    if (Find(fetched_[i]) == assigned) {
      rd_kafka_message_destroy(fetched_[i]);
    } else {
      fetched_[kept++] = fetched_[i];
    }
  }
  end_ = kept;
  PartitionList list(1);
  list.Add(assigned->split, from);
  if (TrySeek(client_->handle(), list)) return {};
  return Reassign(assigned->split, from);
}

/// Where a partition is not being fetched, such as after an error of it, a seek is refused.
Result<void> KafkaReader::Reassign(const TopicPartition& split, const KafkaCheck& from) {
  const std::string what = "seeking in " + FormatSplit(split);
  PartitionList list(1);
  list.Add(split, from);
  // Unassigned, a topic's object may go, and another may come at its address.
  by_topic_.clear();
  last_topic_ = nullptr;
  last_ = nullptr;
  TRY(Checked(rd_kafka_incremental_unassign(client_->handle(), list.get()), what));
  TRY(Checked(rd_kafka_incremental_assign(client_->handle(), list.get()), what));
  return Settle(split, from);
}

}  // namespace sluice
