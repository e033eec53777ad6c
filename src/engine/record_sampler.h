/// Looks at records of one source before the job knows its columns.
///
/// In a run it begins as the pipeline does: the checkpoint must be the job's, every source's start
/// is in the log before anything is fetched, remembered positions are verified, new splits are
/// found while it waits. So what is read here is read again by the pipeline.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/result.h"
#include "engine/checkpoint_log.h"
#include "engine/pipeline.h"

namespace sluice {

inline constexpr std::int64_t kSampleRecords = 10'000;

/// What a batch told.
struct SampleLook {
  bool known = false;     ///< What is wanted is known now, or still.
  std::string reason;     ///< Why it is not.
  std::int64_t rows = 0;  ///< In the batch. They count as records where a message has several.
};

struct SampleOptions {
  /// Looks at a batch.
  std::function<Result<SampleLook>(std::shared_ptr<const RawBatch>)> look;
  /// How long to look on once it is known, for more of it.
  std::int64_t settle_micros = 1'000'000;
  std::int64_t most_records = kSampleRecords;
  /// Once it is known, end with what was there at the start: more is not waited for.
  bool only_what_is_there = false;
  const StopRequest* stop = nullptr;
  std::optional<std::int64_t> deadline_micros;  ///< On the monotonic clock.
  bool until_caught_up = false;                 ///< End with what was there at the start.
};

struct Sample {
  enum class End {
    kTold,       ///< By at most `most_records` (or 64 MiB).
    kNoneTells,  ///< Of as many, or of all that were there.
    kNothing,    ///< Nothing was there.
    kTimeIsUp,
    kStopped,
  };
  End end = End::kNothing;
  std::int64_t records = 0;
  std::string first_reason;
};

/// Of source number `index`, for a run. Reads `spec`'s job, drop, split_refresh_micros, the names
/// of its sources and sinks, and what opens the sources. Errors are those of RunPipeline; what may
/// be mended later is tried again.
Result<Sample> SampleForRun(const PipelineSpec& spec, CheckpointLog* log, std::size_t index,
                            const SampleOptions& options);

/// From where a job without a checkpoint would begin. Writes nothing, tries once.
Result<Sample> SampleForLooking(Source* source, const SampleOptions& options);

}  // namespace sluice
