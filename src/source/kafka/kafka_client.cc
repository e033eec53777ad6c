#include "source/kafka/kafka_client.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>

#include "core/logging.h"
#include "source/kafka/kafka_error.h"

namespace sluice {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int kRequestMillis = 10'000;
constexpr int kPollMillis = 50;

template <typename T, void (*Free)(T*)>
struct Freer {
  void operator()(T* pointer) const { Free(pointer); }
};
template <typename T, void (*Free)(T*)>
using Owned = std::unique_ptr<T, Freer<T, Free>>;
using OwnedQueue = Owned<rd_kafka_queue_t, rd_kafka_queue_destroy>;
using OwnedAdminOptions = Owned<rd_kafka_AdminOptions_t, rd_kafka_AdminOptions_destroy>;
using OwnedError = Owned<rd_kafka_error_t, rd_kafka_error_destroy>;

}  // namespace

KafkaClient::KafkaClient(const KafkaOptions& options)
    : servers_(options.bootstrap_servers), secrets_(options.secrets) {}

KafkaClient::~KafkaClient() {
  if (handle_ != nullptr) rd_kafka_destroy_flags(handle_, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

Result<std::shared_ptr<KafkaClient>> KafkaClient::Make(const KafkaOptions& options,
                                                       std::size_t buffer_bytes, int readers) {
  std::shared_ptr<KafkaClient> client(new KafkaClient(options));
  char reason[512];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  auto properties = KafkaBufferProperties(buffer_bytes, readers);
  properties.insert(properties.end(), options.properties.begin(), options.properties.end());
  for (const auto& [name, value] : properties) {
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), reason, sizeof reason) ==
        RD_KAFKA_CONF_OK) {
      continue;
    }
    rd_kafka_conf_destroy(conf);
    return UserError("kafka.bad_option",
                     "the Kafka client refuses " + name + ": " + client->Redact(reason));
  }
  rd_kafka_conf_set_opaque(conf, client.get());
  rd_kafka_conf_set_error_cb(conf, OnError);
  rd_kafka_conf_set_log_cb(conf, OnLog);
  rd_kafka_conf_set_offset_commit_cb(conf, OnCommit);
  client->handle_ = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
  if (client->handle_ == nullptr) {
    rd_kafka_conf_destroy(conf);
    const std::string said = client->Redact(reason);
    const bool tls = said.find("ssl") != std::string::npos || said.find("SSL") != std::string::npos;
    return UserError(tls ? "kafka.tls" : "kafka.bad_option",
                     "the Kafka client cannot be set up: " + said);
  }
  rd_kafka_poll_set_consumer(client->handle_);
  return client;
}

std::string KafkaClient::Redact(std::string text) const {
  for (const std::string& secret : secrets_) {
    for (std::size_t at = text.find(secret); at != std::string::npos;
         at = text.find(secret, at + 3)) {
      text.replace(at, secret.size(), "***");
    }
  }
  return text;
}

void KafkaClient::OnError(rd_kafka_t*, int code, const char* reason, void* opaque) {
  auto* self = static_cast<KafkaClient*>(opaque);
  const auto error = static_cast<rd_kafka_resp_err_t>(code);
  const std::string said = self->Redact(reason == nullptr ? "" : reason);
  const std::lock_guard lock(self->mutex_);
  switch (error) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
      self->fatal_ = KafkaError(error, "logging in to " + self->servers_, said);
      break;
    case RD_KAFKA_RESP_ERR__SSL:
      ++self->tls_failures_;
      break;
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
      ++self->all_down_;
      return;
    default:
      break;
  }
  self->last_code_ = error;
  self->last_reason_ = said;
}

void KafkaClient::OnLog(const rd_kafka_t* handle, int level, const char* facility,
                        const char* text) {
  // Syslog levels: 0 to 3 are errors, 4 warnings, 5 and 6 notices. A lost broker is an error to
  // librdkafka and a warning to a job, which goes on by itself.
  if (level > 4) return;
  const auto* self = static_cast<const KafkaClient*>(rd_kafka_opaque(handle));
  LogLimited(LogLevel::kWarn, std::string("kafka.") + facility, 10, "kafka client",
             {{"facility", facility}, {"said", self->Redact(text)}});
}

void KafkaClient::OnCommit(rd_kafka_t*, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t*,
                           void* opaque) {
  auto* self = static_cast<KafkaClient*>(opaque);
  self->commits_open_.fetch_sub(1);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR || error == RD_KAFKA_RESP_ERR__NO_OFFSET) return;
  LogLimited(LogLevel::kWarn, "kafka.commit", 60,
             "group offsets were not committed; only lag tools use them",
             {{"reason", rd_kafka_err2str(error)}});
}

std::optional<Error> KafkaClient::Poll() {
  // librdkafka keeps the times of polls in plain fields of the queue: one thread at a time. Another
  // one that is at it serves the callbacks just as well.
  std::unique_lock polling(polling_, std::try_to_lock);
  while (polling.owns_lock()) {
    rd_kafka_message_t* message = rd_kafka_consumer_poll(handle_, 0);
    if (message == nullptr) break;
    // Records go to the readers' queues; what comes here is about the group, such as a coordinator
    // that cannot be reached.
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      LogLimited(LogLevel::kWarn, "kafka.group", 60, "kafka consumer group",
                 {{"said", Redact(rd_kafka_message_errstr(message))}});
    }
    rd_kafka_message_destroy(message);
  }
  const std::lock_guard lock(mutex_);
  return fatal_;
}

