#include "job/leftovers.h"

#include <algorithm>
#include <memory>
#include <tuple>
#include <utility>

#include "engine/log_garbage.h"
#include "job/pipeline_builder.h"

namespace sluice {
namespace {

/// Whether they are the same id, of which either may be the first digits only.
bool SameCheckpoint(const std::string& a, const std::string& b) {
  return !a.empty() && !b.empty() && (a.starts_with(b) || b.starts_with(a));
}

}  // namespace

LeftoverState JudgeLeftover(const LeftoverRule& rule, const Leftover& leftover) {
  if (leftover.kept) return LeftoverState::kKept;
  if (SameCheckpoint(leftover.checkpoint, rule.checkpoint_id)) {
    return leftover.attempt < rule.mine ? LeftoverState::kGarbage : LeftoverState::kOpen;
  }
  return SameCheckpoint(leftover.checkpoint, rule.other) ? LeftoverState::kGarbage
                                                         : LeftoverState::kOther;
}

Result<std::vector<FoundLeftover>> FindLeftovers(const Job& job, const Parts& parts,
                                                 const LogContents* contents,
                                                 const LeftoverRule& rule, bool remove) {
  // A sink without a checkpoint is asked for what all others left.
  const std::string id = contents == nullptr ? std::string(32, '0') : contents->checkpoint_id;
  TRY(const std::vector<BareSink> sinks, MakeBareSinks(job, parts, id));
  std::vector<FoundLeftover> found;
  for (const BareSink& sink : sinks) {
    std::vector<std::string> keep;
    if (contents != nullptr) keep = RetainedTokens(*contents, sink.type);
    auto asked = sink.sink->ForEachLeftover(keep, [&](const Leftover& leftover) {
      found.push_back({sink.name, leftover, JudgeLeftover(rule, leftover)});
      return remove && found.back().state == LeftoverState::kGarbage;
    });
    if (!asked.ok()) return std::move(asked).error().At("sink " + sink.name);
  }
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return std::tie(a.sink, a.leftover.place) < std::tie(b.sink, b.leftover.place);
  });
  return found;
}

}  // namespace sluice
