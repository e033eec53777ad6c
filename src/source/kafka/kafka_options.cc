#include "source/kafka/kafka_options.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/clock.h"
#include "source/kafka/kafka_property.h"

namespace sluice {
namespace {

using Json = nlohmann::json;

Error BadOption(const std::string& message) { return UserError("kafka.bad_option", message); }

Result<std::int64_t> Integer(std::string_view text, const std::string& what) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return BadOption(what + " is '" + std::string(text) + "', which is not a whole number");
  }
  return value;
}

Result<std::int32_t> PartitionNumber(std::string_view text, const std::string& option) {
  TRY(const std::int64_t number, Integer(text, "a partition in " + option));
  if (number < 0 || number > std::numeric_limits<std::int32_t>::max()) {
    return BadOption("a partition in " + option + " is " + std::to_string(number));
  }
  return static_cast<std::int32_t>(number);
}

Result<Json> ParseObject(const std::string& text, const std::string& option,
                         const std::string& example) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || json.empty()) {
    return BadOption(option + " must be a JSON object such as " + example);
  }
  return json;
}

Result<std::int64_t> IntegerMember(const Json& json, const std::string& what) {
  if (json.is_string()) return Integer(json.get_ref<const std::string&>(), what);
  if (!json.is_number_integer()) return BadOption(what + " must be a whole number");
  return json.get<std::int64_t>();
}

/// {"topic":{"0":23,"1":-2}}
Result<PartitionNumbers> ParsePartitionNumbers(const std::string& text, const std::string& option) {
  TRY(const Json json, ParseObject(text, option, R"({"clicks":{"0":23,"1":-2}})"));
  PartitionNumbers numbers;
  for (const auto& [topic, partitions] : json.items()) {
    if (!partitions.is_object()) {
      return BadOption(option + R"(: the value of ")" + topic +
                       R"(" must be an object such as {"0":23,"1":-2})");
    }
    for (const auto& [partition, value] : partitions.items()) {
      TRY(const std::int32_t number, PartitionNumber(partition, option));
      TRY(const std::int64_t offset,
          IntegerMember(value, option + ": the value of " + topic + "/" + partition));
      numbers[topic][number] = offset;
    }
  }
  return numbers;
}

/// {"topic":[0,1]}
Result<std::map<std::string, std::vector<std::int32_t>>> ParseAssign(const std::string& text) {
  TRY(const Json json, ParseObject(text, "assign", R"({"clicks":[0,1]})"));
  std::map<std::string, std::vector<std::int32_t>> assigned;
  for (const auto& [topic, partitions] : json.items()) {
    if (!partitions.is_array() || partitions.empty()) {
      return BadOption(R"(assign: the value of ")" + topic + R"(" must be a list such as [0,1])");
    }
    std::vector<std::int32_t>& list = assigned[topic];
    for (const Json& partition : partitions) {
      TRY(const std::int64_t number, IntegerMember(partition, "assign: a partition of " + topic));
      TRY(const std::int32_t checked, PartitionNumber(std::to_string(number), "assign"));
      list.push_back(checked);
    }
    std::sort(list.begin(), list.end());
    list.erase(std::unique(list.begin(), list.end()), list.end());
  }
  return assigned;
}

/// Kafka's rule for names (org.apache.kafka.common.internals.Topic).
Result<void> CheckTopicName(const std::string& topic) {
  const bool legal = !topic.empty() && topic.size() <= 249 && topic != "." && topic != ".." &&
                     std::all_of(topic.begin(), topic.end(), [](unsigned char c) {
                       return (c < 128 && std::isalnum(c) != 0) || c == '.' || c == '_' || c == '-';
                     });
  if (legal) return {};
  return BadOption("'" + topic +
                   "' cannot be the name of a topic: 1 to 249 letters, digits, '.', '_' and '-'");
}

Result<void> ParseTopics(const Options& options, KafkaOptions* out) {
  const int given = static_cast<int>(options.Given("topicName")) +
                    static_cast<int>(options.Given("assign")) +
                    static_cast<int>(options.Given("subscribePattern"));
  if (given != 1) {
    return BadOption(std::string(given == 0 ? "none" : "more than one") +
                     " of topicName, assign and subscribePattern is given; give exactly one");
  }
  if (options.Given("assign")) {
    TRY(out->assigned, ParseAssign(options.String("assign")));
    for (const auto& entry : out->assigned) TRY(CheckTopicName(entry.first));
    return {};
  }
  if (options.Given("subscribePattern")) {
    TRY(auto pattern, TopicPattern::Make(options.String("subscribePattern")));
    out->pattern = std::move(pattern);
    return {};
  }
  for (const std::string& topic : options.List("topicName")) {
    TRY(CheckTopicName(topic));
    if (std::find(out->topics.begin(), out->topics.end(), topic) == out->topics.end()) {
      out->topics.push_back(topic);
    }
  }
  if (out->topics.empty()) return BadOption("topicName names no topic");
  return {};
}

