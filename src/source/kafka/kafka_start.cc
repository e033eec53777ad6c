#include "source/kafka/kafka_start.h"

#include <algorithm>

#include "core/clock.h"
#include "core/logging.h"
#include "source/kafka/kafka_split.h"

namespace sluice {
namespace {

/// What the options' JSON says about a split. Spark demands every partition too: one left out by
/// mistake would start at a place that nobody chose.
Result<std::int64_t> NumberFor(const PartitionNumbers& numbers, const TopicPartition& split,
                               const std::string& option) {
  if (auto topic = numbers.find(split.topic); topic != numbers.end()) {
    if (auto it = topic->second.find(split.partition); it != topic->second.end()) return it->second;
  }
  return UserError("kafka.bad_option", option + " says nothing about " + FormatSplit(split) +
                                           "; it must name every partition that is read");
}

Result<void> CheckNamed(const PartitionNumbers& numbers, const std::vector<Split>& splits,
                        const std::string& option) {
  for (const auto& [topic, partitions] : numbers) {
    for (const auto& entry : partitions) {
      const SplitId id = FormatSplit({topic, entry.first});
      if (std::any_of(splits.begin(), splits.end(), [&](const Split& s) { return s.id == id; })) {
        continue;
      }
      return UserError("kafka.bad_option",
                       option + " names " + id + ", which is not among the partitions read");
    }
  }
  return {};
}

/// Where a list of questions came to nothing (no record so late), by the strategy.
Result<void> FillLatest(KafkaClient* client, const KafkaOptions& options,
                        const std::vector<OffsetQuestion>& asked,
                        std::vector<std::int64_t>* offsets) {
  std::vector<OffsetQuestion> again;
  std::vector<std::size_t> where;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if ((*offsets)[i] >= 0) continue;
    if (asked[i].at >= 0 && !options.latest_without_match) {
      return UserError("kafka.no_such_time",
                       FormatSplit(asked[i].split) + " has no record of " +
                           FormatTimestamp(asked[i].at * 1000) +
                           " or later. Choose an earlier starting time, or set "
                           "startingOffsetsByTimestampStrategy: latest");
    }
    again.push_back({asked[i].split, kLatestOffset});
    where.push_back(i);
  }
  if (again.empty()) return {};
  TRY(const auto answers, client->ListOffsets({again}));
  for (std::size_t i = 0; i < where.size(); ++i) (*offsets)[where[i]] = answers[0][i];
  return {};
}

/// Offsets that a person wrote down must exist.
Result<std::int64_t> InRange(const TopicPartition& split, std::int64_t wanted, std::int64_t low,
                             std::int64_t high, bool fail_on_data_loss) {
  if (wanted >= low && wanted <= high) return wanted;
  const std::string message = "startingOffsets gives " + std::to_string(wanted) + " for " +
                              FormatSplit(split) + ", which has " + std::to_string(low) + " to " +
                              std::to_string(high);
  if (fail_on_data_loss) return UserError("kafka.bad_option", message);
  Log(LogLevel::kWarn, message + "; the nearest is taken");
  return std::clamp(wanted, low, high);
}

}  // namespace

Result<std::vector<SplitStart>> ResolveKafkaStart(KafkaClient* client, const KafkaOptions& options,
                                                  const std::vector<Split>& splits, bool first) {
  using Start = KafkaOptions::Start;
  const Start start = first ? options.start : Start::kEarliest;
  if (start == Start::kOffsets) {
    TRY(CheckNamed(options.start_offsets, splits, "startingOffsets"));
  }
  if (start == Start::kTimes) {
    TRY(CheckNamed(options.start_times, splits, "startingOffsetsByTimestamp"));
  }
  std::vector<OffsetQuestion> questions;
  std::vector<std::int64_t> wanted;  // kOffsets: what the JSON says.
  for (const Split& split : splits) {
    OffsetQuestion question;
    TRY(question.split, ParseSplit(split.id));
    switch (start) {
      case Start::kLatest:
        question.at = kLatestOffset;
        break;
      case Start::kEarliest:
        question.at = kEarliestOffset;
        break;
      case Start::kTime:
        question.at = options.start_millis;
        break;
      case Start::kTimes: {
        TRY(question.at,
            NumberFor(options.start_times, question.split, "startingOffsetsByTimestamp"));
        break;
      }
      case Start::kOffsets: {
        TRY(const std::int64_t offset,
            NumberFor(options.start_offsets, question.split, "startingOffsets"));
        wanted.push_back(offset);
        question.at = kEarliestOffset;
        break;
      }
    }
    questions.push_back(question);
  }
  std::vector<std::vector<OffsetQuestion>> lists{questions};
  if (start == Start::kOffsets) {
    for (OffsetQuestion& question : questions) question.at = kLatestOffset;
    lists.push_back(questions);
  }
  TRY(auto answers, client->ListOffsets(lists));
  std::vector<std::int64_t>& offsets = answers[0];
  if (start == Start::kOffsets) {
    for (std::size_t i = 0; i < splits.size(); ++i) {
      const std::int64_t low = answers[0][i];
      const std::int64_t high = answers[1][i];
      if (wanted[i] == kEarliestOffset) continue;
      if (wanted[i] == kLatestOffset) {
        offsets[i] = high;
        continue;
      }
      TRY(offsets[i], InRange(lists[0][i].split, wanted[i], low, high, options.fail_on_data_loss));
    }
  } else {
    TRY(FillLatest(client, options, lists[0], &offsets));
  }
  std::vector<SplitStart> starts;
  for (std::size_t i = 0; i < splits.size(); ++i) {
    starts.push_back({splits[i].id, FormatOffset(offsets[i]), splits[i].identity});
  }
  return starts;
}

}  // namespace sluice
