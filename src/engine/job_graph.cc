#include "engine/job_graph.h"

#include <algorithm>

namespace sluice {

const Producer* JobGraph::Find(const std::string& name) const {
  for (const Producer& step : steps_) {
    if (step.name == name) return &step;
  }
  for (const Producer& table : tables_) {
    if (table.name == name) return &table;
  }
  for (const auto& entries : sources_) {
    for (const Producer& entry : entries) {
      if (entry.name == name) return &entry;
    }
  }
  return nullptr;
}

/// Entries of a replay that lead to one step or sink only.
Result<void> JobGraph::NarrowEntries(const PipelineSpec& spec) {
  std::vector<Consumer> all;
  for (const Producer& step : steps_) {
    all.insert(all.end(), step.consumers.begin(), step.consumers.end());
  }
  for (const auto& entries : sources_) {
    for (const Producer& entry : entries) {
      all.insert(all.end(), entry.consumers.begin(), entry.consumers.end());
    }
  }
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    for (std::size_t k = 0; k < spec.sources[i].entries.size(); ++k) {
      const std::string& only = spec.sources[i].entries[k].only;
      if (only.empty()) continue;
      auto found = std::find_if(all.begin(), all.end(),
                                [&](const Consumer& consumer) { return consumer.name == only; });
      if (found == all.end()) return BugError("rows are to enter at " + only + ", which is not");
      sources_[i][k].consumers = {*found};
    }
  }
  return {};
}

Result<JobGraph> JobGraph::Make(const PipelineSpec& spec) {
  JobGraph graph;
  for (std::size_t i = 0; i < spec.sources.size(); ++i) {
    const PipelineSource& source = spec.sources[i];
    std::vector<Producer> entries;
    for (const PipelineEntry& entry : source.entries) {
      entries.push_back({Producer::Kind::kSource, i, entry.name, entry.schema, {}});
    }
    if (entries.empty()) {
      entries.push_back({Producer::Kind::kSource, i, source.name, source.schema, {}});
    }
    graph.sources_.push_back(std::move(entries));
  }
  for (std::size_t i = 0; i < spec.tables.size(); ++i) {
    const PipelineTable& table = spec.tables[i];
    graph.tables_.push_back({Producer::Kind::kTable, i, table.name, table.table->schema(), {}});
  }
  auto find = [&graph](const std::string& name) {
    return const_cast<Producer*>(graph.Find(name));  // The graph is still being made.
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
      if (from->kind == Producer::Kind::kTable) {
        if (!open)
          return BugError("step " + step.name + " reads the table " + from->name + " row by row");
        continue;  // The step reads it, nobody hands its rows over.
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
    graph.steps_.push_back(
        {Producer::Kind::kStep, i, step.name, step.transform->output_schema(), {}});
    graph.open_.push_back(open);
    graph.sources_of_step_.push_back(std::move(roots));
  }
  for (std::size_t i = 0; i < spec.sinks.size(); ++i) {
    Producer* from = find(spec.sinks[i].from);
    if (from == nullptr || from->kind == Producer::Kind::kTable) {
      return BugError("sink " + spec.sinks[i].name + " reads " + spec.sinks[i].from +
                      ", which nobody makes");
    }
    from->consumers.push_back({Consumer::Kind::kSink, i, 0, spec.sinks[i].name});
  }
  TRY(graph.NarrowEntries(spec));
  return graph;
}

}  // namespace sluice
