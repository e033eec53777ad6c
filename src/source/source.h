/// Where records come from.
///
/// A source names its splits (Kafka partitions, shards, folders), resolves where a new one starts,
/// proves that a remembered position still means what it meant, and opens readers. It never
/// decodes, keeps no position across restarts, and reads the same range again when asked to.
///
/// Call order: ListSplits -> JudgeMissing (remembered splits that were not listed; all of them
/// where listing failed, and then it is tried once more) -> ResolveStart (new splits only) ->
/// Verify (all that were listed) -> OpenReader* -> ... ListSplits may be called again while readers
/// run. Threads: Source methods are called from one thread at a time; each SplitReader from one
/// thread, but for Wake. Errors: at Retry::kLater the engine waits with back-off and tries again.
#pragma once

#include <arrow/type_fwd.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/metrics.h"
#include "core/options.h"
#include "core/registry.h"
#include "core/result.h"
#include "record/raw_batch.h"

namespace sluice {

/// `identity` tells one life of a split from another (Kafka's topic id); "" if the store has none.
struct Split {
  SplitId id;
  std::string identity;
};

/// A split, the place to read on from, and the identity that was stored with it.
struct SplitStart {
  SplitId id;
  Position position;
  std::string identity;
};

/// Records that are gone before they were read, under `failOnDataLoss: false`.
struct Loss {
  SplitId split;
  Position from;
  Position to;
  std::int64_t records = 0;  ///< At most so many; offsets count holes too.
};

struct Verified {
  std::vector<SplitStart> starts;  ///< The given ones, moved past losses where the job allows it.
  std::vector<Loss> losses;
};

/// What became of a remembered split that ListSplits did not return.
enum class Missing {
  kNotNamed,  ///< The options no longer name it; whether it still exists does not matter.
  kGone,      ///< It was deleted, and the options allow to go on without what was not read of it.
  kUnclear,   ///< As far as the store says now it is there: worth another look later.
};

struct ReadLimits {
  std::size_t records = 16384;
  std::size_t bytes = 4u << 20;  ///< May be exceeded by one message.
  /// At most so long for the first message, and for more of them.
  std::chrono::milliseconds wait{50};
};

class SplitReader {
 public:
  virtual ~SplitReader() = default;

  /// The next messages of any of this reader's splits; null if none came in time. Ranges of one
  /// split come in order, each beginning where the last one ended.
  virtual Result<std::unique_ptr<RawBatch>> Read(const ReadLimits& limits) = 0;

  /// Goes back (or forward) to `position`; what was read ahead of that split is dropped.
  virtual Result<void> Seek(const SplitId& split, const Position& position) = 0;

  /// Adds a split that appeared after the reader was opened.
  virtual Result<void> Add(const SplitStart& start) = 0;

  /// Makes a waiting Read return soon. Any thread.
  virtual void Wake() = 0;
};

class Source {
 public:
  virtual ~Source() = default;

  /// Columns the source adds to each row (headers, record timestamp), canonical types; maybe none.
  virtual const std::vector<std::shared_ptr<arrow::Field>>& extra_fields() const = 0;

  /// All splits that the options name and that exist now.
  virtual Result<std::vector<Split>> ListSplits() = 0;

  /// One answer for each of `starts`. A deleted split is an error that names it and its position,
  /// unless the options allow loss: then ListSplits does without it until it is made anew.
  virtual Result<std::vector<Missing>> JudgeMissing(const std::vector<SplitStart>& starts) {
    return std::vector<Missing>(starts.size(), Missing::kNotNamed);
  }

  /// Where a job without a checkpoint starts in each split, by the source's options, as a definite
  /// position: `latest` and times are resolved here, once. `first` is false for splits that
  /// appeared after the job's first start: those begin at their beginning.
  virtual Result<std::vector<SplitStart>> ResolveStart(const std::vector<Split>& splits,
                                                       bool first) = 0;

  /// Compares remembered positions with what the store still has. A mismatch (records gone, split
  /// made anew) is an error that names split and range, or is counted if the options allow loss.
  virtual Result<Verified> Verify(const std::vector<SplitStart>& starts) = 0;

  /// The end of each split as readers see it now (Kafka: the last stable offset), for lag and
  /// catching up.
  virtual Result<std::map<SplitId, Position>> Ends(const std::vector<SplitId>& splits) = 0;
  virtual Result<std::unique_ptr<SplitReader>> OpenReader(
      const std::vector<SplitStart>& starts) = 0;
  /// < 0, 0, > 0. REQUIRES: positions of the same split.
  virtual int ComparePositions(const Position& a, const Position& b) const = 0;
  /// How many records lie between, at most; for lag. 0 if a >= b.
  virtual std::int64_t Distance(const Position& from, const Position& to) const = 0;

  /// Tells lag tools outside how far the job has committed. Best effort: failures are logged.
  virtual void Committed(const std::vector<SplitStart>& positions) = 0;
};

/// What a source needs from the job.
struct SourceContext {
  std::string job;
  std::string name;                      ///< Of the source in the job.
  std::size_t buffer_bytes = 64u << 20;  ///< Its share of maxMemory, to fetch ahead.
  Metrics* metrics = nullptr;            ///< May be null.
  const Clock* clock = &Clock::System();
};

/// A kind of source as the lists in src/main/ and `sluice describe` know it.
struct SourceEntry {
  std::string name;  ///< The `type`: "kafka".
  std::string summary;
  std::vector<OptionSpec> options;
  std::function<Result<std::unique_ptr<Source>>(const Options&, const SourceContext&)> make;
};
using SourceRegistry = Registry<SourceEntry>;

}  // namespace sluice
