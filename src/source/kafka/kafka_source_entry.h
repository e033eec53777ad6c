/// The kind of source `type: kafka`: topics of a Kafka cluster as a stream of records.
///
/// A split is a partition ("clicks/3"), a position the next offset as decimal text, a split's
/// identity the topic's id (brokers 2.8 and later; "" before). Partitions are assigned, never
/// subscribed to: no group rebalance can move one. Only committed transactional records are
/// delivered, and CRCs are checked. Metrics:
/// sluice_kafka_lost_records_total{source,topic,partition}.
#pragma once

#include "source/source.h"

namespace sluice {

SourceEntry KafkaSourceEntry();

}  // namespace sluice
