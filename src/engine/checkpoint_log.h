/// The checkpoint log: one sequence of create-only slots. The whole exactly-once argument lives
/// here and in docs/exactly-once.md.
///
///   CHECKPOINT/start                    slot 0; names the checkpoint id
///   CHECKPOINT/<id>/slot-000000000001   splits | takeover | decision | commit ...
///   CHECKPOINT/<id>/heartbeat-<slot>    see engine/heartbeat.h
///
/// Open -> WriteStart (fresh checkpoints) -> { WriteSplits | Decide -> Commit }* -> Close.
/// A create counts only once a look afterwards finds the same start and no higher slot. A create
/// whose outcome is unclear is repeated with the same bytes until something reads back; nothing
/// else is written meanwhile. Any thread. An error with Blame::kSuperseded means: another process
/// is the writer now; make nothing more visible and end with exit code 4.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "engine/heartbeat.h"
#include "engine/log_record.h"
#include "engine/slot_format.h"
#include "storage/storage.h"

namespace sluice {

/// All that the retained slots say. What `sluice checkpoint show` prints and recovery starts from.
struct LogContents {
  struct Entry {
    std::int64_t number = 0;
    std::string kind;
    std::size_t bytes = 0;   ///< Of its payload, which is not kept.
    std::int64_t epoch = 0;  ///< Of a decision.
  };
  /// A slot beside the decisions that says what columns sources have.
  struct LearnedEntry {
    std::int64_t number = 0;
    std::string time;
    LearnedSchemas learned;
  };
  std::string checkpoint_id;
  std::string start_bytes;  ///< Of the start slot, as stored.
  StartRecord start;
  std::vector<Entry> entries;                 ///< The newest unbroken run, oldest first.
  std::vector<SplitPosition> positions;       ///< Of every split: last decision, then later starts.
  LearnedSchemas learned;                     ///< Likewise.
  std::vector<LearnedEntry> learned_entries;  ///< As ReadLog found them, oldest first.
  std::vector<DecisionRecord> decisions;  ///< Retained, oldest first; positions in the newest only.
  std::optional<std::int64_t> committed;  ///< Epoch of the newest commit record.
  std::int64_t last_slot = 0;
  std::int64_t writer = 0;          ///< Slot of the newest takeover, 0 for the start.
  std::vector<std::string> strays;  ///< Names below the run: ignored, removed by compaction.

  /// Positions may be long, and nobody asks for those of older decisions.
  void Add(DecisionRecord decision) {
    learned = decision.learned;
    if (!decisions.empty()) decisions.back().positions = {};
    decisions.push_back(std::move(decision));
  }
  const DecisionRecord* last_decision() const {
    return decisions.empty() ? nullptr : &decisions.back();
  }
  /// The newest decision, if it has no commit record.
  const DecisionRecord* uncommitted() const {
    if (decisions.empty() || committed == decisions.back().epoch) return nullptr;
    return &decisions.back();
  }
};

/// Reads and checks the log, changing nothing. nullopt if there is no checkpoint at this place.
Result<std::optional<LogContents>> ReadLog(Storage* storage);

inline constexpr std::size_t kLogBytes = 8u << 20;

struct LogOptions {
  std::string job;
  std::int64_t lease_micros = 10'000'000;
  std::int64_t unknown_wait_micros = 60'000'000;  ///< How long an unclear create is repeated.
  const Clock* clock = &Clock::System();
};

class CheckpointLog {
 public:
  /// Reads the log and becomes its writer: creates the takeover slot at once if the last writer is
  /// gone, after `lease_micros` without a change of its heartbeat otherwise. `storage` must outlive
  /// the CheckpointLog.
  static Result<std::unique_ptr<CheckpointLog>> Open(Storage* storage, const LogOptions& options);
  ~CheckpointLog();

  const std::string& checkpoint_id() const { return contents_.checkpoint_id; }
  /// True until WriteStart: no checkpoint existed. The id is chosen, but nothing is written.
  bool fresh() const;
  Storage* storage() const { return storage_; }  ///< For what decisions name beside the slots.
  /// Number of this writer in attempts: its takeover's slot, or 0 for the one that wrote the start.
  std::int64_t writer() const { return contents_.writer; }
  /// As read by Open, kept up to date by the calls below. Copy of the state under the lock.
  LogContents contents() const;

  /// Slot 0. REQUIRES: fresh().
  Result<void> WriteStart(const std::vector<SplitPosition>& splits);
  /// A further start entry. REQUIRES: !fresh().
  Result<void> WriteSplits(const std::vector<SplitPosition>& splits);
  /// Likewise, of schemas that records brought along.
  Result<void> WriteLearned(const LearnedSchemas& schemas);
  /// REQUIRES: nothing decided and uncommitted.
  Result<void> Decide(const DecisionRecord& decision);
  Result<void> Commit(std::int64_t epoch);
  /// Looks whether this process is still the writer, and whether a slot whose create failed is
  /// there after all: then it counts, and contents() has it.
  Result<void> CheckWriter();
  /// Removes the oldest slots but those of the newest `epochs` epochs, or of fewer, at least two,
  /// where those would take more than kLogBytes: a source may remember much in each position.
  Result<void> Compact(std::int64_t epochs);
  /// Marks the heartbeat as stopped; one that is only destroyed looks crashed.
  void Close();

 private:
  /// A slot whose create was begun; `apply` is what it changes in contents_.
  struct Pending {
    LogContents::Entry entry;
    std::string bytes;
    std::function<void(LogContents*)> apply;
  };

  CheckpointLog(Storage* storage, const LogOptions& options);
  Result<void> Append(const std::string& kind, const std::string& payload,
                      std::function<void(LogContents*)> apply);
  Result<void> Settle();
  void TakePending();
  Result<void> Create(const std::string& name, const std::string& bytes);
  Result<void> Look(std::int64_t highest);
  Result<void> TakeOver();
  Result<void> StartHeartbeat();

  Storage* storage_;
  LogOptions options_;
  mutable std::mutex mutex_;
  LogContents contents_;
  std::optional<Pending> pending_;  ///< Of which it is not known whether it is there.
  bool fresh_ = false;
  std::unique_ptr<Heartbeat> heartbeat_;
};

}  // namespace sluice