KafkaClient::Mark KafkaClient::MarkNow() {
  const std::lock_guard lock(mutex_);
  return {SteadyClock::now(), all_down_, tls_failures_};
}

std::optional<Error> KafkaClient::TroubleSince(const Mark& mark, const std::string& what) {
  if (auto fatal = Poll()) return fatal;
  const std::lock_guard lock(mutex_);
  if (tls_failures_ > mark.tls_failures) {
    return KafkaError(RD_KAFKA_RESP_ERR__SSL, what, last_reason_);
  }
  // A name with several addresses may need a second attempt.
  const bool patient = SteadyClock::now() - mark.at < std::chrono::milliseconds(1500);
  if (patient || all_down_ == mark.all_down) return {};
  return KafkaError(RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, what, last_reason_);
}

Result<std::vector<KafkaEvent>> KafkaClient::Await(rd_kafka_queue_t* queue, std::size_t events,
                                                   const std::string& what) {
  const Mark mark = MarkNow();
  std::vector<KafkaEvent> got;
  while (got.size() < events) {
    KafkaEvent event(rd_kafka_queue_poll(queue, kPollMillis));
    if (event == nullptr) {
      if (auto trouble = TroubleSince(mark, what)) return *std::move(trouble);
      if (SteadyClock::now() - mark.at > std::chrono::milliseconds(kRequestMillis + 500)) {
        return KafkaError(RD_KAFKA_RESP_ERR__TIMED_OUT, what, "no answer in ten seconds");
      }
      continue;
    }
    if (const rd_kafka_resp_err_t code = rd_kafka_event_error(event.get())) {
      if (auto trouble = TroubleSince(mark, what)) return *std::move(trouble);
      const char* said = rd_kafka_event_error_string(event.get());
      return KafkaError(code, what, Redact(said == nullptr ? "" : said));
    }
    got.push_back(std::move(event));
  }
  return got;
}

Result<std::vector<TopicInfo>> KafkaClient::DescribeTopics(const std::vector<std::string>& names) {
  TRY(auto found, FindTopics(names));
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i < found.size() && found[i].name == names[i]) continue;
    return KafkaError(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
                      "looking up the topic " + names[i] + " at " + servers_, "");
  }
  return found;
}

Result<std::vector<TopicInfo>> KafkaClient::FindTopics(const std::vector<std::string>& names) {
  if (names.empty()) return std::vector<TopicInfo>();
  std::vector<const char*> texts;
  for (const std::string& name : names) texts.push_back(name.c_str());
  const Owned<rd_kafka_TopicCollection_t, rd_kafka_TopicCollection_destroy> topics(
      rd_kafka_TopicCollection_of_topic_names(texts.data(), texts.size()));
  const OwnedAdminOptions options(
      rd_kafka_AdminOptions_new(handle_, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS));
  rd_kafka_AdminOptions_set_request_timeout(options.get(), kRequestMillis, nullptr, 0);
  const OwnedQueue queue(rd_kafka_queue_new(handle_));
  rd_kafka_DescribeTopics(handle_, topics.get(), options.get(), queue.get());
  const std::string what = "asking " + servers_ + " for its topics";
  TRY(const auto events, Await(queue.get(), 1, what));

  std::map<std::string, TopicInfo> found;
  std::size_t count = 0;
  const auto* result = rd_kafka_event_DescribeTopics_result(events[0].get());
  const auto** described = rd_kafka_DescribeTopics_result_topics(result, &count);
  for (std::size_t i = 0; i < count; ++i) {
    TopicInfo info;
    info.name = rd_kafka_TopicDescription_name(described[i]);
    const rd_kafka_error_t* error = rd_kafka_TopicDescription_error(described[i]);
    const auto code = rd_kafka_error_code(error);
    if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) continue;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return KafkaError(code, "looking up the topic " + info.name + " at " + servers_, "");
    }
    const rd_kafka_Uuid_t* id = rd_kafka_TopicDescription_topic_id(described[i]);
    if (id != nullptr && (rd_kafka_Uuid_most_significant_bits(id) != 0 ||
                          rd_kafka_Uuid_least_significant_bits(id) != 0)) {
      info.id = rd_kafka_Uuid_base64str(id);
    }
    std::size_t partitions = 0;
    const auto** parts = rd_kafka_TopicDescription_partitions(described[i], &partitions);
    for (std::size_t p = 0; p < partitions; ++p) {
      info.partitions.push_back(rd_kafka_TopicPartitionInfo_partition(parts[p]));
    }
    std::sort(info.partitions.begin(), info.partitions.end());
    found[info.name] = std::move(info);
  }
  std::vector<TopicInfo> out;
  for (const std::string& name : names) {
    auto it = found.find(name);
    if (it != found.end() && !it->second.partitions.empty()) out.push_back(it->second);
  }
  return out;
}

