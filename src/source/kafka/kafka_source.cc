#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <thread>

#include "core/logging.h"
#include "source/kafka/kafka_batch.h"
#include "source/kafka/kafka_client.h"
#include "source/kafka/kafka_error.h"
#include "source/kafka/kafka_options.h"
#include "source/kafka/kafka_reader.h"
#include "source/kafka/kafka_source_entry.h"
#include "source/kafka/kafka_split.h"
#include "source/kafka/kafka_start.h"
#include "source/kafka/kafka_verify.h"

namespace sluice {
namespace {

class KafkaSource final : public Source {
 public:
  KafkaSource(KafkaOptions options, const SourceContext& context)
      : options_(std::move(options)),
        context_(context),
        columns_{options_.include_headers, options_.add_record_timestamp},
        extra_fields_(KafkaExtraFields(columns_)),
        pool_(std::make_shared<KafkaBatchPool>()) {}

  ~KafkaSource() override {
    if (client_ != nullptr) client_->FlushCommits(500);
  }

  const std::vector<std::shared_ptr<arrow::Field>>& extra_fields() const override {
    return extra_fields_;
  }

  Result<std::vector<Split>> ListSplits() override {
    TRY(Connect());
    TRY(const auto topics, DescribeChosen());
    std::vector<Split> splits;
    for (const TopicInfo& topic : topics) {
      std::string& known = ids_[topic.name];
      if (!known.empty() && !topic.id.empty() && known != topic.id) {
        return TopicRecreatedError(topic.name, known, topic.id);
      }
      if (!topic.id.empty()) known = topic.id;
      TRY(const auto partitions, PartitionsOf(topic));
      for (const std::int32_t partition : partitions) {
        splits.push_back({FormatSplit({topic.name, partition}), topic.id});
      }
    }
    return splits;
  }

  Result<std::vector<Missing>> JudgeMissing(const std::vector<SplitStart>& starts) override {
    std::vector<Missing> judged(starts.size(), Missing::kNotNamed);
    std::vector<SplitStart> named;
    std::vector<std::size_t> where;
    for (std::size_t i = 0; i < starts.size(); ++i) {
      TRY(const TopicPartition split, ParseSplit(starts[i].id));
      if (!IsNamed(split)) continue;
      named.push_back(starts[i]);
      where.push_back(i);
    }
    if (named.empty()) return judged;
    TRY(Connect());
    TRY(const auto answers,
        JudgeKafkaMissing(client_.get(), named, options_.fail_on_data_loss, &gone_));
    for (std::size_t i = 0; i < where.size(); ++i) judged[where[i]] = answers[i];
    for (const std::string& topic : gone_) ids_.erase(topic);
    return judged;
  }

  Result<std::vector<SplitStart>> ResolveStart(const std::vector<Split>& splits,
                                               bool first) override {
    TRY(Connect());
    return ResolveKafkaStart(client_.get(), options_, splits, first);
  }

  Result<Verified> Verify(const std::vector<SplitStart>& starts) override {
    TRY(Connect());
    std::vector<std::string> unseen;
    for (const SplitStart& start : starts) {
      TRY(const TopicPartition split, ParseSplit(start.id));
      if (ids_.emplace(split.topic, "").second) unseen.push_back(split.topic);
    }
    TRY(const auto topics, client_->DescribeTopics(unseen));
    for (const TopicInfo& topic : topics) ids_[topic.name] = topic.id;
    TRY(auto verified, VerifyKafkaStarts(client_.get(), starts, ids_, options_.fail_on_data_loss));
    for (const Loss& loss : verified.losses) CountLoss(loss);
    return verified;
  }

  Result<std::map<SplitId, Position>> Ends(const std::vector<SplitId>& splits) override {
    TRY(Connect());
    std::vector<OffsetQuestion> questions;
    for (const SplitId& id : splits) {
      TRY(const TopicPartition split, ParseSplit(id));
      questions.push_back({split, kLatestOffset});
    }
    TRY(const auto answers, client_->ListOffsets({questions}));
    std::map<SplitId, Position> ends;
    for (std::size_t i = 0; i < splits.size(); ++i) ends[splits[i]] = FormatOffset(answers[0][i]);
    return ends;
  }

  Result<std::unique_ptr<SplitReader>> OpenReader(const std::vector<SplitStart>& starts) override {
    TRY(Connect());
    KafkaReaderOptions reader;
    reader.columns = columns_;
    reader.fail_on_data_loss = options_.fail_on_data_loss;
    reader.on_loss = [name = context_.name, metrics = context_.metrics](const Loss& loss) {
      Report(name, metrics, loss);
    };
    return KafkaReader::Make(client_, pool_, reader, starts);
  }

  int ComparePositions(const Position& a, const Position& b) const override {
    const std::int64_t left = OffsetOf(a);
    const std::int64_t right = OffsetOf(b);
    return left < right ? -1 : left > right ? 1 : 0;
  }

