#include "source/kafka/kafka_split.h"

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

Result<std::int64_t> ParseOffset(const Position& position) {
  std::int64_t offset = 0;
  if (!ParseWhole(position, &offset)) {
    return UserError(
        "kafka.bad_position",
        "'" + position + "' is not a Kafka offset; the checkpoint is of another source");
  }
  return offset;
}

}  // namespace sluice
