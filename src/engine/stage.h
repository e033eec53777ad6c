/// What all threads of a session share: the job, the lanes and the open steps.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/first_error.h"
#include "engine/job_graph.h"
#include "engine/open_step.h"
#include "engine/pipeline.h"
#include "engine/sink_lane.h"

namespace sluice {

/// An epoch as rows see it.
struct EpochInfo {
  std::int64_t epoch = 0;
  std::int64_t now_micros = 0;  ///< The epoch's now().
};

/// Built before the threads start, taken apart after they ended; not changed in between.
struct Stage {
  const PipelineSpec* spec = nullptr;
  const JobGraph* graph = nullptr;
  FirstError* errors = nullptr;
  AttemptId attempt;
  std::vector<std::unique_ptr<SinkLane>> sinks;  ///< By index in spec->sinks.
  std::unique_ptr<SinkLane> dead_letters;        ///< Null if the job has none.
  std::vector<std::unique_ptr<OpenStep>>
      open_steps;  ///< By index in spec->steps; null for row steps.
};

/// Name of the dead letters' lane and of their part of a decision.
inline constexpr char kDeadLettersName[] = "dead letters";

}  // namespace sluice
