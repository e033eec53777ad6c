#include "engine/source_set.h"

#include <set>

#include "core/logging.h"

namespace sluice {

SourceSet::SourceSet(const PipelineSpec& spec, CheckpointLog* log, EngineMetrics* metrics)
    : spec_(spec), log_(log), metrics_(metrics) {}

Result<void> SourceSet::Open() {
  std::set<std::string> names;
  for (const PipelineSource& source : spec_.sources) names.insert(source.name);
  for (const SplitPosition& known : log_->contents().positions) {
    // Others were given up by `--drop`; the next decision no longer names them.
    if (names.contains(known.source)) positions_[{known.source, known.split}] = known;
  }
  std::vector<SplitPosition> fresh;
  for (std::size_t i = 0; i < spec_.sources.size(); ++i) {
    const std::string& name = spec_.sources[i].name;
    auto opened = spec_.sources[i].open();
    if (!opened.ok()) return std::move(opened).error().At("source " + name);
    sources_.push_back({*std::move(opened), std::make_unique<std::mutex>()});
    auto splits = sources_[i].source->ListSplits();
    if (!splits.ok()) return std::move(splits).error().At("source " + name);
    bool first = true;
    std::vector<Split> unknown;
    for (const auto& [key, position] : positions_) first = first && key.first != name;
    for (const Split& split : *splits) {
      if (!positions_.contains({name, split.id})) unknown.push_back(split);
    }
    TRY(auto resolved, Resolve(i, unknown, first));
    fresh.insert(fresh.end(), resolved.begin(), resolved.end());
  }
  // The numbers are in the log before the first fetch, so that a crash cannot make `latest` mean
  // two things.
  if (log_->fresh()) {
    TRY(log_->WriteStart(fresh));
  } else if (!fresh.empty()) {
    TRY(log_->WriteSplits(fresh));
  }
  for (const SplitPosition& split : fresh) positions_[{split.source, split.split}] = split;
  for (std::size_t i = 0; i < sources_.size(); ++i) TRY(Verify(i));
  return {};
}

Result<std::vector<SplitPosition>> SourceSet::Resolve(std::size_t index,
                                                      const std::vector<Split>& splits,
                                                      bool first) {
  std::vector<SplitPosition> out;
  if (splits.empty()) return out;
  const std::string& name = spec_.sources[index].name;
  auto starts = sources_[index].source->ResolveStart(splits, first);
  if (!starts.ok()) return std::move(starts).error().At("source " + name);
  for (const SplitStart& start : *starts) {
    out.push_back({name, start.id, start.position, start.identity, ""});
  }
  return out;
}

Result<void> SourceSet::Verify(std::size_t index) {
  const std::string& name = spec_.sources[index].name;
  auto verified = sources_[index].source->Verify(Starts(index));
  if (!verified.ok()) return std::move(verified).error().At("source " + name);
  for (const Loss& loss : verified->losses) {
    Log(LogLevel::kWarn, "records are gone before they were read (failOnDataLoss: false)",
        {{"source", name},
         {"split", loss.split},
         {"from", loss.from},
         {"to", loss.to},
         {"records", std::to_string(loss.records)}});
    metrics_->NoteLoss(index, loss.records);
  }
  for (const SplitStart& start : verified->starts) {
    SplitPosition& known = positions_[{name, start.id}];
    known.position = start.position;
    // A split that was made anew, or has an identity only now, is from here on the one it is.
    known.identity = start.identity;
  }
  return {};
}

Result<std::vector<std::pair<std::size_t, SplitStart>>> SourceSet::FindNew() {
  std::vector<std::pair<std::size_t, SplitStart>> found;
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    const std::string& name = spec_.sources[i].name;
    std::lock_guard calls(*sources_[i].mutex);
    auto splits = sources_[i].source->ListSplits();
    if (!splits.ok()) return std::move(splits).error().At("source " + name);
    std::vector<Split> unknown;
    {
      std::lock_guard lock(mutex_);
      for (const Split& split : *splits) {
        if (!positions_.contains({name, split.id})) unknown.push_back(split);
      }
    }
    TRY(auto fresh, Resolve(i, unknown, /*first=*/false));
    if (fresh.empty()) continue;
    {
      // Before the slot: a decision that is made meanwhile has to name them.
      std::lock_guard lock(mutex_);
      for (const SplitPosition& split : fresh) positions_[{name, split.split}] = split;
    }
    TRY(log_->WriteSplits(fresh));
    for (const SplitPosition& split : fresh) {
      found.push_back({i, {split.split, split.position, split.identity}});
      Log(LogLevel::kInfo, "a new split appeared",
          {{"source", name}, {"split", split.split}, {"position", split.position}});
    }
  }
  return found;
}

Result<void> SourceSet::CheckIdentities() {
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    std::lock_guard calls(*sources_[i].mutex);
    auto splits = sources_[i].source->ListSplits();
    if (splits.ok()) continue;
    Error error = std::move(splits).error().At("source " + spec_.sources[i].name);
    if (error.retry == Retry::kNo) return error;
    LogLimited(LogLevel::kWarn, "identities", 30,
               "cannot look at the source's splits before a decision",
               {{"error", ToString(error)}});
  }
  return {};
}

std::vector<SplitPosition> SourceSet::positions() const {
  std::lock_guard lock(mutex_);
  std::vector<SplitPosition> out;
  for (const auto& [key, position] : positions_) out.push_back(position);
  return out;
}

std::vector<SplitStart> SourceSet::Starts(std::size_t source) const {
  std::lock_guard lock(mutex_);
  std::vector<SplitStart> starts;
  for (const auto& [key, at] : positions_) {
    if (key.first == spec_.sources[source].name) {
      starts.push_back({at.split, at.position, at.identity});
    }
  }
  return starts;
}

std::vector<SplitPosition> SourceSet::Advance(const std::vector<SplitPosition>& moved) {
  std::lock_guard lock(mutex_);
  for (auto& [key, position] : positions_) position.from.clear();
  for (const SplitPosition& one : moved) {
    SplitPosition& position = positions_[{one.source, one.split}];
    position.from = position.position;
    position.position = one.position;
  }
  std::vector<SplitPosition> out;
  for (const auto& [key, position] : positions_) out.push_back(position);
  return out;
}

Result<std::map<SplitId, Position>> SourceSet::Ends(std::size_t source) {
  std::vector<SplitId> splits;
  for (const SplitStart& start : Starts(source)) splits.push_back(start.id);
  std::lock_guard calls(*sources_[source].mutex);
  auto ends = sources_[source].source->Ends(splits);
  if (!ends.ok()) return std::move(ends).error().At("source " + spec_.sources[source].name);
  return ends;
}

Result<std::unique_ptr<SplitReader>> SourceSet::OpenReader(std::size_t source,
                                                           const std::vector<SplitStart>& starts) {
  std::lock_guard calls(*sources_[source].mutex);
  auto reader = sources_[source].source->OpenReader(starts);
  if (!reader.ok()) return std::move(reader).error().At("source " + spec_.sources[source].name);
  return reader;
}

void SourceSet::Committed(const std::vector<SplitPosition>& positions) {
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    std::vector<SplitStart> starts;
    for (const SplitPosition& at : positions) {
      if (at.source == spec_.sources[i].name)
        starts.push_back({at.split, at.position, at.identity});
    }
    std::lock_guard calls(*sources_[i].mutex);
    sources_[i].source->Committed(starts);
  }
}

}  // namespace sluice
