#include "transform/sql/sql_plan.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string_view>

#include "transform/sql/names.h"
#include "transform/sql/scan_function.h"

namespace sluice {
namespace {

using nlohmann::json;

std::string NameOf(const json& node) {
  std::string name = node.value("name", "");
  while (!name.empty() && name.back() == ' ') name.pop_back();
  return name;
}

/// The input that an operator scans, if it is a scan.
std::optional<std::size_t> ScanOf(const std::string& name) {
  const std::string scan = std::string(kReservedPrefix) + "_scan";
  const std::string lower = LowerName(name);
  if (!lower.starts_with(scan)) return std::nullopt;
  return std::stoul(lower.substr(scan.size()));
}

/// Whether a join of this type gives nothing where its left or its right side is empty.
bool JoinsToNothing(const std::string& type, bool left, bool right) {
  if (type == "INNER") return left || right;
  if (type == "LEFT" || type == "SEMI" || type == "ANTI" || type == "MARK" || type == "SINGLE") {
    return left;
  }
  if (type == "RIGHT" || type == "RIGHT_SEMI" || type == "RIGHT_ANTI") return right;
  return left && right;
}

/// Whether an operator gives nothing where only tables give rows; false of those not known here.
bool IsEmptyWhenIdle(const json& node, const std::vector<InputSchema>& inputs) {
  const std::string name = NameOf(node);
  const json& children = node.at("children");
  if (const auto scan = ScanOf(name)) return *scan < inputs.size() && !inputs[*scan].table;
  if (name == "EMPTY_RESULT") return true;
  auto empty = [&](std::size_t child) { return IsEmptyWhenIdle(children[child], inputs); };
  static const std::set<std::string, std::less<>> kOnlyWhatComes = {
      "PROJECTION", "FILTER", "UNNEST",           "ORDER_BY",       "TOP_N",
      "LIMIT",      "WINDOW", "STREAMING_WINDOW", "STREAMING_LIMIT"};
  if (kOnlyWhatComes.contains(name)) return children.size() == 1 && empty(0);
  if (children.size() != 2) return false;
  if (name == "UNION") return empty(0) && empty(1);
  if (name == "CROSS_PRODUCT") return empty(0) || empty(1);
  if (!name.ends_with("_JOIN") || name.find("DELIM") != name.npos) return false;
  const auto extra = node.find("extra_info");
  if (extra == node.end() || !extra->is_object()) return false;
  return JoinsToNothing(extra->value("Join Type", ""), empty(0), empty(1));
}

void Read(const json& node, SqlPlan* plan, std::vector<std::string>* open_for) {
  const std::string name = NameOf(node);
  if (const auto scan = ScanOf(name)) {
    plan->scans.push_back(*scan);
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

Result<SqlPlan> ExplainSql(duckdb_connection connection, const std::string& sql,
                           const std::vector<InputSchema>& inputs) {
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
  plan.may_emit_when_idle = answer.size() != 1 || !IsEmptyWhenIdle(answer[0], inputs);
  for (const auto& name : open_for) plan.open_for += (plan.open_for.empty() ? "" : ", ") + name;
  plan.row_wise = open_for.empty() && plan.scans.size() <= 1;
  return plan;
}

}  // namespace sluice
