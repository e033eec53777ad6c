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

/// The next offset, in decimal.
Position FormatOffset(std::int64_t offset);
Result<std::int64_t> ParseOffset(const Position& position);

}  // namespace sluice
