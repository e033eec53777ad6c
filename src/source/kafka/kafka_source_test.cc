#include <arrow/api.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "source/kafka/kafka_source_entry.h"
#include "source/kafka/mock_kafka.h"

namespace sluice {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// Topic "t" with two partitions of ten records each, unless a test says otherwise.
class KafkaSourceTest : public testing::Test {
 protected:
  Result<std::unique_ptr<Source>> Make(Pairs pairs) {
    const auto has = [&](const char* name) {
      return std::any_of(pairs.begin(), pairs.end(),
                         [&](const auto& p) { return p.first == name; });
    };
    if (!has("bootstrap.servers")) pairs.emplace_back("bootstrap.servers", kafka_.bootstrap());
    if (!has("security.protocol")) pairs.emplace_back("security.protocol", "PLAINTEXT");
    const SourceEntry entry = KafkaSourceEntry();
    TRY(auto options, ParseOptions(entry.options, RawOptionsFromPairs(pairs), "source t (kafka)"));
    SourceContext context;
    context.job = "job";
    context.name = "t";
    context.metrics = &metrics_;
    return entry.make(options, context);
  }

  std::unique_ptr<Source> MustMake(const Pairs& pairs) {
    auto source = Make(pairs);
    EXPECT_TRUE(source.ok()) << ToString(source.error());
    return *std::move(source);
  }

  /// What the source would do at the first start of a job.
  std::vector<SplitStart> FirstStarts(Source* source) {
    auto splits = source->ListSplits();
    EXPECT_TRUE(splits.ok()) << ToString(splits.error());
    auto starts = source->ResolveStart(*splits, true);
    EXPECT_TRUE(starts.ok()) << ToString(starts.error());
    auto verified = source->Verify(*starts);
    EXPECT_TRUE(verified.ok()) << ToString(verified.error());
    return verified->starts;
  }

  struct Seen {
    std::map<SplitId, std::vector<std::string>> values;
    std::map<SplitId, Position> next;
    std::size_t records = 0;
    std::vector<std::unique_ptr<RawBatch>> batches;
  };

  /// Reads until `records` came or `positions` are reached, checking what the interface promises.
  void ReadMore(SplitReader* reader, std::size_t records, Seen* seen, ReadLimits limits = {},
                const std::map<SplitId, Position>& positions = {}) {
    const auto deadline = steady_clock::now() + std::chrono::seconds(20);
    const auto reached = [&] {
      return std::all_of(positions.begin(), positions.end(),
                         [&](const auto& p) { return seen->next[p.first] == p.second; });
    };
    while (seen->records < records || !reached()) {
      ASSERT_LT(steady_clock::now(), deadline) << "got " << seen->records;
      auto batch = reader->Read(limits);
      ASSERT_TRUE(batch.ok()) << ToString(batch.error());
      if (*batch == nullptr) continue;
      Take(*std::move(batch), limits, seen);
    }
  }

  static void Take(std::unique_ptr<RawBatch> batch, const ReadLimits& limits, Seen* seen) {
    ASSERT_LE(batch->records.size(), limits.records);
    std::size_t bytes = 0;
    for (const SplitRange& range : batch->ranges) {
      if (auto it = seen->next.find(range.split); it != seen->next.end()) {
        EXPECT_EQ(it->second, range.from) << range.split;
      }
      EXPECT_LE(std::stoll(range.from), std::stoll(range.to));
      seen->next[range.split] = range.to;
    }
    for (const RawRecord& record : batch->records) {
      const SplitRange& range = batch->ranges[record.range];
      EXPECT_GE(record.sequence, std::stoll(range.from));
      EXPECT_LT(record.sequence, std::stoll(range.to));
      seen->values[range.split].push_back(record.data == nullptr ? "(null)"
                                                                 : std::string(record.view()));
      bytes += record.size;
    }
    EXPECT_EQ(bytes, batch->bytes);
    if (!batch->records.empty()) {
      EXPECT_LT(bytes - batch->records.back().size, limits.bytes);
    }
    seen->records += batch->records.size();
    seen->batches.push_back(std::move(batch));
  }

  static std::vector<std::string> Texts(const std::string& topic, int partition, int first,
                                        int count) {
    std::vector<std::string> texts;
    for (int i = first; i < first + count; ++i) {
      texts.push_back(topic + "/" + std::to_string(partition) + "#" + std::to_string(i));
    }
    return texts;
  }

  /// The first error that reading meets.
  Error ReadError(SplitReader* reader) {
    const auto deadline = steady_clock::now() + std::chrono::seconds(20);
    while (steady_clock::now() < deadline) {
      auto batch = reader->Read({});
      if (!batch.ok()) return std::move(batch).error();
    }
    ADD_FAILURE() << "no error in 20 s";
    return BugError("");
  }

