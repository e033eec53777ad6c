#include "source/kafka/kafka_batch.h"

#include <arrow/api.h>

#include <nlohmann/json.hpp>

#include "record/arrow_error.h"
#include "source/kafka/kafka_split.h"

namespace sluice {
namespace {

constexpr char kHeadersName[] = "glue_streaming_kafka_headers";
constexpr char kTimestampName[] = "__src_timestamp";
constexpr std::size_t kMaxPooled = 8;

/// The length of the well-formed UTF-8 sequence at `text`, 0 if there is none (Unicode 15, table
/// 3-7).
std::size_t SequenceLength(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4) return 0;
  unsigned low = 0x80;
  unsigned high = 0xBF;
  if (first == 0xE0) low = 0xA0;
  if (first == 0xED) high = 0x9F;
  if (first == 0xF0) low = 0x90;
  if (first == 0xF4) high = 0x8F;
  if (byte(1) < low || byte(1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if (byte(i) < 0x80 || byte(i) > 0xBF) return 0;
  }
  return length;
}

/// Header keys are text by Kafka's rules, which no broker enforces: wrong bytes become U+FFFD.
std::string ValidText(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t length = SequenceLength(text);
    if (length == 0) {
      out += "\xEF\xBF\xBD";
      text.remove_prefix(1);
    } else {
      out += text.substr(0, length);
      text.remove_prefix(length);
    }
  }
  return out;
}

std::shared_ptr<arrow::DataType> HeadersType() {
  return arrow::list(
      arrow::field("element", arrow::struct_({arrow::field("key", arrow::utf8()),
                                              arrow::field("value", arrow::binary())})));
}

template <typename MessageOf>
Result<std::shared_ptr<arrow::Array>> HeadersColumn(
    const MessageOf& message_of, const std::vector<std::uint32_t>& record_of_row) {
  arrow::MemoryPool* pool = arrow::default_memory_pool();
  auto keys = std::make_shared<arrow::StringBuilder>(pool);
  auto values = std::make_shared<arrow::BinaryBuilder>(pool);
  auto entry = std::make_shared<arrow::StructBuilder>(
      HeadersType()->field(0)->type(), pool,
      std::vector<std::shared_ptr<arrow::ArrayBuilder>>{keys, values});
  arrow::ListBuilder rows(pool, entry, HeadersType());
  for (const std::uint32_t record : record_of_row) {
    rd_kafka_headers_t* headers = nullptr;
    const auto code = rd_kafka_message_headers(message_of(record), &headers);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR || rd_kafka_header_cnt(headers) == 0) {
      TRY(rows.AppendNull());
      continue;
    }
    TRY(rows.Append());
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    for (std::size_t i = 0;
         rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         ++i) {
      TRY(entry->Append());
      TRY(keys->Append(ValidText(name)));
      if (value == nullptr) {
        TRY(values->AppendNull());
      } else {
        TRY(values->Append(static_cast<const char*>(value), static_cast<std::int32_t>(size)));
      }
    }
  }
  TRY(auto column, rows.Finish());
  return column;
}

}  // namespace

KafkaBatchPool::Vectors KafkaBatchPool::Take() {
  const std::lock_guard lock(mutex_);
  if (free_.empty()) return {};
  Vectors vectors = std::move(free_.back());
  free_.pop_back();
  return vectors;
}

void KafkaBatchPool::Give(Vectors vectors) {
  vectors.records.clear();
  vectors.messages.clear();
  const std::lock_guard lock(mutex_);
  if (free_.size() < kMaxPooled) free_.push_back(std::move(vectors));
}

std::vector<std::shared_ptr<arrow::Field>> KafkaExtraFields(const KafkaColumns& columns) {
  std::vector<std::shared_ptr<arrow::Field>> fields;
  if (columns.headers) fields.push_back(arrow::field(kHeadersName, HeadersType()));
  if (columns.timestamp) {
    fields.push_back(arrow::field(kTimestampName, arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")));
  }
  return fields;
}

KafkaBatch::KafkaBatch(std::shared_ptr<KafkaClient> client, std::shared_ptr<KafkaBatchPool> pool,
                       const KafkaColumns& columns)
    : client_(std::move(client)), pool_(std::move(pool)), columns_(columns) {
  KafkaBatchPool::Vectors vectors = pool_->Take();
  records = std::move(vectors.records);
  messages_ = std::move(vectors.messages);
}

KafkaBatch::~KafkaBatch() {
  for (rd_kafka_message_t* message : messages_) rd_kafka_message_destroy(message);
  pool_->Give({std::move(records), std::move(messages_)});
}

std::string KafkaBatch::Origin(std::size_t record) const {
  const RawRecord& raw = records[record];
  nlohmann::ordered_json origin;
  if (auto split = ParseSplit(ranges[raw.range].split); split.ok()) {
    origin["topic"] = split->topic;
    origin["partition"] = split->partition;
  }
  origin["offset"] = raw.sequence;
  return origin.dump();
}

/// The engine takes out records that came twice: then the others' messages stand further behind. A
/// record without data makes no row, so that the bytes' place tells the message.
rd_kafka_message_t* KafkaBatch::MessageOf(std::size_t record) const {
  std::size_t i = record;
  if (records.size() == messages_.size()) return messages_[i];
  while (i + 1 < messages_.size() && messages_[i]->payload != records[record].data) ++i;
  return messages_[i];
}

std::optional<std::string_view> KafkaBatch::Header(std::size_t record, const char* name) const {
  // Parsing them writes into the messages, which any thread may read afterwards.
  std::call_once(headers_read_, [this] {
    rd_kafka_headers_t* headers = nullptr;
    for (rd_kafka_message_t* message : messages_) rd_kafka_message_headers(message, &headers);
  });
  rd_kafka_headers_t* headers = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  if (rd_kafka_message_headers(MessageOf(record), &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
      rd_kafka_header_get_last(headers, name, &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return std::nullopt;
  }
  return std::string_view(static_cast<const char*>(value), value == nullptr ? 0 : size);
}

Result<std::vector<std::shared_ptr<arrow::Array>>> KafkaBatch::ExtraColumns(
    const std::vector<std::uint32_t>& record_of_row) const {
  std::vector<std::shared_ptr<arrow::Array>> out;
  if (columns_.headers) {
    TRY(auto headers,
        HeadersColumn([this](std::size_t record) { return MessageOf(record); }, record_of_row));
    out.push_back(std::move(headers));
  }
  if (columns_.timestamp) {
    arrow::TimestampBuilder times(arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"),
                                  arrow::default_memory_pool());
    TRY(times.Reserve(static_cast<std::int64_t>(record_of_row.size())));
    for (const std::uint32_t record : record_of_row) {
      const std::int64_t time = records[record].timestamp;
      if (time < 0) {
        times.UnsafeAppendNull();
      } else {
        times.UnsafeAppend(time);
      }
    }
    TRY(auto column, times.Finish());
    out.push_back(std::move(column));
  }
  return out;
}

}  // namespace sluice
