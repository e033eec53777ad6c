#include "transform/sql/sql_statement.h"

#include <arrow/type.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "core/options.h"
#include "transform/sql/names.h"
#include "transform/sql/scan_function.h"

namespace sluice {
namespace {

using nlohmann::json;

/// They make rows from their arguments, and look at nothing else.
constexpr std::array<std::string_view, 6> kTableFunctions = {
    "unnest", "range", "generate_series", "json_each", "json_tree", "repeat"};

/// They read settings or the session, change state, wait, or take SQL as text.
constexpr std::array<std::string_view, 31> kForbiddenFunctions = {"getenv",
                                                                  "current_setting",
                                                                  "set_config",
                                                                  "getvariable",
                                                                  "current_query",
                                                                  "current_query_id",
                                                                  "current_connection_id",
                                                                  "current_transaction_id",
                                                                  "txid_current",
                                                                  "nextval",
                                                                  "currval",
                                                                  "setseed",
                                                                  "sleep_ms",
                                                                  "write_log",
                                                                  "stats",
                                                                  "in_search_path",
                                                                  "current_database",
                                                                  "current_schema",
                                                                  "current_schemas",
                                                                  "current_catalog",
                                                                  "current_role",
                                                                  "current_user",
                                                                  "session_user",
                                                                  "user",
                                                                  "json_serialize_plan",
                                                                  "json_deserialize_sql",
                                                                  "json_execute_serialized_sql",
                                                                  "query",
                                                                  "query_table",
                                                                  "parse_duckdb_log_message",
                                                                  "has_table_privilege"};

constexpr std::array<std::string_view, 12> kClockNames = {"now",
                                                          "transaction_timestamp",
                                                          "get_current_timestamp",
                                                          "current_timestamp",
                                                          "current_date",
                                                          "today",
                                                          "get_current_time",
                                                          "current_time",
                                                          "current_localtime",
                                                          "localtime",
                                                          "current_localtimestamp",
                                                          "localtimestamp"};

template <std::size_t N>
bool OneOf(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string Text(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// Goes through a statement's tree once.
class Guard {
 public:
  Guard(std::string_view sql, const std::vector<InputSchema>& inputs)
      : sql_(sql), inputs_(inputs) {}

  Result<void> Check(const json& node) {
    if (node.is_array()) {
      for (const auto& item : node) TRY(Check(item));
      return {};
    }
    if (!node.is_object()) return {};
    TRY(CheckNames(node));
    TRY(CheckNode(node));
    const std::size_t scope = ctes_.size();
    const auto ctes = node.find("cte_map");
    if (ctes != node.end()) TRY(CheckCtes(*ctes));
    for (const auto& [key, value] : node.items()) {
      if (key == "cte_map") continue;
      // A constant's value is data, not syntax.
      if (key == "value" && Text(node, "class") == "CONSTANT") continue;
      TRY(Check(value));
    }
    ctes_.resize(scope);
    return {};
  }

  std::vector<std::size_t> inputs_read() const { return read_; }
  bool uses_now() const { return uses_now_; }

 private:
  /// A CTE sees those before it, not itself.
  Result<void> CheckCtes(const json& ctes) {
    const auto map = ctes.find("map");
    if (map == ctes.end()) return {};
    for (const auto& entry : *map) {
      TRY(Check(entry.at("value")));
      TRY(CheckName(Text(entry, "key"), entry));
      ctes_.push_back(LowerName(Text(entry, "key")));
    }
    return {};
  }

  Result<void> CheckNode(const json& node) {
    const std::string type = Text(node, "type");
    const std::string kind = Text(node, "class");
    if (type == "BASE_TABLE") return CheckTable(node);
    if (type == "TABLE_FUNCTION") return CheckTableFunction(node);
    if (type == "SHOW_REF")
      return Forbidden(node, "SHOW, DESCRIBE and SUMMARIZE are not available in a job");
    if (type == "RECURSIVE_CTE_NODE") {
      return Forbidden(node, "WITH RECURSIVE cannot read a stream, which passes only once");
    }
    if (kind == "PARAMETER") {
      return UserError("sql.statement", Place(node) +
                                            "the SQL of a job has no parameters; "
                                            "write the value");
    }
    if (kind == "FUNCTION" || kind == "WINDOW") return CheckFunction(node);
    if (kind == "COLUMN_REF") {
      const auto& names = node.at("column_names");
      if (names.size() == 1)
        uses_now_ |= OneOf(kClockNames, LowerName(names[0].get<std::string>()));
    }
    return {};
  }

  Result<void> CheckTable(const json& node) {
    const std::string name = Text(node, "table_name");
    const bool qualified =
        !Text(node, "schema_name").empty() || !Text(node, "catalog_name").empty();
    const std::string lower = LowerName(name);
    if (!qualified && std::find(ctes_.begin(), ctes_.end(), lower) != ctes_.end()) return {};
    std::vector<std::string> known;
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      known.push_back(inputs_[i].name);
      if (qualified || LowerName(inputs_[i].name) != lower) continue;
      if (std::find(read_.begin(), read_.end(), i) == read_.end()) read_.push_back(i);
      std::sort(read_.begin(), read_.end());
      return {};
    }
    std::string message = Place(node) + "no source or earlier step is called \"" +
                          (qualified ? Text(node, "schema_name") + "." : "") + name + "\"";
    if (const auto nearest = NearestName(name, known))
      message += "; did you mean \"" + *nearest + "\"?";
    std::string list;
    for (const auto& input : known) list += (list.empty() ? "" : ", ") + input;
    return UserError("sql.bind", message + " This step can read: " + list);
  }

  Result<void> CheckTableFunction(const json& node) {
    const json& function = node.at("function");
    const std::string name = LowerName(Text(function, "function_name"));
    if (OneOf(kTableFunctions, name)) return {};
    return Forbidden(node,
                     "the table function " + name +
                         "() is not available in a job, whose SQL reads only sources and steps");
  }

  Result<void> CheckFunction(const json& node) {
    const std::string name = LowerName(Text(node, "function_name"));
    const bool qualified = !Text(node, "schema").empty() || !Text(node, "catalog").empty();
    if (qualified && OneOf(kClockNames, name)) {  // It would pass by our own of that name.
      return Forbidden(node, "write the function " + name + "() without a schema in front");
    }
    if (OneOf(kForbiddenFunctions, name) || name.starts_with("pg_") ||
        name.starts_with("duckdb_")) {
      return Forbidden(node, "the function " + name + "() is not available in a job");
    }
    if (name == "age" && node.contains("children") && node.at("children").size() == 1) {
      return Forbidden(node,
                       "age() with one argument depends on the clock of the machine; write "
                       "age(CAST(current_date AS TIMESTAMP), ...), which uses the epoch's");
    }
    uses_now_ |= OneOf(kClockNames, name);
    return {};
  }

  Result<void> CheckNames(const json& node) {
    for (const char* key : {"alias", "function_name", "relation_name", "cte_name"}) {
      TRY(CheckName(Text(node, key), node));
    }
    for (const char* key : {"column_names", "column_name_alias", "exclude_list", "aliases"}) {
      const auto names = node.find(key);
      if (names == node.end() || !names->is_array()) continue;
      for (const auto& name : *names) {
        if (name.is_string()) TRY(CheckName(name.get<std::string>(), node));
      }
    }
    return {};
  }

  Result<void> CheckName(const std::string& name, const json& node) const {
    if (!LowerName(name).starts_with(kReservedPrefix)) return {};
    return UserError("sql.name", Place(node) + "names that begin with \"" +
                                     std::string(kReservedPrefix) + "\" are reserved; rename " +
                                     name);
  }

  Error Forbidden(const json& node, const std::string& what) const {
    return UserError("sql.forbidden", Place(node) + what);
  }

  std::string Place(const json& node) const {
    const auto location = node.find("query_location");
    if (location == node.end() || !location->is_number_unsigned()) return "";
    const auto offset = location->get<std::uint64_t>();
    if (offset >= sql_.size()) return "";
    const auto [line, column] = LineAndColumn(sql_, offset);
    return "line " + std::to_string(line) + ", column " + std::to_string(column) + ": ";
  }

  std::string_view sql_;
  const std::vector<InputSchema>& inputs_;
  std::vector<std::string> ctes_;
  std::vector<std::size_t> read_;
  bool uses_now_ = false;
};

Error SyntaxError(const json& answer, const std::string& sql) {
  const std::string message = Text(answer, "error_message");
  const std::string position = Text(answer, "position");
  std::string place;
  if (!position.empty()) {
    const auto [line, column] = LineAndColumn(sql, std::stoull(position));
    place = "line " + std::to_string(line) + ", column " + std::to_string(column) + ": ";
  }
  return UserError("sql.syntax", place + message);
}

json RowReference() {
  return json{{"class", "COLUMN_REF"},
              {"type", "COLUMN_REF"},
              {"alias", ""},
              {"query_location", 0},
              {"column_names", json::array({std::string(kRowColumn)})}};
}

bool Empty(const json& node, const char* key) {
  const auto found = node.find(key);
  return found == node.end() || found->is_null() || found->empty() ||
         (found->is_string() && found->get<std::string>().empty());
}

/// One SELECT over one input with at most a WHERE.
bool IsPlainSelect(const json& node) {
  if (Text(node, "type") != "SELECT_NODE") return false;
  if (!Empty(node, "modifiers") || !Empty(node.at("cte_map"), "map")) return false;
  if (Text(node, "aggregate_handling") != "STANDARD_HANDLING") return false;
  for (const char* key : {"group_expressions", "group_sets", "having", "sample", "qualify"}) {
    if (!Empty(node, key)) return false;
  }
  const json& from = node.at("from_table");
  return Text(from, "type") == "BASE_TABLE" && Empty(from, "column_name_alias") &&
         Empty(from, "sample") && Empty(from, "at_clause");
}

bool HasName(const std::string& name, const std::string& other) {
  return LowerName(name) == LowerName(other);
}

/// The column of the input that a reference names, or -1.
int CopiedColumn(const json& item, const std::string& table, const arrow::Schema& schema) {
  if (Text(item, "class") != "COLUMN_REF") return -1;
  const json& names = item.at("column_names");
  std::string name;
  if (names.size() == 1) {
    name = names[0].get<std::string>();
  } else if (names.size() == 2 && HasName(names[0].get<std::string>(), table)) {
    // A column of the table's own name would make it a field of that column.
    if (FindColumn(schema, table) >= 0) return -1;
    name = names[1].get<std::string>();
  } else {
    return -1;
  }
  return FindColumn(schema, name);
}

/// `*` and `t.*`, with EXCLUDE and REPLACE: appends to both lists. False for the other forms of a
/// star.
bool ExpandStar(const json& star, const std::string& table, const arrow::Schema& schema,
                std::vector<int>* copies, json* computed) {
  const std::string relation = Text(star, "relation_name");
  if (!relation.empty() && !HasName(relation, table)) return false;
  if (star.value("columns", false) || !Empty(star, "expr")) return false;
  if (!Empty(star, "qualified_exclude_list") || !Empty(star, "rename_list")) return false;
  for (int i = 0; i < schema.num_fields(); ++i) {
    const std::string& name = schema.field(i)->name();
    bool excluded = false;
    for (const auto& other : star.at("exclude_list")) {
      if (!other.is_string()) return false;
      excluded |= HasName(other.get<std::string>(), name);
    }
    if (excluded) continue;
    const json* replacement = nullptr;
    for (const auto& entry : star.at("replace_list")) {
      if (HasName(Text(entry, "key"), name)) replacement = &entry.at("value");
    }
    if (replacement == nullptr) {
      copies->push_back(i);
    } else {
      copies->push_back(-1);
      computed->push_back(*replacement);
    }
  }
  return true;
}

/// Hands the row's number on through `node`, a query or a relation. False where that cannot be.
bool CarryRow(json* node) {
  const std::string type = Text(*node, "type");
  if (type == "BASE_TABLE" || type == "TABLE_FUNCTION") return true;
  if (type == "SUBQUERY") return CarryRow(&node->at("subquery").at("node"));
  if (type == "JOIN") return CarryRow(&node->at("left")) && CarryRow(&node->at("right"));
  if (type != "SELECT_NODE") return type == "EXPRESSION_LIST";
  for (auto& entry : node->at("cte_map").at("map")) {
    if (!CarryRow(&entry.at("value").at("query").at("node"))) return false;
  }
  json& from = node->at("from_table");
  if (Text(from, "type") == "EMPTY") return false;
  if (!CarryRow(&from)) return false;
  for (auto& item : node->at("select_list")) {
    if (Text(item, "class") != "STAR") continue;
    if (item.value("columns", false) || !Empty(item, "expr")) return false;
    item.at("exclude_list").push_back(std::string(kRowColumn));
  }
  node->at("select_list").push_back(RowReference());
  return true;
}

}  // namespace

Result<SqlStatement> ReadStatement(duckdb_connection connection, const std::string& sql,
                                   const std::vector<InputSchema>& inputs) {
  auto text = QueryText(connection, "SELECT json_serialize_sql($1::VARCHAR)", sql);
  if (!text.ok()) return UserError("sql.syntax", text.error().message);
  json answer = json::parse(*text, nullptr, false);
  if (answer.is_discarded()) return BugError("DuckDB's syntax tree is not JSON");
  if (answer.value("error", true)) {
    if (Text(answer, "error_type") != "not implemented") return SyntaxError(answer, sql);
    return UserError(
        "sql.statement",
        "the SQL of a step is one SELECT; other statements (COPY, SET, ATTACH, INSTALL, "
        "CREATE, PIVOT without its list of values, ...) are not available in a job");
  }
  if (answer.at("statements").size() != 1) {
    return UserError("sql.statement", "the SQL of a step is one SELECT, not " +
                                          std::to_string(answer.at("statements").size()) +
                                          " statements; make a step of each");
  }
  SqlStatement statement;
  Guard guard(sql, inputs);
  TRY(guard.Check(answer.at("statements")));
  statement.tree = std::move(answer);
  statement.inputs = guard.inputs_read();
  statement.uses_now = guard.uses_now();
  if (statement.inputs.empty()) {
    return UserError("sql.statement", "the SELECT reads no source and no earlier step");
  }
  return statement;
}

std::optional<RowForm> CopyingRowForm(const SqlStatement& statement, const InputSchema& input) {
  RowForm form;
  form.tree = statement.tree;
  json& node = form.tree.at("statements")[0].at("node");
  if (!IsPlainSelect(node)) return std::nullopt;
  const std::string alias = Text(node.at("from_table"), "alias");
  const std::string& table = alias.empty() ? input.name : alias;
  json computed = json::array();
  for (const auto& item : node.at("select_list")) {
    if (Text(item, "class") == "STAR") {
      if (!ExpandStar(item, table, *input.schema, &form.copies, &computed)) return std::nullopt;
      continue;
    }
    const int column = CopiedColumn(item, table, *input.schema);
    form.copies.push_back(column);
    if (column < 0) computed.push_back(item);
  }
  form.only_copies = computed.empty() && Empty(node, "where_clause");
  computed.push_back(RowReference());
  node.at("select_list") = std::move(computed);
  return form;
}

std::optional<RowForm> FullRowForm(const SqlStatement& statement, std::size_t columns) {
  RowForm form;
  form.tree = statement.tree;
  if (!CarryRow(&form.tree.at("statements")[0].at("node"))) return std::nullopt;
  form.copies.assign(columns, -1);
  return form;
}

Result<std::string> WriteSql(duckdb_connection connection, const json& tree) {
  return QueryText(connection, "SELECT json_deserialize_sql($1::JSON)", tree.dump());
}

}  // namespace sluice