  MockKafka kafka_;
  Metrics metrics_;
};

TEST_F(KafkaSourceTest, ReadsEveryPartitionInOrderFromEarliest) {
  kafka_.CreateTopic("t", 2);
  kafka_.ProduceTexts("t", 0, 0, 10);
  kafka_.ProduceTexts("t", 1, 0, 7);
  auto source = MustMake({{"topicName", "t"}, {"startingOffsets", "earliest"}});
  const auto starts = FirstStarts(source.get());
  ASSERT_EQ(starts.size(), 2u);
  EXPECT_EQ(starts[0].id, "t/0");
  EXPECT_EQ(starts[0].position, "0");
  auto reader = source->OpenReader(starts);
  ASSERT_TRUE(reader.ok());
  Seen seen;
  ReadMore(reader->get(), 17, &seen);
  EXPECT_EQ(seen.values["t/0"], Texts("t", 0, 0, 10));
  EXPECT_EQ(seen.values["t/1"], Texts("t", 1, 0, 7));
  EXPECT_EQ(seen.next["t/0"].substr(0, 3), "10:") << "offset and epoch";
  auto ends = source->Ends({"t/0", "t/1"});
  ASSERT_TRUE(ends.ok());
  EXPECT_EQ((*ends)["t/0"], "10");
  EXPECT_EQ((*ends)["t/1"], "7");
}

TEST_F(KafkaSourceTest, LatestStartsBehindWhatIsThereAndMissesNothingLater) {
  kafka_.CreateTopic("t", 1);
  kafka_.ProduceTexts("t", 0, 0, 10);
  auto source = MustMake({{"subscribe", "t"}});
  const auto starts = FirstStarts(source.get());
  ASSERT_EQ(starts.size(), 1u);
  EXPECT_EQ(starts[0].position, "10");
  kafka_.ProduceTexts("t", 0, 10, 5);  // Between the decision and the first fetch.
  auto reader = source->OpenReader(starts);
  ASSERT_TRUE(reader.ok());
  Seen seen;
  ReadMore(reader->get(), 5, &seen);
  EXPECT_EQ(seen.values["t/0"], Texts("t", 0, 10, 5));
}

TEST_F(KafkaSourceTest, LimitsCutBatchesWithoutLosingRecords) {
  kafka_.CreateTopic("t", 2);
  kafka_.ProduceTexts("t", 0, 0, 500);
  kafka_.ProduceTexts("t", 1, 0, 500);
  auto source = MustMake({{"topicName", "t"}, {"startingOffsets", "earliest"}});
  auto reader = source->OpenReader(FirstStarts(source.get()));
  ASSERT_TRUE(reader.ok());
  Seen seen;
  ReadMore(reader->get(), 100, &seen, {1, 4u << 20, milliseconds(50)});
  ReadMore(reader->get(), 400, &seen, {7, 4u << 20, milliseconds(50)});
  ReadMore(reader->get(), 1000, &seen, {10000, 50, milliseconds(50)});
  EXPECT_EQ(seen.values["t/0"], Texts("t", 0, 0, 500));
  EXPECT_EQ(seen.values["t/1"], Texts("t", 1, 0, 500));
}

TEST_F(KafkaSourceTest, SeekReadsTheSameRangeAgain) {
  kafka_.CreateTopic("t", 2);
  kafka_.ProduceTexts("t", 0, 0, 100);
  kafka_.ProduceTexts("t", 1, 0, 100);
  auto source = MustMake({{"topicName", "t"}, {"startingOffsets", "earliest"}});
  auto reader = source->OpenReader(FirstStarts(source.get()));
  ASSERT_TRUE(reader.ok());
  for (int round = 0; round < 5; ++round) {
    Seen seen;
    ReadMore(reader->get(), 30 + 40u * static_cast<std::size_t>(round), &seen,
             {10, 4u << 20, milliseconds(50)});
    ASSERT_TRUE((*reader)->Seek("t/0", "20").ok());
    ASSERT_TRUE((*reader)->Seek("t/1", "90").ok());
    Seen again;
    ReadMore(reader->get(), 90, &again);
    EXPECT_EQ(again.values["t/0"], Texts("t", 0, 20, 80));
    EXPECT_EQ(again.values["t/1"], Texts("t", 1, 90, 10));
    ASSERT_TRUE((*reader)->Seek("t/0", "0").ok());
    ASSERT_TRUE((*reader)->Seek("t/1", "0").ok());
  }
}

TEST_F(KafkaSourceTest, NewPartitionsAndTopicsStartAtTheirBeginning) {
  kafka_.CreateTopic("logs-a", 1);
  kafka_.CreateTopic("other", 1);
  kafka_.ProduceTexts("logs-a", 0, 0, 3);
  auto source = MustMake({{"subscribePattern", "logs-[a-z]"}});
  const auto starts = FirstStarts(source.get());
  ASSERT_EQ(starts.size(), 1u);
  EXPECT_EQ(starts[0].position, "3");
  auto reader = source->OpenReader(starts);
  ASSERT_TRUE(reader.ok());

  kafka_.CreateTopic("logs-b", 1);
  kafka_.ProduceTexts("logs-b", 0, 0, 4);
  auto splits = source->ListSplits();
  ASSERT_TRUE(splits.ok()) << ToString(splits.error());
  ASSERT_EQ(splits->size(), 2u);
  auto added = source->ResolveStart({(*splits)[1]}, false);
  ASSERT_TRUE(added.ok());
  EXPECT_EQ((*added)[0].position, "0");
  ASSERT_TRUE((*reader)->Add((*added)[0]).ok());
  Seen seen;
  ReadMore(reader->get(), 4, &seen);
  EXPECT_EQ(seen.values["logs-b/0"], Texts("logs-b", 0, 0, 4));
}

TEST_F(KafkaSourceTest, TwoReadersShareTheSplitsOfOneSource) {
  kafka_.CreateTopic("t", 2);
  kafka_.ProduceTexts("t", 0, 0, 50);
  kafka_.ProduceTexts("t", 1, 0, 50);
  auto source = MustMake({{"topicName", "t"}, {"startingOffsets", "earliest"}});
  const auto starts = FirstStarts(source.get());
  auto first = source->OpenReader({starts[0]});
  auto second = source->OpenReader({starts[1]});
  ASSERT_TRUE(first.ok());
  ASSERT_TRUE(second.ok());
  Seen left;
  Seen right;
  std::thread other([&] { ReadMore(second->get(), 50, &right); });
  ReadMore(first->get(), 50, &left);
  other.join();
  EXPECT_EQ(left.values["t/0"], Texts("t", 0, 0, 50));
  EXPECT_EQ(right.values["t/1"], Texts("t", 1, 0, 50));
  // A split that is free again can be read by another reader.
  first->reset();
  ASSERT_TRUE((*second)->Add({"t/0", "40", ""}).ok());
  Seen more;
  ReadMore(second->get(), 10, &more);
  EXPECT_EQ(more.values["t/0"], Texts("t", 0, 40, 10));
}

TEST_F(KafkaSourceTest, BatchesOutliveReaderAndSource) {
  kafka_.CreateTopic("t", 1);
  kafka_.ProduceTexts("t", 0, 0, 10);
  auto source = MustMake({{"topicName", "t"}, {"startingOffsets", "earliest"}});
  auto reader = source->OpenReader(FirstStarts(source.get()));
  ASSERT_TRUE(reader.ok());
  Seen seen;
  ReadMore(reader->get(), 10, &seen);
  reader->reset();
  source.reset();
  const RawBatch& batch = *seen.batches[0];
  EXPECT_EQ(batch.records[0].view(), "t/0#0");
  EXPECT_EQ(batch.Origin(0), R"({"topic":"t","partition":0,"offset":0})");
}

TEST_F(KafkaSourceTest, HeadersTimestampsAndTombstones) {
  kafka_.CreateTopic("t", 1);
  kafka_.Produce("t", 0,
                 {{"a", 1700000000123, {{"k", "v"}, {"k", std::nullopt}, {"bad\xFFkey", "\x01"}}},
                  {std::nullopt, 1700000000124, {}},
                  {"", 1700000000125, {}}});
  auto source = MustMake({{"topicName", "t"},
                          {"startingOffsets", "earliest"},
                          {"includeHeaders", "true"},
                          {"addRecordTimestamp", "true"}});
  ASSERT_EQ(source->extra_fields().size(), 2u);
  EXPECT_EQ(source->extra_fields()[0]->name(), "glue_streaming_kafka_headers");
  EXPECT_EQ(source->extra_fields()[1]->name(), "__src_timestamp");
  auto reader = source->OpenReader(FirstStarts(source.get()));
  ASSERT_TRUE(reader.ok());
  Seen seen;
  ReadMore(reader->get(), 3, &seen);
  const RawBatch& batch = *seen.batches[0];
  ASSERT_EQ(batch.records.size(), 3u);
  EXPECT_EQ(batch.records[0].timestamp, 1700000000123000);
  EXPECT_EQ(batch.records[1].data, nullptr);
  EXPECT_NE(batch.records[2].data, nullptr);
  EXPECT_EQ(batch.records[2].size, 0u);
  auto columns = batch.ExtraColumns({0, 0, 1});
  ASSERT_TRUE(columns.ok());
  ASSERT_EQ(columns->size(), 2u);
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE((*columns)[static_cast<std::size_t>(i)]->type()->Equals(
        source->extra_fields()[static_cast<std::size_t>(i)]->type()));
    EXPECT_TRUE((*columns)[static_cast<std::size_t>(i)]->ValidateFull().ok());
  }
  const auto& headers = static_cast<const arrow::ListArray&>(*(*columns)[0]);
  EXPECT_EQ(headers.value_length(0), 3);
  EXPECT_EQ(headers.value_length(1), 3);
  EXPECT_TRUE(headers.IsNull(2));
  const auto& entries = static_cast<const arrow::StructArray&>(*headers.values());
  const auto& keys = static_cast<const arrow::StringArray&>(*entries.field(0));
  const auto& values = static_cast<const arrow::BinaryArray&>(*entries.field(1));
  EXPECT_EQ(keys.GetView(0), "k");
  EXPECT_EQ(values.GetView(0), "v");
  EXPECT_TRUE(values.IsNull(1));
  EXPECT_EQ(keys.GetView(2), "bad\xEF\xBF\xBDkey");
  const auto& times = static_cast<const arrow::TimestampArray&>(*(*columns)[1]);
  EXPECT_EQ(times.Value(0), 1700000000123000);
  EXPECT_EQ(times.Value(2), 1700000000124000);
}

