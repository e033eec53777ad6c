/// Carried rows that a session left behind are written before the next one begins.
///
/// A session that ends well writes what its sinks carry with its last epoch. After a crash or an
/// error this does, as an epoch of its own that reads nothing, with the sinks' definitions as the
/// decision recorded them: a changed job applies only afterwards.
#pragma once

#include "engine/checkpoint_log.h"
#include "engine/pipeline.h"

namespace sluice {

/// Decides such an epoch; true if there was anything to write. The caller commits it. REQUIRES: the
/// last epoch is committed. Rows of a sink that the job gives up (`drop`) are abandoned, and
/// counted in the log, only where they cannot be written.
Result<bool> DecideCarried(const PipelineSpec& spec, CheckpointLog* log, AttemptId attempt);

}  // namespace sluice
