/// What DuckDB's optimiser made of a statement.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "core/result.h"
#include "transform/sql/duckdb_handle.h"
#include "transform/transform.h"

namespace sluice {

struct SqlPlan {
  /// Only scans, filters, projections and unnests, over at most one scan: each row by itself.
  bool row_wise = true;
  bool unnests = false;
  std::vector<std::size_t> scans;  ///< The input of each scan, in the plan's order.
  /// False only if there is no result where only tables give rows.
  bool may_emit_when_idle = true;
  /// The operators that keep it open, "HASH_GROUP_BY, ORDER_BY"; empty if row_wise.
  std::string open_for;
};

/// Explains `sql`, which must have been prepared on `connection` and reads `inputs`. An operator
/// that is not known to work row by row makes the plan open.
Result<SqlPlan> ExplainSql(duckdb_connection connection, const std::string& sql,
                           const std::vector<InputSchema>& inputs);

}  // namespace sluice
