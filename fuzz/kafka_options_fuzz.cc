// Any text as one of the Kafka options that have a form of their own; the first byte picks which. A
// pattern is also matched, in bounded time, against the text that follows its first line.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "source/kafka/kafka_options.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static constexpr std::array<const char*, 7> kNames = {
      "assign",           "startingOffsets",   "subscribePattern",
      "topicName",        "startingTimestamp", "startingOffsetsByTimestamp",
      "bootstrap.servers"};
  if (size == 0) return 0;
  const std::string name = kNames[data[0] % kNames.size()];
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (name == "subscribePattern") {
    const auto line = text.find('\n');
    auto pattern = sluice::TopicPattern::Make(text.substr(0, line));
    if (pattern.ok() && line != text.npos)
      pattern->Matches(std::string_view(text).substr(line + 1));
  }
  std::vector<std::pair<std::string, std::string>> pairs = {{name, text}};
  if (name != "bootstrap.servers") pairs.emplace_back("bootstrap.servers", "b:9092");
  if (name != "assign" && name != "subscribePattern" && name != "topicName") {
    pairs.emplace_back("topicName", "t");
  }
  auto raw = sluice::RawOptionsFromPairs(pairs);
  auto options = sluice::ParseOptions(sluice::KafkaOptionSpecs(), raw, "source s (kafka)");
  if (!options.ok()) return 0;
  auto kafka = sluice::ParseKafkaOptions(*options, "job", "s");
  if (!kafka.ok()) {
    if (kafka.error().blame != sluice::Blame::kUser) std::abort();
    return 0;
  }
  for (const auto& [topic, partitions] : kafka->assigned) {
    if (topic.empty() || partitions.empty() || partitions.front() < 0) std::abort();
  }
  return 0;
}
