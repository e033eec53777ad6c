#include "engine/committer.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/failpoint.h"
#include "core/logging.h"

namespace sluice {
namespace {

/// All parts of a decision that have something to commit.
std::vector<const SinkDecision*> Parts(const DecisionRecord& decision) {
  std::vector<const SinkDecision*> parts;
  for (const SinkDecision& sink : decision.sinks) {
    if (!sink.token.empty()) parts.push_back(&sink);
  }
  if (!decision.dead_letters.token.empty()) parts.push_back(&decision.dead_letters);
  return parts;
}

Result<void> CommitOne(CheckpointLog* log, std::int64_t epoch, const SinkDecision& part, Sink* sink,
                       const std::atomic<bool>& give_up) {
  for (auto wait = std::chrono::milliseconds(100);;
       wait = std::min(wait * 2, std::chrono::milliseconds(10'000))) {
    auto committed = sink->Commit(epoch, part.token);
    if (committed.ok()) {
      // As if the reply were lost: the commit is repeated.
      auto lost = FAILPOINT_ERROR("K11");
      if (lost.ok()) return {};
      committed = std::move(lost);
    }
    Error error = std::move(committed).error().At("sink " + part.name + ", commit of epoch " +
                                                  std::to_string(epoch));
    TRY(log->CheckWriter());
    if (error.retry == Retry::kNo) return error;
    LogLimited(LogLevel::kWarn, "commit " + part.name, 10,
               "a sink does not commit; trying again, the epoch stays decided",
               {{"sink", part.name}, {"epoch", std::to_string(epoch)}, {"error", ToString(error)}});
    for (auto waited = std::chrono::milliseconds(0); waited < wait;
         waited += std::chrono::milliseconds(50)) {
      if (give_up) return error;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }
}

}  // namespace

Result<void> CommitDecision(CheckpointLog* log, const DecisionRecord& decision,
                            const FindSink& find_sink, const std::atomic<bool>& give_up,
                            const std::function<void(const std::string&)>& begins) {
  for (const SinkDecision* part : Parts(decision)) {
    if (begins) begins(part->name);
    TRY(auto sink, find_sink(*part));
    TRY(CommitOne(log, decision.epoch, *part, sink.get(), give_up));
    FAILPOINT("K10");
  }
  return log->Commit(decision.epoch);
}

void ForgetDecision(CheckpointLog* log, const DecisionRecord& decision, const FindSink& find_sink) {
  for (const SinkDecision& sink : decision.sinks) {
    for (const std::string& name : sink.superseded) {
      FAILPOINT("C2");
      if (auto removed = log->storage()->Remove(name); !removed.ok()) {
        LogLimited(LogLevel::kWarn, "carried", 60,
                   "cannot remove carried rows that were written; a later start does",
                   {{"file", name}, {"error", ToString(removed.error())}});
      }
    }
  }
  for (const SinkDecision* part : Parts(decision)) {
    auto sink = find_sink(*part);
    Result<void> forgotten =
        sink.ok() ? (*sink)->Forget(decision.epoch, part->token) : Result<void>(sink.error());
    if (!forgotten.ok()) {
      Log(LogLevel::kWarn, "cannot clear the staging of a committed epoch; the next start does",
          {{"sink", part->name},
           {"epoch", std::to_string(decision.epoch)},
           {"error", ToString(forgotten.error())}});
    }
  }
}

Committer::Committer(CheckpointLog* log, FindSink find_sink,
                     std::function<void(const DecisionRecord&)> committed,
                     std::function<void(Error)> failed)
    : log_(log),
      find_sink_(std::move(find_sink)),
      committed_(std::move(committed)),
      failed_(std::move(failed)),
      thread_([this] { Run(); }) {}

Committer::~Committer() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Committer::Submit(DecisionRecord decision) {
  {
    std::lock_guard lock(mutex_);
    work_ = std::move(decision);
    busy_ = true;
  }
  changed_.notify_all();
}

bool Committer::idle() const {
  std::lock_guard lock(mutex_);
  return !busy_ && !broken_;
}

std::string Committer::committing(SinkWork::Look* work) const {
  std::lock_guard lock(mutex_);
  *work = progress_.Now();
  return work->what == nullptr ? "" : committing_;
}

void Committer::GiveUp() {
  {
    std::lock_guard lock(mutex_);
    give_up_ = true;
  }
  changed_.notify_all();
}

void Committer::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return ending_ || work_.has_value(); });
    if (!work_.has_value()) return;
    DecisionRecord decision = *std::exchange(work_, std::nullopt);
    lock.unlock();
    auto committed = CommitDecision(log_, decision, find_sink_, give_up_, [this](const auto& sink) {
      std::lock_guard naming(mutex_);
      committing_ = sink;
      progress_.Begin("committing");
    });
    progress_.End();
    const bool failed = !committed.ok();
    if (failed) {
      failed_(std::move(committed).error());
    } else {
      ForgetDecision(log_, decision, find_sink_);
      committed_(decision);
    }
    lock.lock();
    broken_ = broken_ || failed;
    busy_ = false;
    changed_.notify_all();
  }
}

}  // namespace sluice
