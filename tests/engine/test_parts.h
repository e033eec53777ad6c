/// Small real parts for the engine's own tests: sources, sinks and steps that live in memory.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "engine/pipeline.h"

namespace sluice::testing_parts {

/// What a fake broker holds: messages by split. Shared by the sources of a job's lives. Any thread.
class Topic {
 public:
  void Append(const SplitId& split, const std::string& message);
  void AddSplit(const SplitId& split);
  std::vector<SplitId> splits() const;
  std::vector<std::string> Read(const SplitId& split, std::size_t from, std::size_t count) const;
  std::size_t size(const SplitId& split) const;

 private:
  mutable std::mutex mutex_;
  std::map<SplitId, std::vector<std::string>> messages_;
};

struct TopicSourceOptions {
  bool from_latest = false;
  bool deliver_twice = false;  ///< Every range comes again after it was delivered.
  std::size_t records_per_read = 100;
  std::function<Result<void>(const SplitId&, std::size_t offset)> before_read;  ///< May fail.
  std::set<SplitId> hidden;  ///< Not listed, and judged by `missing`.
  std::function<Result<Missing>(const SplitStart&)> missing;  ///< Default: not named.
};

std::unique_ptr<Source> MakeTopicSource(std::shared_ptr<Topic> topic, TopicSourceOptions options);

/// One column `value string`; messages that begin with "bad" are rejects.
SchemaPtr ValueSchema();
Result<std::unique_ptr<BatchDecoder>> MakeValueDecoder();

/// Rows that a store shows, by epoch, and what was staged for it. Shared by the sinks of a job's
/// lives.
class Table {
 public:
  struct Failures {
    std::function<Result<void>(std::int64_t epoch)> write, prepare, commit;
  };
  Failures failures;
  std::function<void(const arrow::RecordBatch&)> on_write;

  std::multiset<std::string> Rows() const;
  std::vector<std::int64_t> Epochs() const;
  std::set<std::string> KeptBySweep() const;  ///< Tokens that the engine named to Sweep.
  int sweeps() const;
  void WaitForRows(std::size_t count) const;

 private:
  friend class TableSink;
  friend class TableWriter;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::map<std::string, std::vector<std::string>> staged_;
  std::map<std::int64_t, std::vector<std::string>> visible_;
  std::set<std::string> kept_;
  int sweeps_ = 0;
};

/// Shows the first column of its rows. A row "refuse" is refused.
std::shared_ptr<Sink> MakeTableSink(std::shared_ptr<Table> table);

/// An open step: one row per epoch with the number of rows of each input, "2+0".
std::shared_ptr<Transform> MakeCountStep(std::vector<std::string> inputs);
/// A row step: drops rows that begin with "drop", refuses those that begin with "fail".
std::shared_ptr<Transform> MakeRowStep(std::string input);
/// What a broken row step says of its rows, to which it does nothing.
enum class StepFault {
  kDoubled,      ///< The second row comes from the first.
  kUnordered,    ///< The first two rows have changed places.
  kMadeUp,       ///< The last row comes from one beyond the input.
  kUncounted,    ///< The last row comes from nowhere.
  kOutAndDead,   ///< The second row is refused too.
  kDeadUnknown,  ///< A row beyond the input is refused.
};
std::shared_ptr<Transform> MakeBrokenStep(std::string input, StepFault fault);

}  // namespace sluice::testing_parts
