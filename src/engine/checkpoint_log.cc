#include "engine/checkpoint_log.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>
#include <utility>

#include "core/failpoint.h"
#include "core/logging.h"
#include "core/options.h"
#include "core/random_id.h"
#include "engine/checkpoint_log_names.h"

namespace sluice {
namespace {

std::string HostName() {
  std::array<char, 256> name{};
  gethostname(name.data(), name.size() - 1);
  return name.data();
}

constexpr std::size_t kLeastEpochs = 2;

/// The storage's word for a root that was removed while in use.
constexpr char kRootGone[] = "storage.root_gone";

Error Superseded(const std::string& what) {
  return SupersededError("another process has taken over this checkpoint (" + what +
                         "); this one has stopped and leaves the job to it");
}

}  // namespace

CheckpointLog::CheckpointLog(Storage* storage, const LogOptions& options)
    : storage_(storage), options_(options) {}
CheckpointLog::~CheckpointLog() = default;

Result<std::unique_ptr<CheckpointLog>> CheckpointLog::Open(Storage* storage,
                                                           const LogOptions& options) {
  std::unique_ptr<CheckpointLog> log(new CheckpointLog(storage, options));
  TRY(auto contents, ReadLog(storage));
  if (!contents.has_value()) {
    log->fresh_ = true;
    log->contents_.checkpoint_id = RandomHex(16);
    return log;
  }
  log->contents_ = *std::move(contents);
  TRY(log->TakeOver());
  return log;
}

Result<void> CheckpointLog::TakeOver() {
  std::string name = HeartbeatName(contents_.checkpoint_id, contents_.writer);
  TRY(auto beat, storage_->Read(name));
  if (!beat.has_value() || JudgeHeartbeat(*beat) != WriterLife::kGone) {
    Log(LogLevel::kInfo, "another process may hold the checkpoint; watching its heartbeat",
        {{"checkpoint", storage_->location()}, {"wait", FormatDuration(options_.lease_micros)}});
    TRY(bool alive, HeartbeatChanges(storage_, name, options_.lease_micros, *options_.clock));
    if (alive) {
      return SupersededError("another process is running on the checkpoint " +
                             storage_->location() +
                             "; stop it first, or give this job its own checkpointLocation");
    }
  }
  // The state may have moved on while we watched.
  TRY(auto contents, ReadLog(storage_));
  if (!contents.has_value() || contents->start_bytes != contents_.start_bytes ||
      contents->writer != contents_.writer) {
    return Superseded("it started while this one was waiting");
  }
  contents_ = *std::move(contents);
  std::string old_heartbeat = HeartbeatName(contents_.checkpoint_id, contents_.writer);
  TakeoverRecord record{HostName(), getpid(), FormatTimestamp(options_.clock->WallMicros()),
                        RandomHex(16)};
  TRY(Append("takeover", ToJson(record),
             [](LogContents* contents) { contents->writer = contents->last_slot; }));
  FAILPOINT("K3");
  // After the slot, since two processes may want the same one. Who finds a writer without a
  // heartbeat waits.
  TRY(StartHeartbeat());
  return storage_->Remove(old_heartbeat);
}

Result<void> CheckpointLog::StartHeartbeat() {
  auto started =
      Heartbeat::Start(storage_, HeartbeatName(contents_.checkpoint_id, contents_.writer),
                       options_.lease_micros / 10);
  // This process has a slot already, so that it is the writer of a checkpoint that is gone.
  if (!started.ok() && started.error().code == kRootGone) {
    return Superseded("the checkpoint was deleted");
  }
  TRY(heartbeat_, std::move(started));
  return {};
}

bool CheckpointLog::fresh() const {
  std::lock_guard lock(mutex_);
  return fresh_;
}

LogContents CheckpointLog::contents() const {
  std::lock_guard lock(mutex_);
  return contents_;
}

Result<void> CheckpointLog::WriteStart(const std::vector<SplitPosition>& splits) {
  std::lock_guard lock(mutex_);
  StartRecord record{options_.job, FormatTimestamp(options_.clock->WallMicros()), splits, {}};
  std::string bytes = FormatSlot({contents_.checkpoint_id, 0, "start", ToJson(record)});
  FAILPOINT("K17");
  TRY(Create(kStartName, bytes));
  contents_.start = std::move(record);
  contents_.start_bytes = std::move(bytes);
  contents_.positions = splits;
  fresh_ = false;
  FAILPOINT("K17");
  TRY(Look(0));
  return StartHeartbeat();
}

Result<void> CheckpointLog::WriteSplits(const std::vector<SplitPosition>& splits) {
  std::lock_guard lock(mutex_);
  StartRecord record{options_.job, FormatTimestamp(options_.clock->WallMicros()), splits, {}};
  return Append("splits", ToJson(record), [splits](LogContents* contents) {
    contents->positions.insert(contents->positions.end(), splits.begin(), splits.end());
  });
}

Result<void> CheckpointLog::WriteLearned(const LearnedSchemas& schemas) {
  std::lock_guard lock(mutex_);
  StartRecord record{options_.job, FormatTimestamp(options_.clock->WallMicros()), {}, schemas};
  return Append("splits", ToJson(record), [schemas](LogContents* contents) {
    for (const auto& [source, schema] : schemas) contents->learned[source] = schema;
  });
}

Result<void> CheckpointLog::Decide(const DecisionRecord& decision) {
  std::lock_guard lock(mutex_);
  if (contents_.uncommitted() != nullptr) {
    return BugError("epoch " + std::to_string(decision.epoch) +
                    " was to be decided before the last one was committed");
  }
  FAILPOINT("K6");
  TRY(Append("decision", ToJson(decision), [decision](LogContents* contents) {
    contents->entries.back().epoch = decision.epoch;
    contents->Add(decision);
    contents->positions = decision.positions;
  }));
  FAILPOINT("K8");
  return {};
}

Result<void> CheckpointLog::Commit(std::int64_t epoch) {
  std::lock_guard lock(mutex_);
  FAILPOINT("K12");
  TRY(Append("commit", ToJson(CommitRecord{epoch, FormatTimestamp(options_.clock->WallMicros())}),
             [epoch](LogContents* contents) { contents->committed = epoch; }));
  FAILPOINT("K13");
  return {};
}

Result<void> CheckpointLog::Append(const std::string& kind, const std::string& payload,
                                   std::function<void(LogContents*)> apply) {
  TRY(Settle());
  std::int64_t number = contents_.last_slot + 1;
  std::string bytes = FormatSlot({contents_.checkpoint_id, number, kind, payload});
  pending_ = Pending{{number, kind, payload.size(), 0}, std::move(bytes), std::move(apply)};
  TRY(Create(SlotName(contents_.checkpoint_id, number), pending_->bytes));
  // Before the look, which may fail: the slot is there.
  TakePending();
  auto looked = Look(number);
  if (!looked.ok() && looked.error().blame == Blame::kSuperseded) {
    // Where there are no folders, as on S3, a slot can be created in a checkpoint that was deleted.
    // It does not count, nobody goes on from it, and the next start would take it for damage.
    auto start = storage_->Read(kStartName);
    if (start.ok() && !start->has_value()) {
      static_cast<void>(storage_->Remove(SlotName(contents_.checkpoint_id, number)));
    }
  }
  return looked;
}

void CheckpointLog::TakePending() {
  contents_.last_slot = pending_->entry.number;
  contents_.entries.push_back(std::move(pending_->entry));
  pending_->apply(&contents_);
  pending_.reset();
}

/// A create that failed may have been done all the same, such as when only the folder's fsync
/// failed. Other bytes in that slot are for Look to judge.
Result<void> CheckpointLog::Settle() {
  if (!pending_.has_value()) return {};
  TRY(auto there, storage_->Read(SlotName(contents_.checkpoint_id, pending_->entry.number)));
  if (there.has_value() && *there == pending_->bytes) {
    TakePending();
  } else {
    pending_.reset();
  }
  return {};
}

Result<void> CheckpointLog::Create(const std::string& name, const std::string& bytes) {
  std::int64_t give_up = options_.clock->MonotonicMicros() + options_.unknown_wait_micros;
  for (auto wait = std::chrono::milliseconds(50);;
       wait = std::min(wait * 2, std::chrono::milliseconds(5000))) {
    FAILPOINT("K2");
    auto created = storage_->PutNew(name, bytes);
    if (created.ok()) {
      // A reply that is lost after the create: the same bytes are put again and found.
      if (auto lost = FAILPOINT_ERROR("K7"); !lost.ok()) created = std::move(lost).error();
    }
    if (created.ok() && *created == Created::kYes) return {};
    if (created.ok()) {
      auto there = storage_->Read(name);
      if (there.ok() && there->has_value()) {
        if (**there == bytes) return {};
        return Superseded("it wrote " + name + " first");
      }
      if (!there.ok()) created = std::move(there).error();
    }
    if (!created.ok()) {
      const Error& error = created.error();
      if (error.code == kRootGone) return Superseded("the checkpoint was deleted");
      if (error.retry == Retry::kNo) return error;
      if (options_.clock->MonotonicMicros() > give_up) {
        return Error{Blame::kRemote, Retry::kNo, "checkpoint.unknown",
                     "cannot tell whether " + name + " was written to " + storage_->location() +
                         ": " + error.message +
                         "; the next start finds out and goes on from there"};
      }
      LogLimited(LogLevel::kWarn, "log-create", 10, "cannot write the checkpoint; trying again",
                 {{"name", name}, {"error", ToString(error)}});
    }
    std::this_thread::sleep_for(wait);
  }
}

Result<void> CheckpointLog::Look(std::int64_t highest) {
  for (auto wait = std::chrono::milliseconds(50);; wait *= 2) {
    auto start = storage_->Read(kStartName);
    auto slots =
        start.ok() ? ListSlots(storage_, contents_.checkpoint_id) : Result<SlotList>(start.error());
    if (slots.ok()) {
      if (!start->has_value() || **start != contents_.start_bytes) {
        return Superseded("the checkpoint was deleted or made anew");
      }
      std::int64_t last = slots->numbers.empty() ? 0 : slots->numbers.back();
      if (last > highest) return Superseded("it wrote slot " + std::to_string(last));
      if (last < highest) return Superseded("slot " + std::to_string(highest) + " was removed");
      return {};
    }
    if (slots.error().code == kRootGone) return Superseded("the checkpoint was deleted");
    if (slots.error().retry == Retry::kNo || wait > std::chrono::seconds(5)) {
      return std::move(slots).error();
    }
    std::this_thread::sleep_for(wait);
  }
}

Result<void> CheckpointLog::CheckWriter() {
  std::lock_guard lock(mutex_);
  if (fresh_) return {};
  TRY(Settle());
  return Look(contents_.last_slot);
}

Result<void> CheckpointLog::Compact(std::int64_t epochs) {
  std::lock_guard lock(mutex_);
  auto keep = static_cast<std::size_t>(std::max<std::int64_t>(epochs, 1));
  for (const std::string& stray : contents_.strays) TRY(storage_->Remove(stray));
  contents_.strays.clear();
  std::size_t kept = 0;
  std::size_t bytes = 0;
  std::int64_t first_kept_epoch = 0;
  for (auto entry = contents_.entries.rbegin(); entry != contents_.entries.rend(); ++entry) {
    bytes += entry->bytes;
    if (entry->kind != "decision") continue;
    if (kept == keep || (kept >= kLeastEpochs && bytes > kLogBytes)) break;
    ++kept;
    first_kept_epoch = entry->epoch;
  }
  if (contents_.decisions.size() <= kept) return {};
  std::size_t drop = contents_.decisions.size() - kept;
  std::size_t removed = 0;
  for (const auto& entry : contents_.entries) {
    if (entry.kind == "decision" && entry.epoch >= first_kept_epoch) break;
    TRY(storage_->Remove(SlotName(contents_.checkpoint_id, entry.number)));
    FAILPOINT("K14");
    ++removed;
  }
  contents_.entries.erase(contents_.entries.begin(),
                          contents_.entries.begin() + static_cast<std::ptrdiff_t>(removed));
  contents_.decisions.erase(contents_.decisions.begin(),
                            contents_.decisions.begin() + static_cast<std::ptrdiff_t>(drop));
  return {};
}

void CheckpointLog::Close() {
  if (heartbeat_ != nullptr) heartbeat_->Stop();
}

}  // namespace sluice
