/// What an epoch's numbers are, and what must hold between them. Every number is counted where it
/// happens; none is derived. A mismatch is a bug of ours and stops the job before the epoch is
/// decided.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/result.h"
#include "engine/log_record.h"

namespace sluice {

/// Messages and rows of one source, as the reading threads saw them.
struct SourceCounts {
  std::int64_t delivered = 0;
  std::int64_t bytes = 0;
  std::int64_t decoded = 0;
  std::int64_t rejected_whole = 0;
  std::int64_t tombstones = 0;
  std::int64_t rows = 0;  ///< Out of the decoder.
  std::int64_t row_rejects = 0;
  std::int64_t redelivered = 0;  ///< Ranges delivered again and dropped; not part of the sums.
  std::string first_reject;      ///< Why one of the rejects is one; no values. For the log.
};

/// One consumer (step or sink) of one producer (source or step).
struct EdgeCounts {
  std::int64_t pushed = 0;    ///< Counted where the producer hands over.
  std::int64_t received = 0;  ///< Counted where the consumer takes.
};

/// A step: rows in are rows through, rows filtered out, and dead ones. For open steps only in and
/// out.
struct StepCounts {
  bool row_by_row = true;
  std::int64_t in = 0;
  std::int64_t through = 0;  ///< Different input rows that came out.
  std::int64_t filtered = 0;
  std::int64_t dead = 0;
  std::int64_t out = 0;      ///< Rows that came out, unnested ones included.
  std::int64_t drained = 0;  ///< Rows of an open step's inputs that the query did not ask for.
  std::string first_dead;    ///< As SourceCounts::first_reject.
};

struct SinkCounts {
  std::int64_t received = 0;
  std::int64_t written = 0;      ///< In artefacts, by the encoders' own count.
  std::int64_t dead = 0;         ///< Refused by the sink.
  std::int64_t carried_in = 0;   ///< Of earlier epochs, as the last decision has them.
  std::int64_t carried_out = 0;  ///< That wait for a later epoch.
  std::string first_dead;        ///< As SourceCounts::first_reject.
};

/// Plain data; one per thread and epoch, added up at the seal.
struct EpochCounts {
  std::map<std::string, SourceCounts> sources;
  std::map<std::string, StepCounts> steps;
  std::map<std::string, SinkCounts> sinks;
  std::map<std::pair<std::string, std::string>, EdgeCounts> edges;  ///< (producer, consumer).
  std::int64_t dead_letters = 0;  ///< Rows handed to the dead letters.
  std::int64_t skipped = 0;       ///< Rejects under `badRecords: skip`.

  void Add(const EpochCounts& other);
  /// All rejects, whatever became of them.
  std::int64_t Rejects() const;
  std::int64_t Delivered() const;
  /// Checks every equation; the error names the one that does not hold and both sides.
  Result<void> Verify() const;
  /// For the decision record and `sluice checkpoint show`.
  std::vector<NamedCount> Named() const;
};

}  // namespace sluice
