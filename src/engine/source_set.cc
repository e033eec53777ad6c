#include "engine/source_set.h"

#include <algorithm>
#include <set>

#include "core/logging.h"

namespace sluice {
namespace {

bool Dropped(const PipelineSpec& spec, const std::string& source, const SplitId& split) {
  for (const std::string& name : DropNames(source, split)) {
    if (std::find(spec.drop.begin(), spec.drop.end(), name) != spec.drop.end()) return true;
  }
  return false;
}

/// Remembered splits that the job file no longer names, and no `--drop` either.
Error NotNamedError(const std::string& source, const std::vector<SplitStart>& splits) {
  constexpr std::size_t kShown = 5;
  std::string places;
  std::set<std::string> names;
  for (std::size_t i = 0; i < splits.size(); ++i) {
    names.insert(DropNames(source, splits[i].id).back());
    if (i >= kShown) continue;
    places += (i == 0 ? "" : ", ") + splits[i].id + " (read up to " + splits[i].position + ")";
  }
  if (splits.size() > kShown) {
    places += " and " + std::to_string(splits.size() - kShown) + " more";
  }
  std::string drop;
  for (const std::string& name : names) drop += " --drop " + name;
  return UserError("checkpoint.removed_split",
                   "the checkpoint names " + places + " of the source '" + source +
                       "', whose options no longer do; put that back, or run with" + drop +
                       ", which forgets where it was");
}

}  // namespace

std::vector<std::string> DropNames(const std::string& source, const SplitId& split) {
  std::vector<std::string> names{source + "/" + split};
  const std::size_t slash = split.rfind('/');
  if (slash != std::string::npos) names.push_back(source + "/" + split.substr(0, slash));
  return names;
}

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
    TRY(Survey survey, Look(i));
    std::vector<Split> unknown;
    for (const Split& split : survey.splits) {
      if (!positions_.contains({name, split.id})) unknown.push_back(split);
    }
    TRY(auto resolved, Resolve(i, unknown, survey.first));
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

/// The source's splits now. Remembered ones that are not among them are forgotten, or an error.
Result<SourceSet::Survey> SourceSet::Look(std::size_t index) {
  Survey survey;
  const std::string& name = spec_.sources[index].name;
  Source* source = sources_[index].source.get();
  const std::vector<SplitStart> known = Starts(index);
  auto listed = source->ListSplits();
  if (!listed.ok() && listed.error().retry == Retry::kLater && !known.empty()) {
    // A split that was deleted may be the reason.
    std::vector<SplitStart> asked;
    for (const SplitStart& start : known) {
      if (!Dropped(spec_, name, start.id)) asked.push_back(start);
    }
    auto judged = ForgetMissing(index, asked);
    if (judged.ok()) listed = source->ListSplits();
    if (!judged.ok() && judged.error().retry == Retry::kNo) return std::move(judged).error();
  }
  if (!listed.ok()) return std::move(listed).error().At("source " + name);
  survey.splits = *std::move(listed);

  std::set<SplitId> ids;
  for (const Split& split : survey.splits) ids.insert(split.id);
  std::vector<SplitStart> missing;
  for (SplitStart& start : Starts(index)) {
    bool there = ids.contains(start.id);
    bool dropped = Dropped(spec_, name, start.id);
    if (there && dropped) {
      LogLimited(LogLevel::kWarn, "drop " + name + "/" + start.id, 3600,
                 "--drop names what the job still reads; it is not given up",
                 {{"source", name}, {"split", start.id}});
    } else if (dropped) {
      positions_.erase({name, start.id});
    } else if (!there) {
      missing.push_back(std::move(start));
    }
  }
  TRY(const bool clear, ForgetMissing(index, missing));
  if (!clear) {
    return RemoteError("source.incomplete", "not all splits that should be there are listed")
        .At("source " + name);
  }
  // With a split that was deleted the job has still read this source: what appears is new to it.
  survey.first = Starts(index).empty() && !sources_[index].lost_splits;
  return survey;
}

/// False if it is not clear of some what became of them; those stay.
Result<bool> SourceSet::ForgetMissing(std::size_t index, const std::vector<SplitStart>& missing) {
  if (missing.empty()) return true;
  const std::string& name = spec_.sources[index].name;
  auto judged = sources_[index].source->JudgeMissing(missing);
  if (!judged.ok()) return std::move(judged).error().At("source " + name);
  std::vector<SplitStart> not_named;
  bool clear = true;
  for (std::size_t i = 0; i < missing.size(); ++i) {
    const SplitStart& start = missing[i];
    if ((*judged)[i] == Missing::kNotNamed) not_named.push_back(start);
    if ((*judged)[i] == Missing::kUnclear) clear = false;
    if ((*judged)[i] != Missing::kGone) continue;
    // Said again only by a later start, should no epoch have been decided before it.
    LogLimited(LogLevel::kWarn, "gone " + name + "/" + start.id, 86'400,
               "a split was deleted; what was not read of it is lost (failOnDataLoss: false)",
               {{"source", name},
                {"split", start.id},
                {"read_up_to", start.position},
                {"identity", start.identity}});
    positions_.erase({name, start.id});
    sources_[index].lost_splits = true;
  }
  if (!not_named.empty()) return NotNamedError(name, not_named);
  return clear;
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
    if (metrics_ != nullptr) metrics_->NoteLoss(index, loss.records);
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
