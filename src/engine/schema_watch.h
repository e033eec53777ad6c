/// Where columns are learned from records: what a session's records show beside the known ones, and
/// whether the session is to end for it.
///
/// Epochs have one schema each. A batch that shows new columns is not handed on: the open epoch is
/// sealed without it, or dropped where a query is over all of it, and the next session reads it
/// again with the columns it needs. While another change is not allowed, what does not fit stays in
/// `_rescued`.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "engine/pipeline.h"
#include "record/observed_type.h"

namespace sluice {

/// How often epochs may end early for new columns, sealed or dropped, and how long one may be
/// dropped and begun anew. Outlives the sessions it is for.
class EarlySeals {
 public:
  static constexpr std::size_t kInAWindow = 10;

  explicit EarlySeals(std::int64_t window_micros) : window_micros_(window_micros) {}
  /// `drops`: the open epoch would be dropped. Not once it was first begun a window ago: an epoch
  /// that is begun anew again and again would never come to its end.
  bool Allowed(std::int64_t now_micros, bool drops);
  void Note(std::int64_t now_micros) { times_.push_back(now_micros); }
  void NoteBegun(std::int64_t now_micros) {
    if (begun_ < 0) begun_ = now_micros;
  }
  /// The next epoch begins.
  void NoteNewEpoch(std::int64_t now_micros) { begun_ = now_micros; }

 private:
  const std::int64_t window_micros_;
  std::deque<std::int64_t> times_;
  std::int64_t begun_ = -1;  ///< The open epoch, for the first time; -1: none was.
};

class SchemaWatch {
 public:
  enum class Verdict {
    kDeliver,  ///< The batch as it is.
    kHold,     ///< Nothing of it, and read no more: the session ends.
  };

  /// `on_change` is called once, by the thread that brings the first change. All outlive the watch.
  /// `queries`: a step sees whole epochs, so that they are dropped, not sealed early.
  SchemaWatch(const PipelineSpec& spec, EarlySeals* seals, bool queries,
              std::function<void()> on_change);

  /// What a batch of this source showed. `whole`: nothing of the batch was handed on yet. Any
  /// thread.
  Verdict Look(std::size_t source, const ObservedType& unseen, bool whole);

  /// What is known of this source's columns. `wrote`: an epoch with rows of it is being decided, so
  /// that from now on they are written. REQUIRES: the source learns them.
  KnownSchema Known(std::size_t source, bool wrote);

  /// A new epoch, or window, begins.
  void NoteNewEpoch();

  bool changed() const { return changed_.load(std::memory_order_acquire); }
  /// The open epoch is to be dropped, not sealed: rows that were staged with the old types must not
  /// be committed, and a query over an epoch would see a part of its window, so that a join missed
  /// the rows behind the cut.
  bool drops() const;
  /// By index of the source.
  std::map<std::size_t, ObservedType> TakeSeen();

 private:
  const PipelineSpec& spec_;
  EarlySeals* const seals_;
  const bool queries_;
  const std::function<void()> on_change_;
  std::atomic<bool> changed_{false};
  mutable std::mutex mutex_;
  std::vector<std::optional<KnownSchema>> known_;  ///< By source.
  bool drops_ = false;
  std::map<std::size_t, ObservedType> seen_;
};

}  // namespace sluice
