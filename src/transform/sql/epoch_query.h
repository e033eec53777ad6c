/// Runs a statement that stays open for an epoch.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "transform/sql/sql_session.h"

namespace sluice {

/// What an open step is made of; shared by its queries.
struct EpochPlan {
  std::vector<InputSchema> inputs;
  SchemaPtr output;
  std::string sql;
  std::vector<Scan> scans;
  bool may_emit_when_idle = true;
};

Result<std::unique_ptr<EpochQuery>> OpenEpochQuery(
    std::shared_ptr<SqlCore> core, std::shared_ptr<const EpochPlan> plan,
    std::vector<std::shared_ptr<BatchStream>> streams, std::int64_t now_micros);

}  // namespace sluice
