/// A Kafka cluster inside the test's process (librdkafka's mock), and a producer to it.
#pragma once

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice {

class MockKafka {
 public:
  explicit MockKafka(int brokers = 1);
  ~MockKafka();
  MockKafka(const MockKafka&) = delete;
  MockKafka& operator=(const MockKafka&) = delete;

  std::string bootstrap() const;
  rd_kafka_mock_cluster_t* cluster() const { return cluster_; }

  void CreateTopic(const std::string& topic, int partitions);
  void DeleteTopic(const std::string& topic);
  /// Records from now on are of a new leader's epoch.
  void ChangeLeader(const std::string& topic, std::int32_t partition);
  void DeleteRecords(const std::string& topic, std::int32_t partition, std::int64_t before);

  struct Message {
    std::optional<std::string> value;
    std::int64_t millis = 0;  ///< 0: now.
    std::vector<std::pair<std::string, std::optional<std::string>>> headers;
  };
  /// Returns once the broker has it.
  void Produce(const std::string& topic, std::int32_t partition,
               const std::vector<Message>& messages);
  void ProduceTexts(const std::string& topic, std::int32_t partition, int first, int count);

 private:
  rd_kafka_t* producer_ = nullptr;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
};

}  // namespace sluice