  std::int64_t Distance(const Position& from, const Position& to) const override {
    return std::max<std::int64_t>(OffsetOf(to) - OffsetOf(from), 0);
  }

  void Committed(const std::vector<SplitStart>& positions) override {
    if (client_ == nullptr) return;
    std::vector<std::pair<TopicPartition, std::int64_t>> offsets;
    for (const SplitStart& position : positions) {
      auto split = ParseSplit(position.id);
      auto offset = ParseOffset(position.position);
      if (split.ok() && offset.ok()) offsets.emplace_back(*split, *offset);
    }
    client_->CommitOffsets(offsets);
  }

 private:
  /// On first use, so that a job can be checked without a broker.
  Result<void> Connect() {
    if (client_ != nullptr) return {};
    const int readers = std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, 16);
    TRY(client_, KafkaClient::Make(options_, context_.buffer_bytes, readers));
    return {};
  }

  Result<std::vector<TopicInfo>> DescribeChosen() {
    std::vector<std::string> names = options_.topics;
    for (const auto& entry : options_.assigned) names.push_back(entry.first);
    if (options_.pattern) {
      TRY(const auto all, client_->ListTopicNames());
      for (const std::string& name : all) {
        if (options_.pattern->Matches(name)) names.push_back(name);
      }
      if (names.empty()) {
        return RemoteError("kafka.unknown_topic",
                           "no topic at " + options_.bootstrap_servers +
                               " matches subscribePattern. Create one, or correct the pattern");
      }
    }
    if (gone_.empty()) return client_->DescribeTopics(names);
    TRY(auto topics, client_->FindTopics(names));
    for (const TopicInfo& topic : topics) gone_.erase(topic.name);
    std::vector<std::string> left;
    for (const std::string& name : names) {
      if (!gone_.contains(name)) left.push_back(name);
    }
    // With none left the error says which one is missed.
    return client_->DescribeTopics(left.empty() ? names : left);
  }

  /// Whether the options ask for this partition, should it exist.
  bool IsNamed(const TopicPartition& split) const {
    auto assigned = options_.assigned.find(split.topic);
    if (assigned != options_.assigned.end()) {
      return std::find(assigned->second.begin(), assigned->second.end(), split.partition) !=
             assigned->second.end();
    }
    if (options_.pattern && options_.pattern->Matches(split.topic)) return true;
    return std::find(options_.topics.begin(), options_.topics.end(), split.topic) !=
           options_.topics.end();
  }

  Result<std::vector<std::int32_t>> PartitionsOf(const TopicInfo& topic) const {
    auto chosen = options_.assigned.find(topic.name);
    if (chosen == options_.assigned.end()) return topic.partitions;
    for (const std::int32_t partition : chosen->second) {
      if (std::binary_search(topic.partitions.begin(), topic.partitions.end(), partition)) continue;
      return KafkaError(RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION,
                        "looking up " + FormatSplit({topic.name, partition}),
                        "the topic has " + std::to_string(topic.partitions.size()) + " partitions");
    }
    return chosen->second;
  }

  static std::int64_t OffsetOf(const Position& position) {
    auto offset = ParseOffset(position);
    return offset.ok() ? *offset : 0;
  }

  void CountLoss(const Loss& loss) const { Report(context_.name, context_.metrics, loss); }

  static void Report(const std::string& source, Metrics* metrics, const Loss& loss) {
    Log(LogLevel::kWarn, "records were lost before they were read",
        {{"source", source},
         {"split", loss.split},
         {"from", loss.from},
         {"to", loss.to},
         {"records", std::to_string(loss.records)}});
    auto split = ParseSplit(loss.split);
    if (metrics == nullptr || !split.ok()) return;
    metrics
        ->AddCounter("sluice_kafka_lost_records_total",
                     "Records that were gone before they were read, under failOnDataLoss: false.",
                     {{"source", source},
                      {"topic", split->topic},
                      {"partition", std::to_string(split->partition)}})
        .Add(static_cast<double>(loss.records));
  }

  const KafkaOptions options_;
  const SourceContext context_;
  const KafkaColumns columns_;
  const std::vector<std::shared_ptr<arrow::Field>> extra_fields_;
  const std::shared_ptr<KafkaBatchPool> pool_;
  std::map<std::string, std::string> ids_;  // Topic -> id, as last seen.
  std::set<std::string> gone_;              // Topics that were judged to be deleted.
  std::shared_ptr<KafkaClient> client_;
};

}  // namespace

SourceEntry KafkaSourceEntry() {
  SourceEntry entry;
  entry.name = "kafka";
  entry.summary = "Topics of an Apache Kafka cluster.";
  entry.options = KafkaOptionSpecs();
  entry.make = [](const Options& options,
                  const SourceContext& context) -> Result<std::unique_ptr<Source>> {
    TRY(auto parsed, ParseKafkaOptions(options, context.job, context.name));
    return std::unique_ptr<Source>(std::make_unique<KafkaSource>(std::move(parsed), context));
  };
  return entry;
}

}  // namespace sluice
