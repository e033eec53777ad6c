/// The options of `type: kafka`, declared, checked and turned into librdkafka's properties.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/options.h"
#include "core/result.h"
#include "source/kafka/topic_pattern.h"

namespace sluice {

/// Topic -> partition -> offset or time.
using PartitionNumbers = std::map<std::string, std::map<std::int32_t, std::int64_t>>;

struct KafkaOptions {
  /// Exactly one of the three is given.
  std::vector<std::string> topics;
  std::map<std::string, std::vector<std::int32_t>> assigned;
  std::optional<TopicPattern> pattern;

  enum class Start { kLatest, kEarliest, kOffsets, kTime, kTimes };
  Start start = Start::kLatest;
  PartitionNumbers start_offsets;     ///< kOffsets: -2 earliest, -1 latest.
  std::int64_t start_millis = 0;      ///< kTime: since 1970.
  PartitionNumbers start_times;       ///< kTimes: milliseconds since 1970.
  bool latest_without_match = false;  ///< startingOffsetsByTimestampStrategy: latest.

  bool fail_on_data_loss = true;
  bool include_headers = false;
  bool add_record_timestamp = false;
  std::string group_id;
  std::string bootstrap_servers;  ///< As given, for messages.

  /// librdkafka's names and values, in the order in which they are set. Buffers are not among them.
  std::vector<std::pair<std::string, std::string>> properties;
  /// Values that may appear in no message; KafkaClient blanks them out of librdkafka's texts.
  std::vector<std::string> secrets;
};

/// What `sluice describe kafka` shows and the job loader validates with.
std::vector<OptionSpec> KafkaOptionSpecs();

/// `job` and `source` name the consumer group where the options do not. All errors blame the user.
Result<KafkaOptions> ParseKafkaOptions(const Options& options, const std::string& job,
                                       const std::string& source);

/// librdkafka's fetch and queue sizes such that `readers` queues and one reply per broker stay
/// within `buffer_bytes`, with 1 partition or 1,000: forwarded partitions share their reader's
/// queue limit.
std::vector<std::pair<std::string, std::string>> KafkaBufferProperties(std::size_t buffer_bytes,
                                                                       int readers);

}  // namespace sluice
