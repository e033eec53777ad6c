/// Reads partitions of one topic or several, forwarded into one queue.
#pragma once

#include <librdkafka/rdkafka.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/result.h"
#include "source/kafka/kafka_batch.h"
#include "source/kafka/kafka_client.h"
#include "source/source.h"

namespace sluice {

struct KafkaReaderOptions {
  KafkaColumns columns;
  bool fail_on_data_loss = true;
  /// Told about records that were lost while reading, where the job allows that.
  std::function<void(const Loss&)> on_loss;
};

/// As SplitReader. After an error with Retry::kNo every further Read returns the same error; after
/// one with Retry::kLater reading goes on from the last position delivered.
class KafkaReader final : public SplitReader {
 public:
  static Result<std::unique_ptr<SplitReader>> Make(std::shared_ptr<KafkaClient> client,
                                                   std::shared_ptr<KafkaBatchPool> pool,
                                                   const KafkaReaderOptions& options,
                                                   const std::vector<SplitStart>& starts);
  ~KafkaReader() override;

  Result<std::unique_ptr<RawBatch>> Read(const ReadLimits& limits) override;
  Result<void> Seek(const SplitId& split, const Position& position) override;
  Result<void> Add(const SplitStart& start) override;
  void Wake() override;

 private:
  struct Assigned {
    SplitId id;
    TopicPartition split;
    std::string identity;   // The topic's id; "" if there is none.
    std::int64_t next = 0;  // What the next range begins with.
    KafkaCheck check;       // Of the last record before `next` whose epoch is known.
    const rd_kafka_message_t* last = nullptr;  // Of the running Read, if the check is of it.
    bool fresh = true;                         // Nothing fetched since the last assignment or seek.
    std::uint64_t batch = 0;                   // The batch that `range` is of.
    std::uint32_t range = 0;
  };

  KafkaReader(std::shared_ptr<KafkaClient> client, std::shared_ptr<KafkaBatchPool> pool,
              const KafkaReaderOptions& options);
  Result<void> Assign(const std::vector<SplitStart>& starts);
  Assigned* FindSlow(const rd_kafka_message_t* message);
  Assigned* Find(const rd_kafka_message_t* message) {
    if (message->rkt == last_topic_ && message->partition == last_partition_) return last_;
    return FindSlow(message);
  }
  void Deliver(rd_kafka_message_t* message);
  void DeliverError(const rd_kafka_message_t* message);
  std::uint32_t Touch(Assigned* assigned);
  static const KafkaCheck& CheckOf(Assigned* assigned);
  Result<void> CheckFirst(Assigned* assigned, std::int64_t offset);
  void RecoverStalled();
  Result<void> Recover(Assigned* assigned, const std::string& said);
  Result<void> AcceptLoss(const Assigned& assigned, std::int64_t low);
  Result<void> AcceptTruncation(Assigned* assigned, std::int64_t kept, std::int64_t end);
  Result<void> Restart(Assigned* assigned, const KafkaCheck& from);
  Result<void> Settle(const TopicPartition& split, const KafkaCheck& from);
  Result<void> Reassign(const TopicPartition& split, const KafkaCheck& from);
  void Fail(Error error);
  void Idle();

  const std::shared_ptr<KafkaClient> client_;
  const std::shared_ptr<KafkaBatchPool> pool_;
  const KafkaReaderOptions options_;
  rd_kafka_queue_t* const queue_;
  std::vector<std::unique_ptr<Assigned>> splits_;
  // librdkafka has one topic object per name, as long as a partition of it is assigned.
  std::map<std::pair<const rd_kafka_topic_t*, std::int32_t>, Assigned*> by_topic_;
  const rd_kafka_topic_t* last_topic_ = nullptr;
  std::int32_t last_partition_ = -1;
  Assigned* last_ = nullptr;

  // Fetched and not yet delivered: [at_, end_).
  std::vector<rd_kafka_message_t*> fetched_;
  std::size_t at_ = 0;
  std::size_t end_ = 0;

  // No longer fetched, with what was said about it.
  std::vector<std::pair<Assigned*, std::string>> stalled_;

  KafkaBatch* batch_ = nullptr;  // Of the running Read.
  std::uint64_t batches_ = 0;
  std::vector<Assigned*> touched_;  // Parallel to the batch's ranges.
  std::optional<Error> error_;      // Met in the running Read, or to be returned by the next.
  double mean_bytes_ = 256;         // Of a message, lately.
  std::chrono::steady_clock::time_point polled_;
  std::atomic<bool> woken_{false};
};

}  // namespace sluice
