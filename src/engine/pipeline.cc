#include "engine/pipeline.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "core/failpoint.h"
#include "core/logging.h"
#include "core/options.h"
#include "engine/carried_flush.h"
#include "engine/carried_rows.h"
#include "engine/checkpoint_log.h"
#include "engine/committer.h"
#include "engine/engine_metrics.h"
#include "engine/job_graph.h"
#include "engine/session.h"
#include "engine/source_set.h"
#include "engine/stage.h"
#include "engine/taken_columns.h"

namespace sluice {
namespace {

bool Dropped(const PipelineSpec& spec, const std::string& name) {
  return std::find(spec.drop.begin(), spec.drop.end(), name) != spec.drop.end();
}

/// A name given up must not be one that the job uses; one that is gone already is no mistake, so
/// that a start can be repeated.
Result<void> CheckDropped(const PipelineSpec& spec, const LogContents& contents) {
  std::set<std::string> used, named;
  for (const PipelineSource& source : spec.sources) used.insert(source.name);
  for (const PipelineSink& sink : spec.sinks) used.insert(sink.name);
  for (const SplitPosition& at : contents.positions) {
    named.insert(at.source);
    for (std::string& name : DropNames(at.source, at.split)) named.insert(std::move(name));
  }
  if (const DecisionRecord* last = contents.last_decision()) {
    for (const SinkDecision& part : last->sinks) named.insert(part.name);
  }
  for (const std::string& name : spec.drop) {
    if (used.count(name) != 0) {
      return UserError("job.drop", "--drop " + name + ": the job still has '" + name +
                                       "'; take it out of the job file, or --drop off the command");
    }
    if (named.count(name) != 0) continue;
    auto near = NearestName(name, {named.begin(), named.end()});
    Log(LogLevel::kWarn,
        "--drop " + name +
            ": the checkpoint has no such source, split or sink; nothing is given up" +
            (near ? "; it has '" + *near + "'" : ""));
  }
  return {};
}

/// The sink as the decision recorded it: the job's own if nothing of it changed.
FindSink SinkFinder(const PipelineSpec& spec) {
  return [&spec](const SinkDecision& part) -> Result<std::shared_ptr<Sink>> {
    if (part.name == kDeadLettersName && spec.dead_letters != nullptr &&
        part.settings == spec.dead_letter_settings) {
      return spec.dead_letters;
    }
    for (const PipelineSink& sink : spec.sinks) {
      if (sink.name == part.name && sink.type == part.type && sink.settings == part.settings) {
        return sink.sink;
      }
    }
    return spec.make_recorded_sink(part.type, part.name, part.settings, nullptr);
  };
}

/// Brings the checkpoint to rest: the decided epoch is committed, what committed ones left is
/// dropped. False if a second signal came before that could be: the next start does it.
Result<bool> Recover(const PipelineSpec& spec, CheckpointLog* log, const FindSink& find_sink,
                     const StopRequest& stop) {
  LogContents contents = log->contents();
  const DecisionRecord* last = contents.last_decision();
  if (last == nullptr) return true;
  if (contents.uncommitted() != nullptr) {
    Log(LogLevel::kInfo, "committing an epoch that was decided before the last stop",
        {{"epoch", std::to_string(last->epoch)}});
    FAILPOINT("K15");
    std::atomic<bool> give_up{false};
    std::atomic<bool> done{false};
    std::thread watch([&] {
      while (!done && stop < 2) std::this_thread::sleep_for(std::chrono::milliseconds(20));
      give_up = true;
    });
    auto committed = CommitDecision(log, *last, find_sink, give_up);
    done = true;
    watch.join();
    if (!committed.ok() && committed.error().retry == Retry::kLater && stop >= 2) return false;
    TRY(std::move(committed));
  }
  ForgetDecision(log, *last, find_sink);
  TRY(log->Compact(spec.min_epochs_to_retain));
  return true;
}

/// Artefacts of all retained decisions.
std::set<std::string> CarriedNames(const LogContents& contents) {
  std::set<std::string> names;
  for (const DecisionRecord& decision : contents.decisions) {
    for (const SinkDecision& sink : decision.sinks) {
      for (const CarriedArtefact& one : sink.carried) names.insert(one.name);
    }
  }
  return names;
}

/// Collects what earlier attempts staged and no retained slot names.
void Sweep(const PipelineSpec& spec, CheckpointLog* log, AttemptId mine) {
  LogContents contents = log->contents();
  auto sweep = [&](const std::string& name, Sink* sink) {
    std::vector<std::string> keep;
    for (const DecisionRecord& decision : contents.decisions) {
      for (const SinkDecision& part : decision.sinks) {
        if (part.name == name && !part.token.empty()) keep.push_back(part.token);
      }
      const SinkDecision& letters = decision.dead_letters;
      if (letters.name == name && !letters.token.empty()) keep.push_back(letters.token);
    }
    FAILPOINT("K14");
    if (auto swept = sink->Sweep(mine, keep); !swept.ok()) {
      Log(LogLevel::kWarn, "cannot clear what earlier attempts staged; a later start does",
          {{"sink", name}, {"error", ToString(swept.error())}});
    }
  };
  for (const PipelineSink& sink : spec.sinks) sweep(sink.name, sink.sink.get());
  if (spec.dead_letters != nullptr) sweep(kDeadLettersName, spec.dead_letters.get());
  auto swept = SweepCarried(log->storage(), contents.checkpoint_id, mine, CarriedNames(contents));
  if (!swept.ok()) {
    Log(LogLevel::kWarn, "cannot clear carried rows of earlier attempts; a later start does",
        {{"error", ToString(swept.error())}});
  }
}

/// Sleeps in small steps, so that a stop is heard.
void BackOff(std::chrono::milliseconds wait, const StopRequest& stop) {
  auto until = std::chrono::steady_clock::now() + wait;
  while (stop == 0 && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

/// What sessions run on: the job with the columns that are known now.
struct Running {
  PipelineSpec spec;
  JobGraph graph;
};

Result<Running> MakeRunning(PipelineSpec spec) {
  TRY(JobGraph graph, JobGraph::Make(spec));
  return Running{std::move(spec), std::move(graph)};
}

Result<void> ProbeSinks(const PipelineSpec& spec, const LogContents& contents) {
  const DecisionRecord* last = contents.last_decision();
  const std::int64_t decided = last == nullptr ? 0 : last->epoch;
  for (const PipelineSink& sink : spec.sinks) {
    auto probed = sink.sink->Probe(decided);
    if (!probed.ok()) return std::move(probed).error().At("sink " + sink.name);
  }
  if (spec.dead_letters == nullptr) return {};
  auto probed = spec.dead_letters->Probe(decided);
  if (!probed.ok()) return std::move(probed).error().At("dead letters");
  return {};
}

/// Goes on with what a session's records showed, once it is in the log.
Result<void> GoOnWith(const std::map<std::size_t, ObservedType>& seen, CheckpointLog* log,
                      EngineMetrics* metrics, std::unique_ptr<Running>* running) {
  TRY(TakenColumns taken, TakeColumns((*running)->spec, seen, log->contents().learned));
  TRY(Running next, MakeRunning(std::move(taken.spec)));
  TRY(ProbeSinks(next.spec, log->contents()));
  if (!taken.changed.empty()) TRY(log->WriteLearned(taken.changed));
  *running = std::make_unique<Running>(std::move(next));
  for (std::size_t i = 0; i < (*running)->spec.sources.size(); ++i) {
    const PipelineSource& source = (*running)->spec.sources[i];
    if (source.known.has_value()) metrics->NoteColumns(i, source.known->version());
  }
  return {};
}

}  // namespace

Result<void> CheckAgainstCheckpoint(const PipelineSpec& spec, const LogContents& contents) {
  auto refuse = [](const std::string& kind, const std::string& name, const std::string& loses) {
    return UserError(
        "checkpoint.removed_" + kind,
        "the checkpoint names the " + kind + " '" + name +
            "', which the job no longer has; put it back (renaming is removing), or run "
            "with --drop " +
            name + loses);
  };
  if (!contents.start.job.empty() && contents.start.job != spec.job) {
    return UserError("checkpoint.foreign",
                     "the checkpoint belongs to the job '" + contents.start.job +
                         "', and this is '" + spec.job +
                         "'; give this job a checkpointLocation of its own, or its old name back");
  }
  for (const SplitPosition& at : contents.positions) {
    bool known =
        std::any_of(spec.sources.begin(), spec.sources.end(),
                    [&](const PipelineSource& source) { return source.name == at.source; });
    if (!known && !Dropped(spec, at.source)) {
      return refuse("source", at.source, ", which forgets where it was");
    }
  }
  const DecisionRecord* last = contents.last_decision();
  TRY(CheckDropped(spec, contents));
  if (last == nullptr) return {};
  for (const SinkDecision& part : last->sinks) {
    bool known = std::any_of(spec.sinks.begin(), spec.sinks.end(),
                             [&](const PipelineSink& sink) { return sink.name == part.name; });
    if (!known && !Dropped(spec, part.name)) {
      return refuse("sink", part.name,
                    ", which abandons 0 rows: all decided ones are committed first");
    }
  }
  return {};
}

Result<Progress> RunPipeline(const PipelineSpec& spec, CheckpointLog* log, const StopRequest& stop,
                             const std::function<void(const Progress&)>& on_progress) {
  TRY(Running first, MakeRunning(spec));
  auto running = std::make_unique<Running>(std::move(first));
  EngineMetrics metrics(spec);
  FindSink find_sink = SinkFinder(running->spec);
  TRY(CheckAgainstCheckpoint(spec, log->contents()));
  // Any failure is judged after a look at the log: a process that was superseded has no say any
  // more.
  auto judged = [log](Error error) -> Result<void> {
    if (error.blame != Blame::kSuperseded) TRY(log->CheckWriter());
    return error;
  };
  if (auto probed = ProbeSinks(spec, log->contents()); !probed.ok()) {
    TRY(judged(std::move(probed).error()));
  }
  metrics.SetRecovering(true);
  on_progress(metrics.Snapshot());
  TRY(bool recovered, Recover(spec, log, find_sink, stop));
  if (!recovered) return metrics.Snapshot();
  metrics.SetRecovering(false);

  std::int64_t deadline =
      spec.timeout_micros == 0 ? 0 : spec.clock->MonotonicMicros() + spec.timeout_micros;
  AttemptId attempt{log->writer(), 0};
  EarlySeals seals(spec.window_micros);
  for (auto wait = std::chrono::milliseconds(200);;) {
    ++attempt.counter;
    // Before each attempt: one that failed while sealing has left a whole window behind.
    Sweep(running->spec, log, attempt);
    std::optional<Error> error;
    bool abandoned = false;
    std::map<std::size_t, ObservedType> seen;
    metrics.NoteSession();
    if (auto decided = DecideCarried(running->spec, log, attempt); !decided.ok()) {
      error = std::move(decided).error();
    } else if (*decided) {
      TRY(recovered, Recover(running->spec, log, find_sink, stop));
      if (!recovered) break;
    }
    if (!error) {
      Session session(running->spec, log, running->graph, attempt, find_sink, &metrics, &seals,
                      stop, deadline, on_progress);
      if (auto ran = session.Run(); !ran.ok()) error = std::move(ran).error();
      seen = session.TakeSeen();
      if (session.progressed()) wait = std::chrono::milliseconds(200);
      abandoned = session.abandoned();
    }
    if (!error) {
      if (seen.empty() || stop != 0) break;
      metrics.NoteEarlySeal();
      auto taken = GoOnWith(seen, log, &metrics, &running);
      find_sink = SinkFinder(running->spec);
      if (taken.ok()) continue;
      error = std::move(taken).error();
    }
    // Any failure is judged after a look at the log: a process that was superseded has no say any
    // more.
    if (error->blame != Blame::kSuperseded) TRY(log->CheckWriter());
    if (error->retry == Retry::kNo) return *error;
    // Asked to stop, it would have sealed what it had read: that it could not is its outcome.
    if (stop == 1 && abandoned) return *error;
    if (stop != 0) break;
    Log(LogLevel::kWarn, "cannot go on; trying again from where the job last committed",
        {{"error", ToString(*error)}, {"again_in", FormatDuration(wait.count() * 1000)}});
    BackOff(wait, stop);
    if (stop != 0) break;
    wait = std::min(wait * 2, std::chrono::milliseconds(5'000));
    // The commit of a decided epoch may be what failed.
    TRY(recovered, Recover(running->spec, log, find_sink, stop));
    if (!recovered) break;
  }
  on_progress(metrics.Snapshot());
  return metrics.Snapshot();
}

}  // namespace sluice
