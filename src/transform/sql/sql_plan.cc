#include "transform/sql/sql_plan.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "transform/sql/names.h"
#include "transform/sql/scan_function.h"

namespace sluice {
namespace {

using nlohmann::json;

void Read(const json& node, SqlPlan* plan, std::vector<std::string>* open_for) {
  std::string name = node.value("name", "");
  while (!name.empty() && name.back() == ' ') name.pop_back();
  const std::string scan = std::string(kReservedPrefix) + "_scan";
  const std::string lower = LowerName(name);
  if (lower.starts_with(scan)) {
    plan->scans.push_back(std::stoul(lower.substr(scan.size())));
  } else if (name == "UNNEST") {
    plan->unnests = true;
  } else if (name != "PROJECTION" && name != "FILTER" && name != "EMPTY_RESULT") {
    if (std::find(open_for->begin(), open_for->end(), name) == open_for->end()) {
      open_for->push_back(name);
    }
  }
  for (const auto& child : node.at("children")) Read(child, plan, open_for);
}

}  // namespace

Result<SqlPlan> ExplainSql(duckdb_connection connection, const std::string& sql) {
  auto text = QueryText(connection, "EXPLAIN (FORMAT JSON) " + sql, "");
  if (!text.ok()) {
    Error error = std::move(text).error();
    // No data is read yet: what cannot be planned is the statement's fault.
    if (error.code == "sql.run") error = UserError("sql.bind", error.message);
    return error;
  }
  const json answer = json::parse(*text, nullptr, false);
  if (answer.is_discarded() || !answer.is_array()) return BugError("DuckDB's plan is not JSON");
  SqlPlan plan;
  std::vector<std::string> open_for;
  for (const auto& node : answer) Read(node, &plan, &open_for);
  for (const auto& name : open_for) plan.open_for += (plan.open_for.empty() ? "" : ", ") + name;
  plan.row_wise = open_for.empty() && plan.scans.size() <= 1;
  return plan;
}

}  // namespace sluice
