/// A line in the log when an epoch has rejects: a mistake in the SQL may send all rows to the dead
/// letters, and the job would end as if all were well.
#pragma once

#include <cstdint>

#include "engine/counts.h"
#include "engine/pipeline.h"

namespace sluice {

/// Warns once a minute at most for each source, step and sink that refused rows in this epoch, with
/// how many, their share, the first reason and where they are.
void WarnOfRejects(const PipelineSpec& spec, std::int64_t epoch, const EpochCounts& counts);

}  // namespace sluice
