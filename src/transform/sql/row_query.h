/// Runs a row-by-row statement on one batch after the other.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "transform/sql/sql_session.h"

namespace sluice {

/// What a row-by-row step is made of; shared by its queries.
struct RowPlan {
  InputSchema input;
  SchemaPtr output;
  std::string sql;          ///< Gives the computed columns, then kRowColumn.
  std::vector<int> copies;  ///< RowForm::copies.
  bool may_multiply = false;
  bool uses_now = false;
};

Result<std::unique_ptr<RowTransform>> OpenRowQuery(std::shared_ptr<SqlCore> core,
                                                   std::shared_ptr<const RowPlan> plan);

}  // namespace sluice
