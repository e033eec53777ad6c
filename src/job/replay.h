/// Dead letters, run through the job again: a run of its own, with its own checkpoint.
///
///   LoadJob -> schemas -> PrepareReplay -> MakePlan -> the log -> BuildReplay -> RunPipeline
///
/// The folder of dead letters is read as a source is, by position, and never written. What is
/// refused again goes to a folder of dead letters beside that checkpoint.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "engine/checkpoint_log.h"
#include "engine/pipeline.h"
#include "job/job.h"
#include "job/parts.h"
#include "job/pipeline_builder.h"
#include "job/plan.h"

namespace sluice {

/// Where the replay of `letters` by this job keeps its checkpoint: below `letters`, under a name
/// that no listing of them has.
std::string ReplayCheckpoint(const std::string& letters, const Job& job);

/// Changes the job so that nothing of the replay is written where the job itself writes, its sinks
/// aside. A user error if there is no such folder.
Result<void> PrepareReplay(const std::string& letters, Job* job);

/// Sinks of the replay's checkpoint that the job has lost since; a replay goes on without them.
std::vector<std::string> LostSinks(const LogContents& contents, const Job& job);

/// The job of `plan`, made from a prepared job, with `letters` in place of its sources. `parts` and
/// `settings.metrics` must outlive the result.
Result<PipelineSpec> BuildReplay(const std::string& letters,
                                 const std::shared_ptr<const Plan>& plan, const Parts& parts,
                                 const PipelineSettings& settings);

}  // namespace sluice
