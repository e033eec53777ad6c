/// Compares remembered offsets with what the brokers still have.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/result.h"
#include "source/kafka/kafka_client.h"
#include "source/source.h"

namespace sluice {

/// Source::Verify. `ids` has the id of each topic now. With `fail_on_data_loss` a mismatch is an
/// error (kafka.topic_recreated, kafka.data_loss, kafka.truncated); without it the start moves to
/// the first record that is there, or back to the log's end, and the difference is among the
/// losses.
Result<Verified> VerifyKafkaStarts(KafkaClient* client, const std::vector<SplitStart>& starts,
                                   const std::map<std::string, std::string>& ids,
                                   bool fail_on_data_loss);

Error DataLossError(const SplitId& split, std::int64_t from, std::int64_t low);
Error TruncatedError(const SplitId& split, std::int64_t position, std::int64_t end);
Error TopicRecreatedError(const std::string& topic, const std::string& was, const std::string& is);

}  // namespace sluice
