/// One connection to a cluster: librdkafka's handle, its callbacks, and the questions that the
/// source asks brokers.
///
/// All readers of a source share one client, so that a job has one connection per broker. Batches
/// keep it alive: librdkafka needs its handle until the last message is destroyed. Threads: any, at
/// the same time. Questions wait for at most about ten seconds.
#pragma once

#include <librdkafka/rdkafka.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/result.h"
#include "source/kafka/kafka_options.h"

namespace sluice {

struct TopicPartition {
  std::string topic;
  std::int32_t partition = 0;
};

/// A place in a log as its leader knew it: `epoch` is that of the record before `offset`. -1 where
/// it is not known; then the place cannot be compared with a later leader's log.
struct KafkaCheck {
  std::int64_t offset = 0;
  std::int32_t epoch = -1;
};

struct TopicInfo {
  std::string name;
  std::string id;  ///< "" where the broker has none.
  std::vector<std::int32_t> partitions;
};

/// `at`: kEarliestOffset, kLatestOffset (the last stable one), or milliseconds since 1970.
struct OffsetQuestion {
  TopicPartition split;
  std::int64_t at = 0;
};
inline constexpr std::int64_t kEarliestOffset = -2;
inline constexpr std::int64_t kLatestOffset = -1;

/// Partitions and offsets in librdkafka's form.
class KafkaPartitionList {
 public:
  explicit KafkaPartitionList(std::size_t size)
      : list_(rd_kafka_topic_partition_list_new(static_cast<int>(size))) {}
  ~KafkaPartitionList() { rd_kafka_topic_partition_list_destroy(list_); }
  KafkaPartitionList(const KafkaPartitionList&) = delete;
  KafkaPartitionList& operator=(const KafkaPartitionList&) = delete;

  void Add(const TopicPartition& split, std::int64_t offset) {
    rd_kafka_topic_partition_list_add(list_, split.topic.c_str(), split.partition)->offset = offset;
  }
  /// With the epoch, librdkafka compares the place with the leader's log before it fetches from it.
  void Add(const TopicPartition& split, const KafkaCheck& check) {
    Add(split, check.offset);
    rd_kafka_topic_partition_set_leader_epoch(&list_->elems[list_->cnt - 1], check.epoch);
  }
  rd_kafka_topic_partition_list_t* get() const { return list_; }

 private:
  rd_kafka_topic_partition_list_t* const list_;
};

struct KafkaEventFreer {
  void operator()(rd_kafka_event_t* event) const { rd_kafka_event_destroy(event); }
};
using KafkaEvent = std::unique_ptr<rd_kafka_event_t, KafkaEventFreer>;

class KafkaClient {
 public:
  /// Connects in the background; errors are those of the options and of TLS files.
  static Result<std::shared_ptr<KafkaClient>> Make(const KafkaOptions& options,
                                                   std::size_t buffer_bytes, int readers);
  ~KafkaClient();
  KafkaClient(const KafkaClient&) = delete;
  KafkaClient& operator=(const KafkaClient&) = delete;

  rd_kafka_t* handle() const { return handle_; }

  /// In the order of `names`. An unknown topic is an error that names it.
  Result<std::vector<TopicInfo>> DescribeTopics(const std::vector<std::string>& names);
  /// As DescribeTopics, without those that are unknown.
  Result<std::vector<TopicInfo>> FindTopics(const std::vector<std::string>& names);

  /// Of the whole cluster, internal ones (__*) left out, sorted.
  Result<std::vector<std::string>> ListTopicNames();

  /// One answer per question, in order; -1 where no record is as late as the time asked for. The
  /// lists are asked at the same time.
  Result<std::vector<std::vector<std::int64_t>>> ListOffsets(
      const std::vector<std::vector<OffsetQuestion>>& lists);

  /// The low watermark that the last reply for this split carried, without asking; -1 if unknown.
  std::int64_t CachedLow(const TopicPartition& split) const;

  /// True for the first call with `split`, false for every other.
  bool FirstAssignment(const TopicPartition& split);

  /// Sends group offsets without waiting. Failures are logged.
  void CommitOffsets(const std::vector<std::pair<TopicPartition, std::int64_t>>& offsets);
  /// Gives offsets on their way until `millis` from now.
  void FlushCommits(int millis);

  /// Serves librdkafka's callbacks. Returns the error after which nothing can be read any more
  /// (credentials refused), if there was one.
  std::optional<Error> Poll();

  /// `text` with the options' secrets blanked out.
  std::string Redact(std::string text) const;

 private:
  explicit KafkaClient(const KafkaOptions& options);
  static void OnError(rd_kafka_t*, int code, const char* reason, void* opaque);
  static void OnLog(const rd_kafka_t*, int level, const char* facility, const char* text);
  static void OnCommit(rd_kafka_t*, rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t*,
                       void* opaque);
  /// When a question began, and how often things had failed by then.
  struct Mark {
    std::chrono::steady_clock::time_point at;
    std::int64_t all_down = 0;
    std::int64_t tls_failures = 0;
  };
  Mark MarkNow();
  std::optional<Error> TroubleSince(const Mark& mark, const std::string& what);
  Result<std::vector<KafkaEvent>> Await(rd_kafka_queue_t* queue, std::size_t events,
                                        const std::string& what);

  const std::string servers_;
  const std::vector<std::string> secrets_;
  rd_kafka_t* handle_ = nullptr;
  std::atomic<int> commits_open_{0};

  std::mutex polling_;  // Held in rd_kafka_consumer_poll, whose callbacks take mutex_.
  std::mutex mutex_;
  std::optional<Error> fatal_;  // Guarded by mutex_.
  std::string last_reason_;     // Guarded: what librdkafka last said about a broker.
  rd_kafka_resp_err_t last_code_ = RD_KAFKA_RESP_ERR_NO_ERROR;  // Guarded.
  std::int64_t all_down_ = 0;      // Guarded: how often no broker was left.
  std::int64_t tls_failures_ = 0;  // Guarded.
  std::set<std::pair<std::string, std::int32_t>> assigned_;  // Guarded: ever.
};

}  // namespace sluice
