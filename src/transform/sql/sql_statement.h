/// A user's SQL as DuckDB's syntax tree: what it may do, what it reads, and its row-by-row form.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "transform/sql/duckdb_handle.h"
#include "transform/transform.h"

namespace sluice {

struct SqlStatement {
  nlohmann::json tree;              ///< As json_serialize_sql gives it, with one statement.
  std::vector<std::size_t> inputs;  ///< Indexes of the inputs it names, ascending.
  bool uses_now = false;            ///< It calls now() or one of its like.
};

/// Parses `sql` and refuses what is not one SELECT over `inputs`, without running or binding
/// anything: other statements, other tables, table functions but a few that only make rows,
/// functions that read settings or leave traces. The list is the first guard; the locked-down
/// instance is the second.
Result<SqlStatement> ReadStatement(duckdb_connection connection, const std::string& sql,
                                   const std::vector<InputSchema>& inputs);

/// Where the columns of a row-by-row statement come from.
struct RowForm {
  /// Gives the computed columns, then kRowColumn.
  nlohmann::json tree;
  /// For each output column the input's column that it copies, or -1: the next computed one.
  std::vector<int> copies;
  /// Nothing is computed and no row is left out.
  bool only_copies = false;
};

/// For `SELECT columns and expressions FROM input WHERE ...`: copied columns need not pass through
/// DuckDB, the row's number brings them back. Nothing for any other shape.
std::optional<RowForm> CopyingRowForm(const SqlStatement& statement, const InputSchema& input);

/// For any statement: every SELECT hands the row's number on, all columns are computed. Whether
/// that is still valid SQL, and row by row, only DuckDB can tell. Nothing where it cannot be.
std::optional<RowForm> FullRowForm(const SqlStatement& statement, std::size_t columns);

/// The SQL of a tree.
Result<std::string> WriteSql(duckdb_connection connection, const nlohmann::json& tree);

}  // namespace sluice
