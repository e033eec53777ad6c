/// Schemas that records bring along (an Avro container file), for sources that declare none.
///
/// LearnSchemas reads each such source from where the job will begin until a record tells, and
/// remembers the schema in the checkpoint, so that every later start has the same columns. Where
/// the job begins is in the checkpoint before the first record is fetched: a job that starts at
/// `latest` reads the record again that told its schema.
///
/// Call order: LoadJob -> LearnSchemas or LearnForLooking -> MakePlan.
#pragma once

#include <cstdint>
#include <optional>

#include "core/result.h"
#include "engine/checkpoint_log.h"
#include "engine/pipeline.h"
#include "job/job.h"
#include "job/parts.h"

namespace sluice {

/// Whether a source of the job needs a record to know its columns.
bool NeedsRecords(const Job& job);

struct LearnOptions {
  /// The job's checkpoint, to remember what is learned; null: nothing is written.
  CheckpointLog* log = nullptr;
  /// What a checkpoint that is only looked at says; null if there is none.
  const LogContents* known = nullptr;
  /// At most so long for each source; nullopt: until a record comes.
  std::optional<std::int64_t> wait_micros;
  bool until_caught_up = false;  ///< Do not wait for records that are not there yet.
  const StopRequest* stop = nullptr;
};

/// Sets JobSource::learned_schema of every source that NeedsRecords. False: it was stopped, or all
/// that is there has been read, before it was known. User errors: none of the first 10,000 records
/// (or 64 MiB) brings a schema; none came in time.
Result<bool> LearnSchemas(Job* job, const LearnOptions& options);

/// For `check` and `preview`: as the job's checkpoint says, or else from a record that comes within
/// ten seconds. Writes nothing.
Result<void> LearnForLooking(Job* job, const Parts& parts);

}  // namespace sluice
