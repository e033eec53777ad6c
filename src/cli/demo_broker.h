/// A Kafka broker inside this process, for the demo: librdkafka's mock cluster on loopback.
///
/// It keeps a few megabytes per partition and drops its oldest batches beyond that without a word,
/// so whoever writes must not run far ahead of whoever reads.
#pragma once

#include <memory>
#include <string>

#include "core/result.h"

namespace sluice {

/// One thread makes and destroys it; clients connect from any.
class DemoBroker {
 public:
  /// Starts one broker with one topic.
  static Result<std::unique_ptr<DemoBroker>> Start(const std::string& topic, int partitions);
  ~DemoBroker();
  DemoBroker(const DemoBroker&) = delete;
  DemoBroker& operator=(const DemoBroker&) = delete;

  /// "127.0.0.1:PORT".
  std::string bootstrap() const;

 private:
  struct Impl;
  explicit DemoBroker(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice
