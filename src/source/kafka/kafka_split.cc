#include "source/kafka/kafka_split.h"

#include <algorithm>
#include <charconv>

namespace sluice {
namespace {

template <typename T>
bool ParseWhole(std::string_view text, T* value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size() && *value >= 0;
}

}  // namespace

SplitId FormatSplit(const TopicPartition& split) {
  return split.topic + "/" + std::to_string(split.partition);
}

Result<TopicPartition> ParseSplit(const SplitId& id) {
  TopicPartition split;
  const std::size_t slash = id.rfind('/');
  if (slash == std::string::npos || slash == 0 ||
      !ParseWhole(std::string_view(id).substr(slash + 1), &split.partition)) {
    return UserError("kafka.bad_position",
                     "'" + id +
                         "' is not a Kafka partition such as clicks/3; the checkpoint is of "
                         "another source");
  }
  split.topic = id.substr(0, slash);
  return split;
}

Position FormatOffset(std::int64_t offset) { return std::to_string(offset); }

Position FormatPosition(const KafkaPosition& position) {
  Position text = FormatOffset(position.next);
  if (position.check.epoch < 0) return text;
  text += ":" + std::to_string(position.check.epoch);
  if (position.check.offset != position.next) text += ":" + FormatOffset(position.check.offset);
  return text;
}

Result<KafkaPosition> ParsePosition(const Position& position) {
  auto next_part = [rest = std::string_view(position)]() mutable {
    const std::size_t colon = std::min(rest.find(':'), rest.size());
    const std::string_view one = rest.substr(0, colon);
    rest.remove_prefix(std::min(colon + 1, rest.size()));
    return one;
  };
  const auto colons = std::count(position.begin(), position.end(), ':');
  KafkaPosition parsed;
  bool ok = colons <= 2 && ParseWhole(next_part(), &parsed.next);
  parsed.check.offset = parsed.next;
  if (ok && colons > 0) ok = ParseWhole(next_part(), &parsed.check.epoch);
  if (ok && colons > 1) ok = ParseWhole(next_part(), &parsed.check.offset);
  if (!ok || parsed.check.offset > parsed.next) {
    return UserError(
        "kafka.bad_position",
        "'" + position + "' is not a Kafka offset; the checkpoint is of another source");
  }
  return parsed;
}

Result<std::int64_t> ParseOffset(const Position& position) {
  TRY(const KafkaPosition parsed, ParsePosition(position));
  return parsed.next;
}

}  // namespace sluice
