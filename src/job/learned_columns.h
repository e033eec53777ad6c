/// Columns of sources that declare none: learned from a sample of their records before the first
/// epoch, and from all of them while the job runs (engine/schema_watch.h).
///
/// A run keeps what it learned in the checkpoint, so that every later start goes on from there
/// (engine/record_sampler.h says what comes before a record is fetched).
///
/// Call order: LoadJob -> FetchReaderSchemas, LearnSchemas or LearnForLooking -> MakePlan.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "engine/checkpoint_log.h"
#include "engine/pipeline.h"
#include "engine/record_sampler.h"
#include "job/job.h"
#include "job/parts.h"

namespace sluice {

/// Sets JobSource::latest_schema where `readerSchema: latest` is wanted. With `wait` a registry
/// that is away is asked until it answers. User errors: it has no such schema.
Result<void> FetchReaderSchemas(Job* job, bool wait);

/// Whether a source of the job learns its columns from records.
bool NeedsRecords(const Job& job);

struct LearnOptions {
  std::vector<std::string> drop;                ///< As for the pipeline.
  bool until_caught_up = false;                 ///< Do not wait for records that are not there yet.
  std::optional<std::int64_t> deadline_micros;  ///< On the monotonic clock; nullopt: none.
  const StopRequest* stop = nullptr;
};

/// Sets JobSource::known of the sources that detect. One of several that has no record yet is left
/// without columns. False: stopped, out of time, or caught up and no source has a record. User
/// errors: no record tells. Other errors are those of RunPipeline.
Result<bool> LearnSchemas(Job* job, CheckpointLog* log, const LearnOptions& options);

/// What a sample of a source's records showed.
struct ObservedSample {
  Sample sample;
  ObservedType seen;           ///< All but what the columns known before hold.
  KnownSchema::Change change;  ///< What is known now, and what of it is not taken.
};

struct LookOptions {
  std::int64_t most_records = kSampleRecords;
  std::int64_t wait_micros = 10'000'000;
  /// How long to look on for more of what was there at the start, once a record has told.
  std::int64_t settle_micros = 1'000'000;
  /// Sees every batch before it is decoded.
  std::function<void(const RawBatch&)> on_batch;
};

/// The records of `source` from where a job without a checkpoint would begin, beside what is known
/// of its columns. Writes nothing. User errors: there is no record, or none tells. REQUIRES:
/// source.detects.
Result<ObservedSample> LookAtRecords(const Job& job, const JobSource& source,
                                     const LookOptions& options);

/// For `check` and `preview`, FetchReaderSchemas included: as the job's checkpoint says, or else
/// from records that come within ten seconds. Writes nothing.
Result<void> LearnForLooking(Job* job, const Parts& parts);

}  // namespace sluice
