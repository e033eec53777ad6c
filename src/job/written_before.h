/// Compares what a job's sinks are to get with what they got before, for `sluice check`.
#pragma once

#include "core/result.h"
#include "job/parts.h"
#include "job/plan.h"

namespace sluice {

/// Adds a warning, with its place, for each column of a sink whose files could not be read together
/// with those of the oldest epoch that the checkpoint retains: a type that readers do not widen
/// (record/known_schema.h), or a partition key of another type. The oldest epoch's columns are put
/// through the job's steps as they are now: what the steps were then is not known. Writes nothing;
/// no checkpoint, or one of another job, is no error.
Result<void> WarnOfWritten(const Parts& parts, Plan* plan);

}  // namespace sluice
