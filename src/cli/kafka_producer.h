/// Writes messages to a Kafka topic, for `sluice generate` and the demo.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"

namespace sluice {

struct ProducerOptions {
  std::string bootstrap;  ///< "host:port,host:port".
  std::string topic;      ///< Made by the broker if it does so by itself.
  /// librdkafka's names, of the ones that AllowedProducerProperties lists. Values may be secrets.
  std::vector<std::pair<std::string, std::string>> properties;
};

/// What a user may set: connection, security, batching. Nothing that runs commands or loads code.
const std::vector<std::string>& AllowedProducerProperties();

/// An idempotent producer: each message is written once, in order per partition, although sending
/// is retried. Make -> Send* -> Finish. One thread at a time.
class KafkaProducer {
 public:
  /// User errors for options that are not allowed or make no sense. Does not wait for the broker.
  static Result<std::unique_ptr<KafkaProducer>> Make(const ProducerOptions& options);
  ~KafkaProducer();
  KafkaProducer(const KafkaProducer&) = delete;
  KafkaProducer& operator=(const KafkaProducer&) = delete;

  /// Takes a copy. Equal keys go to the same partition (murmur2, as Java's producer; no key:
  /// spread). Blocks while the queue is full. An error is that of an earlier message which could
  /// not be delivered.
  Result<void> Send(std::string_view key, std::string_view value);

  /// Waits until every message is acknowledged by all replicas in sync.
  Result<void> Finish();

  std::int64_t delivered() const;

 private:
  struct Impl;
  explicit KafkaProducer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice
