/// A plan, made ready to run.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/metrics.h"
#include "core/result.h"
#include "engine/pipeline.h"
#include "job/plan.h"

namespace sluice {

struct PipelineSettings {
  std::string checkpoint_id;  ///< Of the opened log.
  Metrics* metrics = nullptr;
  bool until_caught_up = false;
  std::vector<std::string> drop;
  bool joins_others = false;  ///< SinkContext::joins_others.
};

/// Makes the sinks, the dead letters' among them, and what opens sources and decoders. Nothing is
/// connected or created yet. `parts` and `settings.metrics` must outlive the result.
Result<PipelineSpec> BuildPipeline(std::shared_ptr<const Plan> plan, const Parts& parts,
                                   const PipelineSettings& settings);

/// A sink that can commit, forget and collect, but not write: it knows no schema.
struct BareSink {
  std::string name;
  std::string type;
  std::shared_ptr<Sink> sink;
};

/// All of the job, the dead letters' last. `parts` must outlive them.
Result<std::vector<BareSink>> MakeBareSinks(const Job& job, const Parts& parts,
                                            const std::string& checkpoint_id);

/// A source and a decoder of its own for source number `index` of the plan, as the pipeline opens
/// them.
Result<std::unique_ptr<Source>> OpenPlannedSource(const Plan& plan, std::size_t index,
                                                  Metrics* metrics);
Result<std::unique_ptr<MessageDecoder>> MakePlannedDecoder(const Plan& plan, std::size_t index);

}  // namespace sluice
