/// Compares remembered offsets with what the brokers still have.
#pragma once

#include <cstdint>
#include <map>
#include <set>
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

/// Source::JudgeMissing, for splits that the options name. Topics that are deleted are added to
/// `gone`. A topic counts as deleted once the brokers have said so several times over seconds,
/// since one that has just started may not know of it yet.
Result<std::vector<Missing>> JudgeKafkaMissing(KafkaClient* client,
                                               const std::vector<SplitStart>& starts,
                                               bool fail_on_data_loss, std::set<std::string>* gone);

Error DataLossError(const SplitId& split, std::int64_t from, std::int64_t low);
/// `kept`: from where on the broker's log is another one; -1 if it is only shorter.
Error TruncatedError(const SplitId& split, std::int64_t position, std::int64_t kept,
                     std::int64_t end);
Error TopicRecreatedError(const std::string& topic, const std::string& was, const std::string& is);

}  // namespace sluice