Result<std::vector<std::string>> KafkaClient::ListTopicNames() {
  const Mark mark = MarkNow();
  const std::string what = "asking " + servers_ + " for all topics";
  const rd_kafka_metadata_t* metadata = nullptr;
  // In slices, so that refused credentials are noticed at once.
  rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;
  for (int waited = 0; waited < kRequestMillis && code != RD_KAFKA_RESP_ERR_NO_ERROR;
       waited += 1000) {
    code = rd_kafka_metadata(handle_, /*all_topics=*/1, nullptr, &metadata, 1000);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) break;
    if (auto trouble = TroubleSince(mark, what)) return *std::move(trouble);
  }
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return KafkaError(code, what, "");
  std::vector<std::string> names;
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    const std::string name = metadata->topics[i].topic;
    if (!name.starts_with("__")) names.push_back(name);
  }
  rd_kafka_metadata_destroy(metadata);
  std::sort(names.begin(), names.end());
  return names;
}

Result<std::vector<std::vector<std::int64_t>>> KafkaClient::ListOffsets(
    const std::vector<std::vector<OffsetQuestion>>& lists) {
  const OwnedAdminOptions options(
      rd_kafka_AdminOptions_new(handle_, RD_KAFKA_ADMIN_OP_LISTOFFSETS));
  rd_kafka_AdminOptions_set_request_timeout(options.get(), kRequestMillis, nullptr, 0);
  const OwnedError refused(rd_kafka_AdminOptions_set_isolation_level(
      options.get(), RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED));
  const OwnedQueue queue(rd_kafka_queue_new(handle_));
  std::vector<std::vector<std::int64_t>> answers(lists.size());
  std::size_t asked = 0;
  for (std::size_t list = 0; list < lists.size(); ++list) {
    answers[list].assign(lists[list].size(), -1);
    if (lists[list].empty()) continue;
    // The answers come back by name, in any order; the list's number goes along as opaque.
    rd_kafka_AdminOptions_set_opaque(options.get(), &answers[list]);
    KafkaPartitionList partitions(lists[list].size());
    for (const OffsetQuestion& question : lists[list]) partitions.Add(question.split, question.at);
    rd_kafka_ListOffsets(handle_, partitions.get(), options.get(), queue.get());
    ++asked;
  }
  const std::string what = "asking " + servers_ + " for offsets";
  TRY(const auto events, Await(queue.get(), asked, what));
  for (const KafkaEvent& event : events) {
    auto* answer = static_cast<std::vector<std::int64_t>*>(rd_kafka_event_opaque(event.get()));
    const auto& list = lists[static_cast<std::size_t>(answer - answers.data())];
    std::map<std::pair<std::string, std::int32_t>, std::int64_t> offsets;
    std::size_t count = 0;
    const auto** infos =
        rd_kafka_ListOffsets_result_infos(rd_kafka_event_ListOffsets_result(event.get()), &count);
    for (std::size_t i = 0; i < count; ++i) {
      const auto* info = rd_kafka_ListOffsetsResultInfo_topic_partition(infos[i]);
      if (info->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return KafkaError(info->err,
                          what + " of " + info->topic + "/" + std::to_string(info->partition), "");
      }
      offsets[{info->topic, info->partition}] = info->offset;
    }
    for (std::size_t i = 0; i < list.size(); ++i) {
      auto it = offsets.find({list[i].split.topic, list[i].split.partition});
      if (it == offsets.end()) {
        return KafkaError(
            RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION,
            what + " of " + list[i].split.topic + "/" + std::to_string(list[i].split.partition),
            "");
      }
      (*answer)[i] = it->second;
    }
  }
  return answers;
}

std::int64_t KafkaClient::CachedLow(const TopicPartition& split) const {
  std::int64_t low = -1;
  std::int64_t high = -1;
  const auto code =
      rd_kafka_get_watermark_offsets(handle_, split.topic.c_str(), split.partition, &low, &high);
  return code == RD_KAFKA_RESP_ERR_NO_ERROR ? low : -1;
}

bool KafkaClient::FirstAssignment(const TopicPartition& split) {
  const std::lock_guard lock(mutex_);
  return assigned_.emplace(split.topic, split.partition).second;
}

void KafkaClient::CommitOffsets(
    const std::vector<std::pair<TopicPartition, std::int64_t>>& offsets) {
  if (offsets.empty()) return;
  KafkaPartitionList list(offsets.size());
  for (const auto& [split, offset] : offsets) list.Add(split, offset);
  commits_open_.fetch_add(1);
  if (const auto code = rd_kafka_commit(handle_, list.get(), /*async=*/1)) {
    OnCommit(handle_, code, nullptr, this);
  }
  Poll();
}

void KafkaClient::FlushCommits(int millis) {
  const auto deadline = SteadyClock::now() + std::chrono::milliseconds(millis);
  while (commits_open_.load() > 0 && SteadyClock::now() < deadline) {
    if (rd_kafka_message_t* message = rd_kafka_consumer_poll(handle_, 10)) {
      rd_kafka_message_destroy(message);
    }
  }
}

}  // namespace sluice
