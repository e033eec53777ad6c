/// What the steps without SQL have in common: one input, row by row, every row comes out at most
/// once.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "transform/transform.h"

namespace sluice {

/// A Transform but for plan() and OpenRow(). Immutable, safe from any thread.
class RowStep : public Transform {
 public:
  RowStep(InputSchema input, SchemaPtr output)
      : inputs_{std::move(input.name)},
        input_schema_(std::move(input.schema)),
        output_schema_(std::move(output)) {}

  const std::vector<std::string>& inputs() const final { return inputs_; }
  const SchemaPtr& output_schema() const final { return output_schema_; }
  bool row_by_row() const final { return true; }
  bool may_multiply() const final { return false; }
  const std::vector<Scan>& scans() const final { return scans_; }
  Result<std::unique_ptr<EpochQuery>> OpenEpoch(std::vector<std::shared_ptr<BatchStream>>,
                                                std::int64_t) final {
    return BugError("a step that works row by row was opened for an epoch");
  }

 protected:
  const SchemaPtr& input_schema() const { return input_schema_; }

 private:
  const std::vector<std::string> inputs_;
  const SchemaPtr input_schema_, output_schema_;
  const std::vector<Scan> scans_;  ///< None: scans are an epoch query's.
};

}  // namespace sluice
