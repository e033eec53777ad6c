#include "source/kafka/mock_kafka.h"

#include <gtest/gtest.h>

namespace sluice {

MockKafka::MockKafka(int brokers) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  char reason[512];
  rd_kafka_conf_set(conf, "test.mock.num.brokers", std::to_string(brokers).c_str(), reason,
                    sizeof reason);
  rd_kafka_conf_set(conf, "bootstrap.servers", "mock", reason, sizeof reason);
  rd_kafka_conf_set(conf, "linger.ms", "0", reason, sizeof reason);
  rd_kafka_conf_set(conf, "log_level", "0", reason, sizeof reason);
  producer_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
  if (producer_ == nullptr) {
    ADD_FAILURE() << reason;
    std::abort();
  }
  cluster_ = rd_kafka_handle_mock_cluster(producer_);
  // Brokers count from 1, and the mock names 0 as its controller unless told.
  rd_kafka_mock_set_controller_id(cluster_, 1);
}

MockKafka::~MockKafka() { rd_kafka_destroy(producer_); }

std::string MockKafka::bootstrap() const { return rd_kafka_mock_cluster_bootstraps(cluster_); }

void MockKafka::CreateTopic(const std::string& topic, int partitions) {
  ASSERT_EQ(rd_kafka_mock_topic_create(cluster_, topic.c_str(), partitions, 1),
            RD_KAFKA_RESP_ERR_NO_ERROR);
}

void MockKafka::DeleteTopic(const std::string& topic) {
  ASSERT_EQ(rd_kafka_mock_topic_delete(cluster_, topic.c_str()), RD_KAFKA_RESP_ERR_NO_ERROR);
}

void MockKafka::ChangeLeader(const std::string& topic, std::int32_t partition) {
  ASSERT_EQ(rd_kafka_mock_partition_set_leader(cluster_, topic.c_str(), partition, 1),
            RD_KAFKA_RESP_ERR_NO_ERROR);
}

void MockKafka::DeleteRecords(const std::string& topic, std::int32_t partition,
                              std::int64_t before) {
  ASSERT_EQ(rd_kafka_mock_partition_delete_records(cluster_, topic.c_str(), partition, before),
            RD_KAFKA_RESP_ERR_NO_ERROR);
}

void MockKafka::Produce(const std::string& topic, std::int32_t partition,
                        const std::vector<Message>& messages) {
  for (const Message& message : messages) {
    rd_kafka_headers_t* headers = nullptr;
    if (!message.headers.empty()) {
      headers = rd_kafka_headers_new(message.headers.size());
      for (const auto& [name, value] : message.headers) {
        rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()),
                            value ? value->data() : nullptr,
                            value ? static_cast<ssize_t>(value->size()) : 0);
      }
    }
    void* bytes = message.value ? const_cast<char*>(message.value->data()) : nullptr;
    const std::size_t size = message.value ? message.value->size() : 0;
    const auto sent = rd_kafka_producev(
        producer_, RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(partition),
        RD_KAFKA_V_VALUE(bytes, size), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_TIMESTAMP(message.millis), RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
    ASSERT_EQ(sent, RD_KAFKA_RESP_ERR_NO_ERROR) << rd_kafka_err2str(sent);
  }
  ASSERT_EQ(rd_kafka_flush(producer_, 10000), RD_KAFKA_RESP_ERR_NO_ERROR);
}

void MockKafka::ProduceTexts(const std::string& topic, std::int32_t partition, int first,
                             int count) {
  std::vector<Message> messages;
  for (int i = first; i < first + count; ++i) {
    messages.push_back({topic + "/" + std::to_string(partition) + "#" + std::to_string(i), 0, {}});
  }
  Produce(topic, partition, messages);
}

}  // namespace sluice
