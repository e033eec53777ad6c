#include "engine/job_graph.h"

#include <algorithm>

namespace sluice {

Result<JobGraph> JobGraph::Make(const PipelineSpec& spec) {
  JobGraph graph;
  for (std::size_t i = 0; i < spec.sources.size(); ++i) {
    graph.sources_.push_back({Producer::Kind::kSource, i, spec.sources[i].name, {}});
  }
  auto find = [&graph](const std::string& name) -> Producer* {
    for (auto* list : {&graph.steps_, &graph.sources_}) {
      for (Producer& producer : *list) {
        if (producer.name == name) return &producer;
      }
    }
    return nullptr;
  };
  for (std::size_t i = 0; i < spec.steps.size(); ++i) {
    const PipelineStep& step = spec.steps[i];
    bool open = !step.transform->row_by_row();
    std::vector<std::size_t> roots;
    const auto& inputs = step.transform->inputs();
    for (std::size_t input = 0; input < inputs.size(); ++input) {
      Producer* from = find(inputs[input]);
      if (from == nullptr) {
        return BugError("step " + step.name + " reads " + inputs[input] + ", which nobody makes");
      }
      from->consumers.push_back(
          {open ? Consumer::Kind::kOpenStep : Consumer::Kind::kRowStep, i, input, step.name});
      if (from->kind == Producer::Kind::kSource) {
        roots.push_back(from->index);
      } else {
        const auto& more = graph.sources_of_step_[from->index];
        roots.insert(roots.end(), more.begin(), more.end());
      }
    }
    std::sort(roots.begin(), roots.end());
    roots.erase(std::unique(roots.begin(), roots.end()), roots.end());
    graph.steps_.push_back({Producer::Kind::kStep, i, step.name, {}});
    graph.open_.push_back(open);
    graph.sources_of_step_.push_back(std::move(roots));
  }
  for (std::size_t i = 0; i < spec.sinks.size(); ++i) {
    Producer* from = find(spec.sinks[i].from);
    if (from == nullptr) {
      return BugError("sink " + spec.sinks[i].name + " reads " + spec.sinks[i].from +
                      ", which nobody makes");
    }
    from->consumers.push_back({Consumer::Kind::kSink, i, 0, spec.sinks[i].name});
  }
  return graph;
}

}  // namespace sluice
