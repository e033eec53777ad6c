/// How a partition and an offset are written as split id and position.
#pragma once

#include <cstdint>
#include <string>

#include "core/result.h"
#include "record/raw_batch.h"
#include "source/kafka/kafka_client.h"

namespace sluice {

/// "clicks/3": topic names have no slash.
SplitId FormatSplit(const TopicPartition& split);
Result<TopicPartition> ParseSplit(const SplitId& id);

/// The next offset, and the newest place at or before it of which the leader's epoch is known:
/// after a last record, not behind the transaction markers that follow it.
struct KafkaPosition {
  std::int64_t next = 0;
  KafkaCheck check;  ///< epoch -1: none.
};

/// "4407", "4407:2" with the epoch, or "4408:2:4407" where the check is of another offset.
Position FormatPosition(const KafkaPosition& position);
Result<KafkaPosition> ParsePosition(const Position& position);

Position FormatOffset(std::int64_t offset);
/// Only the next offset.
Result<std::int64_t> ParseOffset(const Position& position);

}  // namespace sluice
