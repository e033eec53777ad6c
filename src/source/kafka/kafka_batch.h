/// Kafka messages as a RawBatch: no copy, the records point into librdkafka's fetch buffers.
#pragma once

#include <librdkafka/rdkafka.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "record/raw_batch.h"
#include "source/kafka/kafka_client.h"

namespace sluice {

/// Hands vectors from dead batches to new ones, so that a steady stream allocates none. Any thread.
class KafkaBatchPool {
 public:
  struct Vectors {
    std::vector<RawRecord> records;
    std::vector<rd_kafka_message_t*> messages;
  };
  Vectors Take();
  void Give(Vectors vectors);

 private:
  std::mutex mutex_;
  std::vector<Vectors> free_;
};

/// The columns that the options ask for, in the order of Source::extra_fields.
struct KafkaColumns {
  bool headers = false;
  bool timestamp = false;
};
std::vector<std::shared_ptr<arrow::Field>> KafkaExtraFields(const KafkaColumns& columns);

class KafkaBatch final : public RawBatch {
 public:
  KafkaBatch(std::shared_ptr<KafkaClient> client, std::shared_ptr<KafkaBatchPool> pool,
             const KafkaColumns& columns);
  ~KafkaBatch() override;

  /// Takes the message over.
  void Add(rd_kafka_message_t* message, std::uint32_t range) {
    RawRecord record;
    record.data = static_cast<const char*>(message->payload);
    record.size = message->len;
    record.range = range;
    record.sequence = message->offset;
    rd_kafka_timestamp_type_t type;
    const std::int64_t millis = rd_kafka_message_timestamp(message, &type);
    record.timestamp = type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE || millis < 0 ? -1 : millis * 1000;
    if (columns_.headers) {
      // Parsed here, once: librdkafka keeps the result in the message, which is then only read.
      rd_kafka_headers_t* headers = nullptr;
      rd_kafka_message_headers(message, &headers);
    }
    records.push_back(record);
    messages_.push_back(message);
    bytes += message->len;
  }

  std::string Origin(std::size_t record) const override;
  std::optional<std::string_view> Header(std::size_t record, const char* name) const override;
  Result<std::vector<std::shared_ptr<arrow::Array>>> ExtraColumns(
      const std::vector<std::uint32_t>& record_of_row) const override;

 private:
  const std::shared_ptr<KafkaClient> client_;  // Before the messages in life, after them in death.
  const std::shared_ptr<KafkaBatchPool> pool_;
  const KafkaColumns columns_;
  rd_kafka_message_t* MessageOf(std::size_t record) const;

  std::vector<rd_kafka_message_t*> messages_;  // Of records, and of those taken out of them.
  mutable std::once_flag headers_read_;
};

}  // namespace sluice
