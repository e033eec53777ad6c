/// Who hands rows to whom, worked out once per run.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "core/result.h"
#include "engine/pipeline.h"

namespace sluice {

/// Something that takes rows.
struct Consumer {
  enum class Kind { kRowStep, kOpenStep, kSink } kind = Kind::kSink;
  std::size_t index = 0;  ///< Into PipelineSpec::steps or ::sinks.
  std::size_t input = 0;  ///< Of a step: index into Transform::inputs().
  std::string name;
};

/// Something that makes rows.
struct Producer {
  enum class Kind { kSource, kTable, kStep } kind = Kind::kSource;
  std::size_t index = 0;
  std::string name;
  SchemaPtr schema;  ///< Of its rows.
  std::vector<Consumer> consumers;
};

class JobGraph {
 public:
  /// A name that nobody makes, or makes too late, is a bug: the job loader has checked the job.
  static Result<JobGraph> Make(const PipelineSpec& spec);

  /// One for each way that rows of the source take: PipelineSource::entries, or itself.
  const std::vector<Producer>& source(std::size_t index) const { return sources_[index]; }
  const Producer& step(std::size_t index) const { return steps_[index]; }
  std::size_t step_count() const { return steps_.size(); }
  /// What a step or sink reads by this name; null if nobody makes it.
  const Producer* Find(const std::string& name) const;
  bool is_open(std::size_t step) const { return open_[step]; }
  /// Names of the sources whose rows can reach a step, for the policy of its dead letters.
  const std::vector<std::size_t>& sources_of_step(std::size_t index) const {
    return sources_of_step_[index];
  }

 private:
  Result<void> NarrowEntries(const PipelineSpec& spec);

  std::vector<std::vector<Producer>> sources_;
  std::vector<Producer> tables_;
  std::vector<Producer> steps_;
  std::vector<bool> open_;
  std::vector<std::vector<std::size_t>> sources_of_step_;
};

}  // namespace sluice
