#include "cli/kafka_producer.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <optional>

#include "core/options.h"

namespace sluice {
namespace {

constexpr int kPollMillis = 100;
/// How long Finish waits without any message being acknowledged.
constexpr int kFinishMillis = 60'000;

bool IsSecret(const std::string& name) {
  return name.find("password") != std::string::npos || name.find("pem") != std::string::npos;
}

/// What librdkafka says, without the values that it was given in confidence.
std::string Blank(std::string text, const ProducerOptions& options) {
  for (const auto& [name, value] : options.properties) {
    if (!IsSecret(name) || value.empty()) continue;
    for (std::size_t at = 0; (at = text.find(value, at)) != std::string::npos;) {
      text.replace(at, value.size(), "***");
    }
  }
  return text;
}

Error FromCode(rd_kafka_resp_err_t code, const std::string& text, const ProducerOptions& options) {
  const std::string where = "topic " + options.topic + " at " + options.bootstrap + ": ";
  switch (code) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      return UserError("kafka.auth", where + text + "; check user, password and rights");
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
      return UserError("kafka.unknown_topic", where + text + "; create the topic first");
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
      return RemoteError("kafka.unreachable", where + text + "; check that the broker runs there");
    default:
      return RemoteError("kafka.produce", where + text, Retry::kNo);
  }
}

}  // namespace

const std::vector<std::string>& AllowedProducerProperties() {
  static const std::vector<std::string> kNames = {"acks",
                                                  "batch.size",
                                                  "client.id",
                                                  "compression.type",
                                                  "linger.ms",
                                                  "message.timeout.ms",
                                                  "sasl.mechanism",
                                                  "sasl.mechanisms",
                                                  "sasl.password",
                                                  "sasl.username",
                                                  "security.protocol",
                                                  "ssl.ca.location",
                                                  "ssl.ca.pem",
                                                  "ssl.endpoint.identification.algorithm"};
  return kNames;
}

struct KafkaProducer::Impl {
  ProducerOptions options;
  rd_kafka_t* handle = nullptr;
  rd_kafka_topic_t* topic = nullptr;
  std::int64_t delivered = 0;
  std::optional<Error> error;

  ~Impl() {
    if (handle != nullptr && rd_kafka_outq_len(handle) > 0) {
      rd_kafka_purge(handle, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    }
    if (topic != nullptr) rd_kafka_topic_destroy(topic);
    if (handle != nullptr) rd_kafka_destroy(handle);
  }

  void Failed(rd_kafka_resp_err_t code, const char* text) {
    if (!error.has_value()) error = FromCode(code, Blank(text, options), options);
  }

  static void OnDelivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
    auto* self = static_cast<Impl*>(opaque);
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      ++self->delivered;
    } else {
      self->Failed(message->err, rd_kafka_err2str(message->err));
    }
  }

  /// librdkafka mends most of what it reports here by itself; a wrong password it would retry for
  /// ever.
  static void OnError(rd_kafka_t*, int code, const char* reason, void* opaque) {
    const auto err = static_cast<rd_kafka_resp_err_t>(code);
    if (err == RD_KAFKA_RESP_ERR__AUTHENTICATION || err == RD_KAFKA_RESP_ERR__FATAL) {
      static_cast<Impl*>(opaque)->Failed(err, reason);
    }
  }

  static void OnLog(const rd_kafka_t*, int, const char*, const char*) {}

  Result<void> Check() const {
    if (error.has_value()) return *error;
    return {};
  }
};

KafkaProducer::KafkaProducer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
KafkaProducer::~KafkaProducer() = default;

Result<std::unique_ptr<KafkaProducer>> KafkaProducer::Make(const ProducerOptions& options) {
  std::vector<std::pair<std::string, std::string>> properties = {
      {"bootstrap.servers", options.bootstrap},
      {"enable.idempotence", "true"},
      {"linger.ms", "20"},
      {"batch.size", "262144"},
      {"compression.type", "lz4"},
      {"partitioner", "murmur2_random"},
      {"queue.buffering.max.kbytes", "65536"}};
  const std::vector<std::string>& allowed = AllowedProducerProperties();
  for (const auto& [name, value] : options.properties) {
    if (std::find(allowed.begin(), allowed.end(), name) == allowed.end()) {
      std::string message = "'" + name + "' is not a property that may be set";
      if (auto near = NearestName(name, allowed)) message += "; did you mean '" + *near + "'?";
      return UserError("kafka.property", message);
    }
    properties.emplace_back(name, value);
  }
  auto impl = std::make_unique<Impl>();
  impl->options = options;
  char text[512];
  rd_kafka_conf_t* const conf = rd_kafka_conf_new();
  for (const auto& [name, value] : properties) {
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), text, sizeof text) !=
        RD_KAFKA_CONF_OK) {
      rd_kafka_conf_destroy(conf);
      return UserError("kafka.property", Blank(text, options));
    }
  }
  rd_kafka_conf_set_opaque(conf, impl.get());
  rd_kafka_conf_set_dr_msg_cb(conf, &Impl::OnDelivery);
  rd_kafka_conf_set_error_cb(conf, &Impl::OnError);
  rd_kafka_conf_set_log_cb(conf, &Impl::OnLog);
  impl->handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
  if (impl->handle == nullptr) {
    rd_kafka_conf_destroy(conf);
    return UserError("kafka.property", Blank(text, options));
  }
  impl->topic = rd_kafka_topic_new(impl->handle, options.topic.c_str(), nullptr);
  if (impl->topic == nullptr) {
    return UserError("kafka.topic", "'" + options.topic + "' cannot be a topic: " +
                                        rd_kafka_err2str(rd_kafka_last_error()));
  }
  return std::unique_ptr<KafkaProducer>(new KafkaProducer(std::move(impl)));
}

Result<void> KafkaProducer::Send(std::string_view key, std::string_view value) {
  for (;;) {
    TRY(impl_->Check());
    const int failed = rd_kafka_produce(impl_->topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
                                        const_cast<char*>(value.data()), value.size(),
                                        key.empty() ? nullptr : key.data(), key.size(), nullptr);
    if (failed == 0) break;
    const rd_kafka_resp_err_t code = rd_kafka_last_error();
    if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      return FromCode(code, rd_kafka_err2str(code), impl_->options);
    }
    rd_kafka_poll(impl_->handle, kPollMillis);
  }
  rd_kafka_poll(impl_->handle, 0);
  return {};
}

Result<void> KafkaProducer::Finish() {
  int waited = 0;
  std::int64_t before = impl_->delivered;
  while (rd_kafka_outq_len(impl_->handle) > 0) {
    TRY(impl_->Check());
    rd_kafka_flush(impl_->handle, kPollMillis);
    waited = impl_->delivered == before ? waited + kPollMillis : 0;
    before = impl_->delivered;
    if (waited >= kFinishMillis) {
      return FromCode(RD_KAFKA_RESP_ERR__MSG_TIMED_OUT,
                      "nothing was acknowledged for a minute, " +
                          std::to_string(rd_kafka_outq_len(impl_->handle)) + " messages are left",
                      impl_->options);
    }
  }
  return impl_->Check();
}

std::int64_t KafkaProducer::delivered() const { return impl_->delivered; }

}  // namespace sluice
