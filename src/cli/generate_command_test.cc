#include "cli/generate_command.h"

#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>

namespace sluice {
namespace {

namespace fs = std::filesystem;

std::string Lines(std::uint64_t seed, std::int64_t first, std::int64_t records) {
  std::string lines;
  const ClickEvents events(seed);
  for (std::int64_t i = first; i < first + records; ++i) {
    events.Append(static_cast<std::uint64_t>(i), &lines);
    lines += '\n';
  }
  return lines;
}

TEST(Generate, WritesTheEventsOfTheSeed) {
  GenerateOptions options;
  options.records = 10'000;
  options.seed = 5;
  std::ostringstream out;
  ASSERT_TRUE(Generate(options, out, nullptr).ok());
  EXPECT_EQ(out.str(), Lines(5, 0, 10'000));
}

TEST(Generate, GoesOnWhereItEnded) {
  GenerateOptions options;
  options.records = 10;
  options.first = 90;
  std::ostringstream out;
  ASSERT_TRUE(Generate(options, out, nullptr).ok());
  EXPECT_EQ(out.str(), Lines(1, 90, 10));
}

TEST(Generate, FileAppearsWholeAndIsReplaced) {
  std::string pattern = (fs::temp_directory_path() / "sluice_generate_XXXXXX").string();
  const fs::path root = mkdtemp(pattern.data());
  GenerateOptions options;
  options.out = (root / "clicks.json").string();
  for (const std::int64_t records : {5000, 20}) {
    options.records = records;
    std::ostringstream out;
    ASSERT_TRUE(Generate(options, out, nullptr).ok());
    std::ifstream file(options.out);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), Lines(1, 0, records));
    EXPECT_EQ(std::distance(fs::directory_iterator(root), fs::directory_iterator()), 1);
  }
  options.out = (root / "no" / "folder").string();
  std::ostringstream out;
  auto failed = Generate(options, out, nullptr);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code, "generate.output");
  fs::remove_all(root);
}

TEST(Generate, RateHoldsEventsBack) {
  GenerateOptions options;
  options.records = 100;
  options.rate = 1000;
  std::ostringstream out;
  std::int64_t told = 0;
  const auto start = std::chrono::steady_clock::now();
  ASSERT_TRUE(Generate(options, out, [&told](std::int64_t made) { told = made; }).ok());
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(95));
  EXPECT_EQ(told, 100);
  EXPECT_EQ(out.str(), Lines(1, 0, 100));
}

/// A broker inside the test.
class MockBroker {
 public:
  MockBroker() {
    char text[256];
    handle_ = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), text, sizeof text);
    cluster_ = rd_kafka_mock_cluster_new(handle_, 1);
    rd_kafka_mock_topic_create(cluster_, "clicks", 4, 1);
  }
  ~MockBroker() {
    rd_kafka_mock_cluster_destroy(cluster_);
    rd_kafka_destroy(handle_);
  }
  std::string bootstrap() const { return rd_kafka_mock_cluster_bootstraps(cluster_); }

  /// Partition -> (key, value), in order, of `count` messages.
  std::map<int, std::vector<std::pair<std::string, std::string>>> Consume(int count) const {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap().c_str(), nullptr, 0);
    rd_kafka_conf_set(conf, "group.id", "test", nullptr, 0);
    rd_kafka_conf_set(conf, "auto.offset.reset", "earliest", nullptr, 0);
    rd_kafka_t* consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, nullptr, 0);
    rd_kafka_topic_partition_list_t* partitions = rd_kafka_topic_partition_list_new(4);
    for (int i = 0; i < 4; ++i) {
      rd_kafka_topic_partition_list_add(partitions, "clicks", i)->offset = 0;
    }
    rd_kafka_assign(consumer, partitions);
    rd_kafka_topic_partition_list_destroy(partitions);
    std::map<int, std::vector<std::pair<std::string, std::string>>> messages;
    while (count > 0) {
      rd_kafka_message_t* message = rd_kafka_consumer_poll(consumer, 10'000);
      if (message == nullptr) break;
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        messages[message->partition].emplace_back(
            std::string(static_cast<const char*>(message->key), message->key_len),
            std::string(static_cast<const char*>(message->payload), message->len));
        --count;
      }
      rd_kafka_message_destroy(message);
    }
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    return messages;
  }

 private:
  rd_kafka_t* handle_ = nullptr;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
};

TEST(Generate, KafkaGetsEveryEventOnceKeyedByUser) {
  const MockBroker broker;
  GenerateOptions options;
  options.records = 2000;
  options.kafka = ProducerOptions{broker.bootstrap(), "clicks", {}};
  std::ostringstream out;
  auto done = Generate(options, out, nullptr);
  ASSERT_TRUE(done.ok()) << ToString(done.error());
  const ClickEvents events(1);
  std::map<std::string, std::string> expected;  // event -> key
  for (std::uint64_t i = 0; i < 2000; ++i) {
    std::string event;
    events.Append(i, &event);
    expected[event] = std::to_string(events.UserId(i));
  }
  std::map<std::string, int> partition_of;
  std::size_t seen = 0;
  const auto messages = broker.Consume(2000);
  EXPECT_EQ(messages.size(), 4u);
  for (const auto& [partition, list] : messages) {
    for (const auto& [key, value] : list) {
      ASSERT_EQ(expected.at(value), key);
      EXPECT_EQ(partition_of.emplace(key, partition).first->second, partition);
      ++seen;
    }
  }
  EXPECT_EQ(seen, 2000u);
}

TEST(KafkaProducer, PropertiesAreAnAllowlist) {
  for (const char* name : {"plugin.library.paths", "sasl.kerberos.kinit.cmd", "ssl.engine.location",
                           "enable.idempotence", "sasl.usernam"}) {
    auto made = KafkaProducer::Make({"127.0.0.1:1", "t", {{name, "x"}}});
    ASSERT_FALSE(made.ok()) << name;
    EXPECT_EQ(made.error().code, "kafka.property");
    EXPECT_NE(made.error().message.find(name), std::string::npos);
  }
  auto made = KafkaProducer::Make({"127.0.0.1:1", "t", {{"acks", "maybe"}}});
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().blame, Blame::kUser);
}

TEST(KafkaProducer, UnreachableBrokerIsNamed) {
  auto producer = KafkaProducer::Make({"127.0.0.1:1", "clicks", {{"message.timeout.ms", "1000"}}});
  ASSERT_TRUE(producer.ok()) << ToString(producer.error());
  ASSERT_TRUE((*producer)->Send("k", "v").ok());
  auto done = (*producer)->Finish();
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().code, "kafka.unreachable");
  EXPECT_NE(done.error().message.find("127.0.0.1:1"), std::string::npos);
  EXPECT_EQ((*producer)->delivered(), 0);
}

}  // namespace
}  // namespace sluice
