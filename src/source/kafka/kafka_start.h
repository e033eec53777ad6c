/// Turns the starting options into one offset per partition, once.
#pragma once

#include <vector>

#include "core/result.h"
#include "source/kafka/kafka_client.h"
#include "source/kafka/kafka_options.h"
#include "source/source.h"

namespace sluice {

/// Source::ResolveStart. `latest` is the last stable offset: a transaction that is open now and
/// commits later is read. Splits that appeared after the first start begin at their first record.
Result<std::vector<SplitStart>> ResolveKafkaStart(KafkaClient* client, const KafkaOptions& options,
                                                  const std::vector<Split>& splits, bool first);

}  // namespace sluice
