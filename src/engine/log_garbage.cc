#include "engine/log_garbage.h"

#include "engine/checkpoint_log_names.h"
#include "engine/heartbeat.h"

namespace sluice {

Result<bool> WriterIsGone(Storage* storage, const LogContents& contents) {
  TRY(auto beat, storage->Read(HeartbeatName(contents.checkpoint_id, contents.writer)));
  return beat.has_value() && JudgeHeartbeat(*beat) == WriterLife::kGone;
}

std::vector<std::string> RetainedTokens(const LogContents& contents, const std::string& type) {
  std::vector<std::string> tokens;
  auto add = [&](const SinkDecision& part) {
    if (part.type == type && !part.token.empty()) tokens.push_back(part.token);
  };
  for (const DecisionRecord& decision : contents.decisions) {
    for (const SinkDecision& part : decision.sinks) add(part);
    add(decision.dead_letters);
  }
  return tokens;
}

}  // namespace sluice
