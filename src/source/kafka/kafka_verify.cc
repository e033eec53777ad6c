#include "source/kafka/kafka_verify.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "source/kafka/kafka_split.h"

namespace sluice {
namespace {

constexpr int kLooks = 3;
constexpr std::chrono::seconds kBetweenLooks(1);

Error TopicDeletedError(const std::string& topic, const std::string& positions) {
  return RemoteError(
      "kafka.topic_deleted",
      "the topic " + topic + " was deleted (read up to " + positions +
          "), so that it is not known whether all of its records were read. To go on without it "
          "set failOnDataLoss: false, or run with --drop SOURCE/" +
          topic + " (SOURCE is the source's name in the job)",
      Retry::kNo);
}

}  // namespace

Error DataLossError(const SplitId& split, std::int64_t from, std::int64_t low) {
  return RemoteError(
      "kafka.data_loss",
      "the records of " + split + " from offset " + std::to_string(from) + " to " +
          std::to_string(low - 1) + " (at most " + std::to_string(low - from) +
          ") were deleted before they were read; the first one left is " + std::to_string(low) +
          ". Lengthen the topic's retention; to go on without them set failOnDataLoss: false",
      Retry::kNo);
}

Error TruncatedError(const SplitId& split, std::int64_t position, std::int64_t kept,
                     std::int64_t end) {
  const std::string found =
      position > end ? "the broker's log ends at " + std::to_string(end)
      : kept < 0     ? "the broker's log is another one since then"
                     : "from offset " + std::to_string(kept) + " on the broker has other records";
  return RemoteError("kafka.truncated",
                     split + " was read up to offset " + std::to_string(position) + ", but " +
                         found +
                         ": it lost records that had been read (an unclean leader election, or a "
                         "restored disk). To go on at " +
                         (position > end ? "its end" : "offset " + std::to_string(position)) +
                         " set failOnDataLoss: false",
                     Retry::kNo);
}

Error TopicRecreatedError(const std::string& topic, const std::string& was, const std::string& is) {
  return RemoteError(
      "kafka.topic_recreated",
      "the topic " + topic + " was deleted and made anew (its id was " + was + ", it is " + is +
          "), so that its offsets stand for other records. Use a new "
          "checkpointLocation; to read the new topic from its beginning with this one, "
          "set failOnDataLoss: false and start the job again",
      Retry::kNo);
}

Result<std::vector<Missing>> JudgeKafkaMissing(KafkaClient* client,
                                               const std::vector<SplitStart>& starts,
                                               bool fail_on_data_loss,
                                               std::set<std::string>* gone) {
  std::map<std::string, std::string> positions;  // By topic, "t/0 5, t/1 7".
  for (const SplitStart& start : starts) {
    TRY(const TopicPartition split, ParseSplit(start.id));
    std::string& text = positions[split.topic];
    text += (text.empty() ? "" : ", ") + start.id + " " + start.position;
  }
  std::map<std::string, TopicInfo> found;
  for (int look = 0; look < kLooks; ++look) {
    std::vector<std::string> unseen;
    for (const auto& [topic, text] : positions) {
      if (!found.contains(topic)) unseen.push_back(topic);
    }
    if (unseen.empty()) break;
    if (look > 0) std::this_thread::sleep_for(kBetweenLooks);
    TRY(const auto topics, client->FindTopics(unseen));
    for (const TopicInfo& topic : topics) found[topic.name] = topic;
  }
  std::vector<Missing> judged;
  for (const SplitStart& start : starts) {
    TRY(const TopicPartition split, ParseSplit(start.id));
    auto topic = found.find(split.topic);
    if (topic == found.end()) {
      if (fail_on_data_loss) return TopicDeletedError(split.topic, positions[split.topic]);
      gone->insert(split.topic);
      judged.push_back(Missing::kGone);
      continue;
    }
    const auto& [name, id, partitions] = topic->second;
    const bool recreated = !start.identity.empty() && !id.empty() && start.identity != id;
    const bool there = std::binary_search(partitions.begin(), partitions.end(), split.partition);
    if (recreated && !there && fail_on_data_loss) {
      return TopicRecreatedError(name, start.identity, id);
    }
    judged.push_back(recreated && !there ? Missing::kGone : Missing::kUnclear);
  }
  return judged;
}

Result<Verified> VerifyKafkaStarts(KafkaClient* client, const std::vector<SplitStart>& starts,
                                   const std::map<std::string, std::string>& ids,
                                   bool fail_on_data_loss) {
  Verified verified;
  verified.starts = starts;
  std::vector<OffsetQuestion> low;
  std::vector<OffsetQuestion> high;
  for (const SplitStart& start : starts) {
    TRY(const TopicPartition split, ParseSplit(start.id));
    low.push_back({split, kEarliestOffset});
    high.push_back({split, kLatestOffset});
  }
  TRY(const auto ends, client->ListOffsets({low, high}));
  for (std::size_t i = 0; i < starts.size(); ++i) {
    SplitStart& start = verified.starts[i];
    TRY(const std::int64_t position, ParseOffset(start.position));
    const std::int64_t first = ends[0][i];
    const std::int64_t end = ends[1][i];
    auto id = ids.find(low[i].split.topic);
    const std::string now = id == ids.end() ? "" : id->second;
    const bool recreated = !start.identity.empty() && !now.empty() && start.identity != now;
    // A broker that has topic ids since its upgrade: remembered from now on.
    if (!now.empty()) start.identity = now;
    if (recreated) {
      if (fail_on_data_loss)
        return TopicRecreatedError(low[i].split.topic, starts[i].identity, now);
      // How much of the old topic was never read, nobody knows any more.
      start.position = FormatOffset(first);
      verified.losses.push_back({start.id, starts[i].position, starts[i].position, 0});
    } else if (position < first) {
      if (fail_on_data_loss) return DataLossError(start.id, position, first);
      start.position = FormatOffset(first);
      verified.losses.push_back({start.id, starts[i].position, start.position, first - position});
    } else if (position > end) {
      if (fail_on_data_loss) return TruncatedError(start.id, position, -1, end);
      start.position = FormatOffset(end);
      verified.losses.push_back({start.id, start.position, starts[i].position, position - end});
    }
  }
  return verified;
}

}  // namespace sluice