TEST_F(KafkaSourceTest, StartingOffsetsPerPartition) {
  kafka_.CreateTopic("t", 3);
  for (int p = 0; p < 3; ++p) kafka_.ProduceTexts("t", p, 0, 10);
  auto source =
      MustMake({{"topicName", "t"}, {"startingOffsets", R"({"t":{"0":4,"1":-2,"2":-1}})"}});
  const auto starts = FirstStarts(source.get());
  EXPECT_EQ(starts[0].position, "4");
  EXPECT_EQ(starts[1].position, "0");
  EXPECT_EQ(starts[2].position, "10");

  const auto resolve = [&](const std::string& json) {
    auto other = MustMake({{"topicName", "t"}, {"startingOffsets", json}});
    auto splits = other->ListSplits();
    return other->ResolveStart(*splits, true).error();
  };
  EXPECT_NE(resolve(R"({"t":{"0":4,"1":-2}})").message.find("t/2"), std::string::npos);
  EXPECT_NE(resolve(R"({"t":{"0":4,"1":0,"2":0,"3":0}})").message.find("t/3"), std::string::npos);
  EXPECT_NE(resolve(R"({"t":{"0":11,"1":0,"2":0}})").message.find("11"), std::string::npos);
}

TEST_F(KafkaSourceTest, StartingTimeWithoutARecordFailsOrIsLatest) {
  kafka_.CreateTopic("t", 1);
  kafka_.ProduceTexts("t", 0, 0, 10);
  auto source = MustMake({{"topicName", "t"}, {"startingTimestamp", "2100-01-01T00:00:00Z"}});
  auto splits = source->ListSplits();
  auto starts = source->ResolveStart(*splits, true);
  ASSERT_FALSE(starts.ok());
  EXPECT_EQ(starts.error().code, "kafka.no_such_time");
  EXPECT_NE(starts.error().message.find("2100-01-01"), std::string::npos);
  source = MustMake({{"topicName", "t"},
                     {"startingTimestamp", "2100-01-01T00:00:00Z"},
                     {"startingOffsetsByTimestampStrategy", "latest"}});
  EXPECT_EQ(FirstStarts(source.get())[0].position, "10");
}

