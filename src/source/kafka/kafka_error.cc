#include "source/kafka/kafka_error.h"

namespace sluice {

Error KafkaError(rd_kafka_resp_err_t code, const std::string& what, const std::string& detail) {
  const std::string said = detail.empty() ? rd_kafka_err2str(code) : detail;
  const std::string message = what + " failed: " + said;
  switch (code) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
    case RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE:
      return UserError("kafka.auth",
                       message + ". Check sasl.mechanism, sasl.username and sasl.password");
    case RD_KAFKA_RESP_ERR__SSL:
      return UserError("kafka.tls", message +
                                        ". Check security.protocol, ssl.ca.location and the "
                                        "certificate's host names");
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
      return UserError("kafka.forbidden",
                       message + ". Ask for the right to describe and read the topic");
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_ID:
      return RemoteError("kafka.unknown_topic",
                         message + ". Create the topic, or correct its name in the job");
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
      return UserError("kafka.bad_option", message);
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
      return RemoteError("kafka.unreachable",
                         message +
                             ". Check bootstrap.servers, security.protocol and that the "
                             "broker is up");
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
      return RemoteError("kafka.corrupt", message);
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
    case RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED:
      return RemoteError("kafka.codec", message, Retry::kNo);
    default:
      return RemoteError("kafka.failed", message);
  }
}

}  // namespace sluice