Result<void> ParseStart(const Options& options, KafkaOptions* out) {
  if (options.Given("endingOffsets")) {
    return BadOption(
        "endingOffsets belongs to batch reads; a stream has no end. Take it out, and use "
        "--until-caught-up to stop at the end seen at start");
  }
  out->latest_without_match = options.String("startingOffsetsByTimestampStrategy") == "latest";
  std::string first;
  for (const char* name : {"startingOffsets", "startingTimestamp", "startingOffsetsByTimestamp"}) {
    if (!options.Given(name)) continue;
    if (!first.empty()) {
      return BadOption(first + " and " + name + " both say where to start; give one of them");
    }
    first = name;
  }
  if (first == "startingTimestamp") {
    out->start = KafkaOptions::Start::kTime;
    const std::string text = options.String("startingTimestamp");
    if (!text.empty() && std::all_of(text.begin(), text.end(),
                                     [](unsigned char c) { return std::isdigit(c) != 0; })) {
      TRY(out->start_millis, Integer(text, "startingTimestamp"));
      return {};
    }
    auto micros = ParseTimestamp(text);
    if (!micros.ok()) return std::move(micros).error().At("startingTimestamp");
    out->start_millis = (*micros + 999) / 1000;
    if (out->start_millis < 0) return BadOption("startingTimestamp lies before 1970");
    return {};
  }
  if (first == "startingOffsetsByTimestamp") {
    out->start = KafkaOptions::Start::kTimes;
    TRY(out->start_times, ParsePartitionNumbers(options.String(first), first));
    for (const auto& [topic, times] : out->start_times) {
      for (const auto& [partition, time] : times) {
        if (time >= 0) continue;
        return BadOption(first + ": the time of " + topic + "/" + std::to_string(partition) +
                         " is negative");
      }
    }
    return {};
  }
  const std::string text = options.String("startingOffsets");
  if (text == "latest") {
    out->start = KafkaOptions::Start::kLatest;
  } else if (text == "earliest") {
    out->start = KafkaOptions::Start::kEarliest;
  } else if (text.starts_with("{")) {
    out->start = KafkaOptions::Start::kOffsets;
    TRY(out->start_offsets, ParsePartitionNumbers(text, "startingOffsets"));
    for (const auto& [topic, offsets] : out->start_offsets) {
      for (const auto& [partition, offset] : offsets) {
        if (offset >= -2) continue;
        return BadOption("startingOffsets: the offset of " + topic + "/" +
                         std::to_string(partition) + " is " + std::to_string(offset) +
                         "; -2 is earliest, -1 is latest");
      }
    }
  } else {
    return BadOption("startingOffsets is '" + text +
                     R"('; it takes latest, earliest, or JSON such as {"clicks":{"0":23,"1":-2}})");
  }
  return {};
}

/// Named here rather than by the TLS library, whose messages do not say which option was wrong.
Result<void> AddFile(const Options& options, const std::string& name, KafkaOptions* out) {
  const std::string path = options.String(name);
  if (path.empty()) return {};
  if (!std::ifstream(path).good()) {
    return UserError("kafka.tls", name + ": the file " + path + " cannot be read");
  }
  out->properties.emplace_back(name, path);
  return {};
}