TEST_F(KafkaSourceTest, AssignReadsOnlyTheNamedPartitions) {
  kafka_.CreateTopic("t", 3);
  auto source = MustMake({{"assign", R"({"t":[2,0]})"}});
  auto splits = source->ListSplits();
  ASSERT_TRUE(splits.ok());
  ASSERT_EQ(splits->size(), 2u);
  EXPECT_EQ((*splits)[0].id, "t/0");
  EXPECT_EQ((*splits)[1].id, "t/2");
  source = MustMake({{"assign", R"({"t":[7]})"}});
  splits = source->ListSplits();
  ASSERT_FALSE(splits.ok());
  EXPECT_EQ(splits.error().code, "kafka.unknown_topic");
  EXPECT_NE(splits.error().message.find("t/7"), std::string::npos);
}

TEST_F(KafkaSourceTest, RecordsDeletedBeforeTheStartStopTheJobOrAreCounted) {
  kafka_.CreateTopic("t", 1);
  kafka_.ProduceTexts("t", 0, 0, 10);
  kafka_.DeleteRecords("t", 0, 6);
  auto source = MustMake({{"topicName", "t"}});
  ASSERT_TRUE(source->ListSplits().ok());
  auto verified = source->Verify({{"t/0", "2", ""}});
  ASSERT_FALSE(verified.ok());
  EXPECT_EQ(verified.error().code, "kafka.data_loss");
  EXPECT_EQ(verified.error().retry, Retry::kNo);
  EXPECT_NE(verified.error().message.find("t/0 from offset 2 to 5 (at most 4)"), std::string::npos)
      << verified.error().message;

  source = MustMake({{"topicName", "t"}, {"failOnDataLoss", "false"}});
  verified = source->Verify({{"t/0", "2", ""}});
  ASSERT_TRUE(verified.ok());
  EXPECT_EQ(verified->starts[0].position, "6");
  ASSERT_EQ(verified->losses.size(), 1u);
  EXPECT_EQ(verified->losses[0].from, "2");
  EXPECT_EQ(verified->losses[0].to, "6");
  EXPECT_EQ(verified->losses[0].records, 4);
  EXPECT_NE(metrics_.ToText().find("sluice_kafka_lost_records_total"), std::string::npos);
}

