#include "source/kafka/kafka_property.h"

#include <algorithm>
#include <cctype>
#include <iterator>

namespace sluice {
namespace {

/// What becomes of a property: passed on as `target`, accepted without effect (no target), or
/// refused with `reason`.
struct Rule {
  std::string_view name;
  std::string_view target;
  std::string_view reason;
};

constexpr std::string_view kNoGroup = "";

// Java's name first where the two differ.
constexpr Rule kRules[] = {
    // Connection.
    {"client.id", "client.id", {}},
    {"client.rack", "client.rack", {}},
    {"client.dns.lookup", "client.dns.lookup", {}},
    {"connections.max.idle.ms", "connections.max.idle.ms", {}},
    {"reconnect.backoff.ms", "reconnect.backoff.ms", {}},
    {"reconnect.backoff.max.ms", "reconnect.backoff.max.ms", {}},
    {"retry.backoff.ms", "retry.backoff.ms", {}},
    {"retry.backoff.max.ms", "retry.backoff.max.ms", {}},
    {"request.timeout.ms", "socket.timeout.ms", {}},
    {"socket.timeout.ms", "socket.timeout.ms", {}},
    {"socket.connection.setup.timeout.ms", "socket.connection.setup.timeout.ms", {}},
    {"socket.keepalive.enable", "socket.keepalive.enable", {}},
    {"socket.nagle.disable", "socket.nagle.disable", {}},
    {"send.buffer.bytes", "socket.send.buffer.bytes", {}},
    {"socket.send.buffer.bytes", "socket.send.buffer.bytes", {}},
    {"receive.buffer.bytes", "socket.receive.buffer.bytes", {}},
    {"socket.receive.buffer.bytes", "socket.receive.buffer.bytes", {}},
    {"broker.address.family", "broker.address.family", {}},
    {"broker.address.ttl", "broker.address.ttl", {}},
    {"metadata.max.age.ms", "topic.metadata.refresh.interval.ms", {}},
    {"topic.metadata.refresh.interval.ms", "topic.metadata.refresh.interval.ms", {}},
    {"metadata.recovery.strategy", "metadata.recovery.strategy", {}},
    // Fetching.
    {"fetch.min.bytes", "fetch.min.bytes", {}},
    {"fetch.max.wait.ms", "fetch.wait.max.ms", {}},
    {"fetch.wait.max.ms", "fetch.wait.max.ms", {}},
    {"fetch.max.bytes", "fetch.max.bytes", {}},
    {"max.partition.fetch.bytes", "fetch.message.max.bytes", {}},
    {"fetch.message.max.bytes", "fetch.message.max.bytes", {}},
    {"fetch.error.backoff.ms", "fetch.error.backoff.ms", {}},
    // TLS by value; files have options of their own.
    {"ssl.cipher.suites", "ssl.cipher.suites", {}},
    {"ssl.curves.list", "ssl.curves.list", {}},
    {"ssl.sigalgs.list", "ssl.sigalgs.list", {}},

    // Accepted without effect: of consumer groups, polling or decoding in Java.
    {"max.poll.records", kNoGroup, {}},
    {"max.poll.interval.ms", kNoGroup, {}},
    {"session.timeout.ms", kNoGroup, {}},
    {"heartbeat.interval.ms", kNoGroup, {}},
    {"partition.assignment.strategy", kNoGroup, {}},
    {"group.instance.id", kNoGroup, {}},
    {"group.protocol", kNoGroup, {}},
    {"default.api.timeout.ms", kNoGroup, {}},
    {"allow.auto.create.topics", kNoGroup, {}},
    {"exclude.internal.topics", kNoGroup, {}},

    // Owned by the source.
    {"auto.offset.reset", {}, "use startingOffsets; an offset is never reset by itself"},
    {"enable.auto.commit", {}, "group offsets are committed by the job after each epoch"},
    {"auto.commit.interval.ms", {}, "group offsets are committed by the job after each epoch"},
    {"isolation.level",
     {},
     "only committed records are read; anything else would not be exactly once"},
    {"check.crcs", {}, "checksums are always checked"},
    {"enable.partition.eof", {}, "the source needs it and sets it"},
    {"key.deserializer", {}, "use classification; keys are not decoded"},
    {"value.deserializer", {}, "use classification"},
    {"interceptor.classes", {}, "it loads code"},
    {"metric.reporters", {}, "it loads code; use metricsAddress"},
    {"queued.min.messages", {}, "buffers are a share of maxMemory"},
    {"queued.max.messages.kbytes", {}, "buffers are a share of maxMemory"},
    {"receive.message.max.bytes", {}, "buffers are a share of maxMemory"},
    {"debug", {}, "librdkafka's debug lines can contain records and credentials"},

    // Commands, code, files and addresses that a job's author must not reach.
    {"sasl.kerberos.kinit.cmd", {}, "it is a shell command"},
    {"sasl.kerberos.principal", {}, "librdkafka puts it into a shell command"},
    {"sasl.kerberos.keytab", {}, "librdkafka puts it into a shell command"},
    {"sasl.kerberos.service.name", {}, "Kerberos is not supported"},
    {"plugin.library.paths", {}, "it loads code"},
    {"ssl.engine.location", {}, "it loads code"},
    {"ssl.engine.id", {}, "it loads code"},
    {"ssl.providers", {}, "it loads code"},
    {"ssl.engine.factory.class", {}, "it loads code"},
    {"security.providers", {}, "it loads code"},
    {"sasl.client.callback.handler.class", {}, "it loads code"},
    {"sasl.login.class", {}, "it loads code"},
    {"sasl.login.callback.handler.class", {}, "it loads code"},
    {"sasl.oauthbearer.token.endpoint.url", {}, "it makes the job fetch any URL"},
    {"sasl.oauthbearer.jwks.endpoint.url", {}, "it makes the job fetch any URL"},
    {"sasl.oauthbearer.config", {}, "OAUTHBEARER is not supported"},
    {"sasl.jaas.config", {}, "use sasl.username and sasl.password"},
    {"enable.ssl.certificate.verification",
     {},
     "certificates are always verified; use ssl.ca.location"},
    {"ssl.truststore.location", {}, "use ssl.ca.location with a PEM file"},
    {"ssl.truststore.password", {}, "use ssl.ca.location with a PEM file"},
    {"ssl.truststore.type", {}, "use ssl.ca.location with a PEM file"},
    {"ssl.keystore.location",
     {},
     "use ssl.certificate.location and ssl.key.location with PEM files"},
    {"ssl.keystore.password", {}, "use ssl.key.password"},
    {"ssl.keystore.type", {}, "use ssl.certificate.location and ssl.key.location with PEM files"},
    {"ssl.crl.location",
     {},
     "it reads a file; only the ssl.* options of the source may name files"},
    {"statistics.interval.ms", {}, "use metricsAddress"},
};

Error Refuse(std::string_view name, std::string_view reason) {
  return UserError("kafka.refused_property", "the property kafka." + std::string(name) +
                                                 " cannot be set: " + std::string(reason));
}

std::string Lower(std::string_view name) {
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

}  // namespace

Result<std::optional<std::pair<std::string, std::string>>> TranslateKafkaProperty(
    std::string_view name, const std::string& value) {
  const std::string lower = Lower(name);
  const auto* rule = std::find_if(std::begin(kRules), std::end(kRules),
                                  [&](const Rule& r) { return r.name == lower; });
  if (rule == std::end(kRules)) {
    if (lower.ends_with(".location") || lower.ends_with(".file")) {
      return Refuse(name, "it reads a file; only the ssl.* options of the source may name files");
    }
    return Refuse(name,
                  "it is not in the list of properties that a job may set. Connection, fetch and "
                  "cipher properties are, by their Java and their librdkafka names");
  }
  if (!rule->reason.empty()) return Refuse(name, rule->reason);
  if (rule->target.empty()) return std::optional<std::pair<std::string, std::string>>();
  return std::optional(std::pair(std::string(rule->target), value));
}

}  // namespace sluice