Result<void> ParseSecurity(const Options& options, KafkaOptions* out) {
  std::string protocol = options.String("security.protocol");
  const bool sasl = protocol.starts_with("SASL");
  const bool tls = protocol.ends_with("SSL");
  out->properties.emplace_back("security.protocol", protocol);
  for (const char* name : {"sasl.password", "ssl.key.password"}) {
    if (const std::string secret = options.String(name); !secret.empty()) {
      out->secrets.push_back(secret);
    }
  }
  for (const char* name : {"sasl.mechanism", "sasl.username", "sasl.password"}) {
    const std::string value = options.String(name);
    if (sasl && value.empty()) {
      return BadOption("security.protocol is " + protocol + " and " + name + " is missing");
    }
    if (!sasl && options.Given(name)) {
      return BadOption(std::string(name) + " is given, but security.protocol is " + protocol +
                       "; use SASL_SSL or SASL_PLAINTEXT");
    }
    if (sasl) out->properties.emplace_back(name, value);
  }
  for (const char* name :
       {"ssl.ca.location", "ssl.certificate.location", "ssl.key.location", "ssl.key.password"}) {
    if (!tls && options.Given(name)) {
      return BadOption(std::string(name) + " is given, but security.protocol is " + protocol +
                       "; use SSL or SASL_SSL");
    }
  }
  if (!tls) return {};
  if (options.Given("ssl.key.location") != options.Given("ssl.certificate.location")) {
    return BadOption(
        "ssl.certificate.location and ssl.key.location belong together; one is missing");
  }
  TRY(AddFile(options, "ssl.ca.location", out));
  TRY(AddFile(options, "ssl.certificate.location", out));
  TRY(AddFile(options, "ssl.key.location", out));
  if (const std::string password = options.String("ssl.key.password"); !password.empty()) {
    out->properties.emplace_back("ssl.key.password", password);
  }
  out->properties.emplace_back("ssl.endpoint.identification.algorithm",
                               options.String("ssl.endpoint.identification.algorithm"));
  return {};
}

}  // namespace

Result<KafkaOptions> ParseKafkaOptions(const Options& options, const std::string& job,
                                       const std::string& source) {
  KafkaOptions out;
  out.bootstrap_servers = options.String("bootstrap.servers");
  if (out.bootstrap_servers.empty()) return BadOption("bootstrap.servers is empty");
  TRY(ParseTopics(options, &out));
  TRY(ParseStart(options, &out));
  out.fail_on_data_loss = options.Bool("failOnDataLoss");
  out.include_headers = options.Bool("includeHeaders");
  out.add_record_timestamp = options.Bool("addRecordTimestamp");
  out.group_id = options.String("kafka.group.id");
  if (out.group_id.empty()) {
    out.group_id = options.String("groupIdPrefix") + "-" + job + "-" + source;
  }

  out.properties = {
      {"bootstrap.servers", out.bootstrap_servers},
      {"client.id", "sluice"},
      {"group.id", out.group_id},
      {"isolation.level", "read_committed"},
      {"check.crcs", "true"},
      {"enable.partition.eof", "true"},
      {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},
      {"auto.offset.reset", "error"},
      {"allow.auto.create.topics", "false"},
      {"enable.metrics.push", "false"},
      // A full queue is looked at again after a few milliseconds of its reader's work, not a
      // second.
      {"fetch.queue.backoff.ms", "5"},
      // A broker answers at once when there is a record, and says after so long that there is none.
      {"fetch.wait.max.ms", "100"},
      {"fetch.error.backoff.ms", "100"},
      {"reconnect.backoff.max.ms", "2000"},
      {"socket.keepalive.enable", "true"},
      // There is no membership in a group; but so long, 45 s by default, the client keeps a commit
      // whose coordinator is away, and cannot be closed meanwhile.
      {"session.timeout.ms", "1000"},
  };
  TRY(ParseSecurity(options, &out));
  for (const auto& [name, value] : options.WithPrefix("kafka.")) {
    TRY(auto property, TranslateKafkaProperty(name, value));
    if (property) out.properties.push_back(*std::move(property));
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> KafkaBufferProperties(std::size_t buffer_bytes,
                                                                       int readers) {
  // What librdkafka keeps for one message beside its bytes (rd_kafka_op_t and its allocation).
  constexpr std::size_t kPerMessage = 512;
  constexpr std::size_t kMiB = 1u << 20;
  const std::size_t reply = std::clamp(buffer_bytes / 16, kMiB, 32 * kMiB);
  const std::size_t queue =
      std::max(buffer_bytes / 4 / static_cast<std::size_t>(std::max(readers, 1)), kMiB);
  return {
      {"fetch.max.bytes", std::to_string(reply)},
      {"fetch.message.max.bytes", std::to_string(std::max(reply / 2, kMiB))},
      {"queued.max.messages.kbytes", std::to_string(std::max(queue / 1000, std::size_t{1}))},
      {"queued.min.messages",
       std::to_string(std::clamp(queue / kPerMessage, std::size_t{1000}, std::size_t{10000000}))},
  };
}

}  // namespace sluice