TEST_F(KafkaSourceTest, APositionBeyondTheLogEndIsTruncation) {
  kafka_.CreateTopic("t", 1);
  kafka_.ProduceTexts("t", 0, 0, 10);
  auto source = MustMake({{"topicName", "t"}});
  ASSERT_TRUE(source->ListSplits().ok());
  auto verified = source->Verify({{"t/0", "15", ""}});
  ASSERT_FALSE(verified.ok());
  EXPECT_EQ(verified.error().code, "kafka.truncated");
  EXPECT_NE(verified.error().message.find("15"), std::string::npos);
}

/// What a log looks like to a position of 8 whose records 5 to 7 another leader has replaced.
TEST_F(KafkaSourceTest, ALogThatIsAnotherOneIsNoticedAtEveryStart) {
  kafka_.CreateTopic("t", 1);
  kafka_.ProduceTexts("t", 0, 0, 5);
  auto source = MustMake({{"topicName", "t"}, {"startingOffsets", "earliest"}});
  auto reader = source->OpenReader(FirstStarts(source.get()));
  ASSERT_TRUE(reader.ok());
  Seen seen;
  ReadMore(reader->get(), 5, &seen);
  const Position five = seen.next["t/0"];
  ASSERT_EQ(five.substr(0, 2), "5:") << "the epoch is remembered";
  const Position eight = "8" + five.substr(1);
  reader->reset();
  source.reset();
  kafka_.ChangeLeader("t", 0);
  kafka_.ProduceTexts("t", 0, 5, 5);

  for (int start = 0; start < 3; ++start) {
    source = MustMake({{"topicName", "t"}});
    ASSERT_TRUE(source->ListSplits().ok());
    ASSERT_TRUE(source->Verify({{"t/0", eight, ""}}).ok());
    reader = source->OpenReader({{"t/0", eight, ""}});
    ASSERT_TRUE(reader.ok());
    const Error error = ReadError(reader->get());
    EXPECT_EQ(error.code, "kafka.truncated");
    EXPECT_EQ(error.retry, Retry::kNo);
    EXPECT_NE(error.message.find("read up to offset 8, but from offset 5 on"), std::string::npos)
        << error.message;
    reader->reset();
  }

  source = MustMake({{"topicName", "t"}, {"failOnDataLoss", "false"}});
  reader = source->OpenReader({{"t/0", eight, ""}});
  ASSERT_TRUE(reader.ok());
  Seen rest;
  rest.next["t/0"] = eight;
  ReadMore(reader->get(), 2, &rest);
  EXPECT_EQ(rest.values["t/0"], Texts("t", 0, 8, 2));
  EXPECT_NE(metrics_.ToText().find(
                R"(sluice_kafka_lost_records_total{partition="0",source="t",topic="t"} 3)"),
            std::string::npos)
      << metrics_.ToText();
  // It was counted: from the first range on the position is one of the new log.
  EXPECT_EQ(rest.batches[0]->ranges[0].from, eight);
  reader->reset();

  // A position that both logs share, and one of no epoch.
  for (const Position& position : {five, Position("5")}) {
    source = MustMake({{"topicName", "t"}});
    reader = source->OpenReader({{"t/0", position, ""}});
    ASSERT_TRUE(reader.ok());
    Seen shared;
    shared.next["t/0"] = position;
    ReadMore(reader->get(), 5, &shared);
    EXPECT_EQ(shared.values["t/0"], Texts("t", 0, 5, 5));
    reader->reset();
  }
}

