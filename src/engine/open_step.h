/// A step whose query stays open for the epoch: one run, with a thread of its own, for each open
/// epoch.
///
/// The run of an epoch starts with its first row, or at the seal if none came, and ends after the
/// seal. Two runs can overlap around a seal.
#pragma once

#include <arrow/record_batch.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/result.h"
#include "engine/counts.h"
#include "engine/query_inputs.h"

namespace sluice {

struct EpochInfo;
struct Stage;

class OpenStep {
 public:
  /// `schemas` are those of the step's inputs. `stage` must outlive the step; its lanes may be
  /// added later.
  OpenStep(const Stage* stage, std::size_t step, std::vector<SchemaPtr> schemas,
           QueryInputsOptions options);
  /// REQUIRES: errors aborted, or every epoch sealed.
  ~OpenStep();

  /// Any thread; blocks while the query is busy.
  Result<void> Push(const EpochInfo& epoch, std::size_t input,
                    const std::shared_ptr<arrow::RecordBatch>& rows);

  /// Whether any row reached it in this epoch.
  bool Begun(const EpochInfo& epoch) const;

  /// Ends the inputs, waits for the query and hands over its counts, with all that its rows did
  /// downstream. REQUIRES: no Push for this epoch follows.
  Result<EpochCounts> Seal(const EpochInfo& epoch);

  void Wake();
  std::size_t memory() const;

 private:
  struct Run;
  Result<Run*> Find(const EpochInfo& epoch);
  Result<void> Drive(Run* run);

  const Stage* const stage_;
  const std::size_t step_;
  const std::vector<SchemaPtr> schemas_;
  const QueryInputsOptions options_;
  mutable std::mutex mutex_;
  std::map<std::int64_t, std::unique_ptr<Run>> runs_;
};

}  // namespace sluice