TEST_F(KafkaSourceTest, ALossOfReplacedRecordsIsCountedOnceThoughNothingFollows) {
  kafka_.CreateTopic("t", 1);
  kafka_.ProduceTexts("t", 0, 0, 5);
  kafka_.ChangeLeader("t", 0);
  kafka_.ProduceTexts("t", 0, 5, 5);
  auto source = MustMake({{"topicName", "t"}, {"failOnDataLoss", "false"}});
  Position epoch_of_five;
  {
    auto reader = source->OpenReader({{"t/0", "0", ""}});
    ASSERT_TRUE(reader.ok());
    Seen seen;
    ReadMore(reader->get(), 5, &seen, {5, 4u << 20, milliseconds(50)});
    epoch_of_five = seen.next["t/0"].substr(1);
  }
  auto reader = source->OpenReader({{"t/0", "10" + epoch_of_five, ""}});
  ASSERT_TRUE(reader.ok());
  Seen seen;
  seen.next["t/0"] = "10" + epoch_of_five;
  ReadMore(reader->get(), 0, &seen, {}, {{"t/0", "10"}});
  EXPECT_EQ(seen.records, 0u);
}

TEST_F(KafkaSourceTest, RecordsDeletedWhileReadingStopTheJobOrAreCounted) {
  kafka_.CreateTopic("t", 1);
  kafka_.ProduceTexts("t", 0, 0, 10);
  for (const bool fail : {true, false}) {
    auto source = MustMake({{"topicName", "t"}, {"failOnDataLoss", fail ? "true" : "false"}});
    ASSERT_TRUE(source->ListSplits().ok());
    kafka_.DeleteRecords("t", 0, 6);  // After Verify could look: the reader finds out by itself.
    auto reader = source->OpenReader({{"t/0", "2", ""}});
    ASSERT_TRUE(reader.ok());
    if (fail) {
      const Error error = ReadError(reader->get());
      EXPECT_EQ(error.code, "kafka.data_loss");
      EXPECT_NE(error.message.find("t/0 from offset 2 to 5"), std::string::npos) << error.message;
      continue;
    }
    Seen seen;
    seen.next["t/0"] = "2";
    ReadMore(reader->get(), 4, &seen);
    EXPECT_EQ(seen.values["t/0"], Texts("t", 0, 6, 4));
    EXPECT_NE(metrics_.ToText().find(
                  R"(sluice_kafka_lost_records_total{partition="0",source="t",topic="t"} 4)"),
              std::string::npos)
        << metrics_.ToText();
  }
}

TEST_F(KafkaSourceTest, ATopicMadeAnewIsNoticed) {
  kafka_.CreateTopic("t", 1);
  kafka_.ProduceTexts("t", 0, 0, 10);
  auto source = MustMake({{"topicName", "t"}, {"startingOffsets", "earliest"}});
  const auto starts = FirstStarts(source.get());
  ASSERT_FALSE(starts[0].identity.empty());
  kafka_.DeleteTopic("t");
  kafka_.CreateTopic("t", 1);
  kafka_.ProduceTexts("t", 0, 0, 20);
  auto splits = source->ListSplits();
  ASSERT_FALSE(splits.ok());
  EXPECT_EQ(splits.error().code, "kafka.topic_recreated");

  auto later = MustMake({{"topicName", "t"}});
  ASSERT_TRUE(later->ListSplits().ok());
  auto verified = later->Verify(starts);
  ASSERT_FALSE(verified.ok());
  EXPECT_EQ(verified.error().code, "kafka.topic_recreated");
  // No id remembered, or none known to the broker, is no mismatch.
  EXPECT_TRUE(later->Verify({{"t/0", "3", ""}}).ok());

  auto lossy = MustMake({{"topicName", "t"}, {"failOnDataLoss", "false"}});
  auto moved = lossy->Verify({{"t/0", "7", starts[0].identity}});
  ASSERT_TRUE(moved.ok());
  EXPECT_EQ(moved->starts[0].position, "0");
  EXPECT_NE(moved->starts[0].identity, starts[0].identity);
}

TEST_F(KafkaSourceTest, ADeletedTopicStopsTheJobOrIsForgotten) {
  for (const char* topic : {"t1", "t2"}) kafka_.CreateTopic(topic, 1);
  for (const Pairs& which :
       {Pairs{{"subscribePattern", "t[0-9]"}}, Pairs{{"topicName", "t1,t2"}}}) {
    Pairs lossy_options = which;
    lossy_options.emplace_back("failOnDataLoss", "false");
    auto source = MustMake(which);
    auto lossy = MustMake(lossy_options);
    const auto starts = FirstStarts(source.get());
    ASSERT_EQ(starts.size(), 2u);
    kafka_.DeleteTopic("t2");
    (void)source->ListSplits();  // An error where the topic is named, one split less else.
    auto judged = source->JudgeMissing({{"t2/0", "17", starts[1].identity}});
    ASSERT_FALSE(judged.ok());
    EXPECT_EQ(judged.error().code, "kafka.topic_deleted");
    EXPECT_EQ(judged.error().retry, Retry::kNo);
    for (const char* said : {"topic t2 was deleted", "t2/0 17", "failOnDataLoss", "--drop"}) {
      EXPECT_NE(judged.error().message.find(said), std::string::npos) << judged.error().message;
    }

    ASSERT_TRUE(lossy->JudgeMissing({}).ok());
    judged = lossy->JudgeMissing({{"t1/0", "3", starts[0].identity},
                                  {"t2/0", "17", starts[1].identity},
                                  {"other/0", "1", ""}});
    ASSERT_TRUE(judged.ok()) << ToString(judged.error());
    EXPECT_EQ(*judged,
              (std::vector<Missing>{Missing::kUnclear, Missing::kGone, Missing::kNotNamed}));
    auto splits = lossy->ListSplits();
    ASSERT_TRUE(splits.ok()) << ToString(splits.error());
    EXPECT_EQ(splits->size(), 1u);
    kafka_.CreateTopic("t2", 1);
    splits = lossy->ListSplits();
    ASSERT_TRUE(splits.ok()) << ToString(splits.error());
    EXPECT_EQ(splits->size(), 2u) << "made anew, it is listed again";
  }
}

TEST_F(KafkaSourceTest, AnUnknownTopicIsNamedAndWorthAnotherTry) {
  auto source = MustMake({{"topicName", "nowhere"}});
  auto splits = source->ListSplits();
  ASSERT_FALSE(splits.ok());
  EXPECT_EQ(splits.error().code, "kafka.unknown_topic");
  EXPECT_EQ(splits.error().retry, Retry::kLater);
  EXPECT_NE(splits.error().message.find("nowhere"), std::string::npos);
  kafka_.CreateTopic("nowhere", 1);
  EXPECT_TRUE(source->ListSplits().ok());
}

TEST_F(KafkaSourceTest, ABrokerThatIsDownIsNamedAndWorthAnotherTry) {
  auto source = MustMake({{"topicName", "t"}, {"bootstrap.servers", "127.0.0.1:1"}});
  auto splits = source->ListSplits();
  ASSERT_FALSE(splits.ok());
  EXPECT_EQ(splits.error().code, "kafka.unreachable");
  EXPECT_EQ(splits.error().retry, Retry::kLater);
  EXPECT_NE(splits.error().message.find("127.0.0.1:1"), std::string::npos);
}

TEST_F(KafkaSourceTest, ReadingGoesOnAfterABrokerWasAway) {
  kafka_.CreateTopic("t", 1);
  kafka_.ProduceTexts("t", 0, 0, 10);
  auto source = MustMake({{"topicName", "t"}, {"startingOffsets", "earliest"}});
  auto reader = source->OpenReader(FirstStarts(source.get()));
  ASSERT_TRUE(reader.ok());
  Seen seen;
  ReadMore(reader->get(), 10, &seen);
  rd_kafka_mock_broker_set_down(kafka_.cluster(), 1);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE((*reader)->Read({}).ok());
  rd_kafka_mock_broker_set_up(kafka_.cluster(), 1);
  kafka_.ProduceTexts("t", 0, 10, 10);
  ReadMore(reader->get(), 20, &seen);
  EXPECT_EQ(seen.values["t/0"], Texts("t", 0, 0, 20));
}

TEST_F(KafkaSourceTest, FetchErrorsOfABrokerAreRiddenOut) {
  kafka_.CreateTopic("t", 1);
  auto source = MustMake({{"topicName", "t"}, {"startingOffsets", "earliest"}});
  auto reader = source->OpenReader(FirstStarts(source.get()));
  ASSERT_TRUE(reader.ok());
  constexpr std::int16_t kFetch = 1;
  rd_kafka_mock_push_request_errors(
      kafka_.cluster(), kFetch, 3, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
      RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR, RD_KAFKA_RESP_ERR__TRANSPORT);
  kafka_.ProduceTexts("t", 0, 0, 10);
  Seen seen;
  ReadMore(reader->get(), 10, &seen);
  EXPECT_EQ(seen.values["t/0"], Texts("t", 0, 0, 10));
}

TEST_F(KafkaSourceTest, ARefusedOffsetIsAskedForAgainOnceTheBrokerAnswers) {
  kafka_.CreateTopic("t", 1);
  kafka_.ProduceTexts("t", 0, 0, 10);
  auto source = MustMake({{"topicName", "t"}, {"startingOffsets", "earliest"}});
  const auto starts = FirstStarts(source.get());
  constexpr std::int16_t kFetch = 1;
  constexpr std::int16_t kListOffsets = 2;
  rd_kafka_mock_partition_push_request_errors(kafka_.cluster(), "t", 0, kFetch, 1,
                                              RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE);
  rd_kafka_mock_push_request_errors(kafka_.cluster(), kListOffsets, 1, RD_KAFKA_RESP_ERR_UNKNOWN);
  auto reader = source->OpenReader(starts);
  ASSERT_TRUE(reader.ok());
  EXPECT_EQ(ReadError(reader->get()).retry, Retry::kLater);
  Seen seen;
  ReadMore(reader->get(), 10, &seen);
  EXPECT_EQ(seen.values["t/0"], Texts("t", 0, 0, 10));
}

TEST_F(KafkaSourceTest, AForbiddenTopicStopsTheJob) {
  kafka_.CreateTopic("t", 1);
  auto source = MustMake({{"topicName", "t"}, {"startingOffsets", "earliest"}});
  auto reader = source->OpenReader(FirstStarts(source.get()));
  ASSERT_TRUE(reader.ok());
  constexpr std::int16_t kFetch = 1;
  // Several: an answer at the end of a partition counts as its end, whatever error it carries.
  for (int i = 0; i < 20; ++i) {
    rd_kafka_mock_partition_push_request_errors(kafka_.cluster(), "t", 0, kFetch, 1,
                                                RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  }
  const Error error = ReadError(reader->get());
  EXPECT_EQ(error.code, "kafka.forbidden");
  EXPECT_EQ(error.blame, Blame::kUser);
}

TEST_F(KafkaSourceTest, WakeEndsALongRead) {
  kafka_.CreateTopic("t", 1);
  auto source = MustMake({{"topicName", "t"}});
  auto reader = source->OpenReader(FirstStarts(source.get()));
  ASSERT_TRUE(reader.ok());
  std::thread waker([&] { (*reader)->Wake(); });
  const auto start = steady_clock::now();
  auto batch = (*reader)->Read({16384, 4u << 20, milliseconds(60000)});
  EXPECT_TRUE(batch.ok());
  EXPECT_LT(steady_clock::now() - start, std::chrono::seconds(30));
  waker.join();
}

TEST_F(KafkaSourceTest, GroupOffsetsAreCommittedForLagTools) {
  kafka_.CreateTopic("t", 1);
  kafka_.ProduceTexts("t", 0, 0, 10);
  rd_kafka_mock_start_request_tracking(kafka_.cluster());
  {
    auto source = MustMake({{"topicName", "t"}});
    const auto starts = FirstStarts(source.get());
    auto reader = source->OpenReader(starts);
    ASSERT_TRUE(reader.ok());
    source->Committed({{"t/0", "7", ""}});
    reader->reset();
  }
  constexpr std::int16_t kOffsetCommit = 8;
  constexpr std::int16_t kJoinGroup = 11;
  std::size_t count = 0;
  int commits = 0;
  int joins = 0;
  rd_kafka_mock_request_t** requests = rd_kafka_mock_get_requests(kafka_.cluster(), &count);
  for (std::size_t i = 0; i < count; ++i) {
    commits += rd_kafka_mock_request_api_key(requests[i]) == kOffsetCommit ? 1 : 0;
    joins += rd_kafka_mock_request_api_key(requests[i]) == kJoinGroup ? 1 : 0;
  }
  rd_kafka_mock_request_destroy_array(requests, count);
  EXPECT_EQ(commits, 1);
  EXPECT_EQ(joins, 0) << "partitions must be assigned, never subscribed to";
}

TEST_F(KafkaSourceTest, PositionsCompareAsNumbers) {
  auto source = MustMake({{"topicName", "t"}});
  EXPECT_EQ(source->ComparePositions("10:3", "10"), 0);
  EXPECT_LT(source->ComparePositions("9:7", "10:6:8"), 0);
  EXPECT_EQ(source->Distance("9:1", "12:2:11"), 3);
  for (const char* wrong : {"", ":", "1:", "1:x", "1:2:", "1:2:3", "5:1:4:1", "-1", "1:-1"}) {
    EXPECT_FALSE(source->OpenReader({{"t/0", wrong, ""}}).ok()) << wrong;
  }
  EXPECT_LT(source->ComparePositions("9", "10"), 0);
  EXPECT_EQ(source->ComparePositions("10", "10"), 0);
  EXPECT_GT(source->ComparePositions("100", "99"), 0);
  EXPECT_EQ(source->Distance("9", "12"), 3);
  EXPECT_EQ(source->Distance("12", "9"), 0);
}

}  // namespace
}  // namespace sluice
