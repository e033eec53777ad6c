#include "transform/sql/sql_unseen.h"

#include <arrow/type.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "transform/sql/names.h"

namespace sluice {
namespace {

using nlohmann::json;

/// Marks the NULL of an unseen column, by a type that DuckDB gives no other.
constexpr char kNullType[] = "NULL";

std::string Text(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// What stands in quotes behind `before` and is followed by `after`.
std::optional<std::string> Quoted(const std::string& message, const std::string& before,
                                  const std::string& after) {
  const std::size_t begin = message.find(before + "\"");
  if (begin == std::string::npos) return std::nullopt;
  const std::size_t from = begin + before.size() + 1;
  const std::size_t end = message.find("\"" + after, from);
  if (end == std::string::npos) return std::nullopt;
  return message.substr(from, end - from);
}

/// The missing column by DuckDB's words; which of the fields is set tells how it was named.
struct Missing {
  std::string column;   ///< Named alone, or the struct that is missing before a field.
  std::string table;    ///< Named with this table.
  std::string field;    ///< A field of a struct.
  std::string exclude;  ///< In the list of an EXCLUDE.

  static std::optional<Missing> Of(const std::string& message) {
    Missing out;
    if (auto name = Quoted(message, "Referenced column ", " not found")) {
      out.column = *name;
    } else if (auto column = Quoted(message, "does not have a column named ", "")) {
      const std::size_t end = message.find("\" does not have a column named ");
      const std::size_t begin = message.rfind('"', end - 1);
      out.table = message.substr(begin + 1, end - begin - 1);
      out.column = *column;
    } else if (auto table = Quoted(message, "Referenced table ", " not found")) {
      out.column = *table;
    } else if (auto field = Quoted(message, "Could not find key ", " in struct")) {
      out.field = *field;
    } else if (auto exclude = Quoted(message, "Column ", " in EXCLUDE list not found")) {
      out.exclude = *exclude;
    } else {
      return std::nullopt;
    }
    return out;
  }

  const std::string& name() const {
    return !field.empty() ? field : !exclude.empty() ? exclude : column;
  }
};

bool Same(const json& name, const std::string& other) {
  return name.is_string() && LowerName(name.get<std::string>()) == LowerName(other);
}

/// Which table each alias of the statement means; "" for a subquery's.
void CollectAliases(const json& node, std::map<std::string, std::string>* aliases) {
  if (node.is_array()) {
    for (const json& item : node) CollectAliases(item, aliases);
  }
  if (!node.is_object()) return;
  if (Text(node, "type") == "BASE_TABLE") {
    const std::string alias = Text(node, "alias");
    const std::string table = Text(node, "table_name");
    (*aliases)[LowerName(alias.empty() ? table : alias)] = LowerName(table);
  }
  if (Text(node, "type") == "SUBQUERY" && !Text(node, "alias").empty()) {
    (*aliases)[LowerName(Text(node, "alias"))] = "";
  }
  for (const auto& [key, value] : node.items()) CollectAliases(value, aliases);
}

/// What dotted names of the statement can mean.
class Scope {
 public:
  Scope(const std::vector<InputSchema>& inputs, const json& tree) : inputs_(inputs) {
    CollectAliases(tree, &aliases_);
  }

  /// Null: there is no such alias.
  const std::string* TableOf(const std::string& alias) const {
    const auto found = aliases_.find(LowerName(alias));
    return found == aliases_.end() ? nullptr : &found->second;
  }

  /// Whether these parts lead to a column or field that there is.
  bool Has(const json& parts) const { return !TypesOf(parts, parts.size()).empty(); }

  /// Whether all but the last lead to a struct, which has no such field.
  bool Lacks(const json& parts) const {
    return parts.size() > 1 && !Has(parts) && HasStruct(TypesOf(parts, parts.size() - 1));
  }
  bool LacksField(const json& parts, const std::string& field) const {
    json all = parts;
    all.push_back(field);
    return Lacks(all);
  }

  /// Whether this is a column of something in FROM, whatever that selects.
  bool IsQualified(const json& parts) const {
    return parts.size() == 2 && TableOf(parts.front().get<std::string>()) != nullptr;
  }

 private:
  using Types = std::vector<std::shared_ptr<arrow::DataType>>;

  static bool HasStruct(const Types& types) {
    return std::any_of(types.begin(), types.end(),
                       [](const auto& type) { return type->id() == arrow::Type::STRUCT; });
  }

  static std::shared_ptr<arrow::DataType> Find(const arrow::FieldVector& fields, const json& name) {
    for (const auto& field : fields) {
      if (Same(name, field->name())) return field->type();
    }
    return nullptr;
  }

  /// Of the first `count` parts: they begin with a column of any input, or with an alias before it.
  Types TypesOf(const json& parts, std::size_t count) const {
    Types types;
    for (const InputSchema& input : inputs_) {
      Walk(input, parts, 0, count, &types);
      const std::string* table = count > 1 ? TableOf(parts.front().get<std::string>()) : nullptr;
      if (table == nullptr) continue;
      const bool other_input =
          *table != LowerName(input.name) &&
          std::any_of(inputs_.begin(), inputs_.end(),
                      [&](const InputSchema& of) { return LowerName(of.name) == *table; });
      if (!other_input) Walk(input, parts, 1, count, &types);
    }
    return types;
  }

  static void Walk(const InputSchema& input, const json& parts, std::size_t from, std::size_t count,
                   Types* types) {
    auto type = Find(input.schema->fields(), parts.at(from));
    for (std::size_t i = from + 1; i < count && type != nullptr; ++i) {
      type = type->id() == arrow::Type::STRUCT ? Find(type->fields(), parts.at(i)) : nullptr;
    }
    if (type != nullptr) types->push_back(std::move(type));
  }

  const std::vector<InputSchema>& inputs_;
  std::map<std::string, std::string> aliases_;
};

class Replacing {
 public:
  /// `known`: of fields, only those that a struct of an input is known not to have.
  Replacing(const Missing& missing, const Scope& scope, bool known)
      : missing_(missing), scope_(scope), known_(known) {}

  bool Run(json* node) {
    if (node->is_array()) {
      for (json& item : *node) Run(&item);
      return replaced_;
    }
    if (!node->is_object()) return replaced_;
    if (Text(*node, "class") == "COLUMN_REF" && Names(node->at("column_names"))) {
      *node = Null(*node);
      return replaced_ = true;
    }
    if (!missing_.field.empty() && ReadsField(*node)) {
      *node = Null(*node);
      return replaced_ = true;
    }
    if (!missing_.exclude.empty() && Text(*node, "class") == "STAR") {
      json& list = node->at("exclude_list");
      const auto gone = std::remove_if(
          list.begin(), list.end(), [&](const json& name) { return Same(name, missing_.exclude); });
      replaced_ |= gone != list.end();
      list.erase(gone, list.end());
    }
    for (auto& [key, value] : node->items()) Run(&value);
    return replaced_;
  }

 private:
  bool Names(const json& names) const {
    if (!missing_.exclude.empty() || names.empty()) return false;
    if (!missing_.field.empty()) {
      if (names.size() < 2 || !Same(names.back(), missing_.field)) return false;
      return known_ ? scope_.Lacks(names) : !scope_.Has(names) && !scope_.IsQualified(names);
    }
    if (missing_.table.empty()) return Same(names.front(), missing_.column);
    return names.size() > 1 && Same(names.front(), missing_.table) &&
           Same(names.at(1), missing_.column);
  }

  /// `geo['lon']` and struct_extract(geo, 'lon').
  bool ReadsField(const json& node) const {
    const std::string function = Text(node, "function_name");
    const bool operation = Text(node, "type") == "ARRAY_EXTRACT" ||
                           Text(node, "type") == "STRUCT_EXTRACT" || function == "struct_extract" ||
                           function == "array_extract";
    if (!operation || node.find("children") == node.end()) return false;
    const json& children = node.at("children");
    if (children.size() != 2 || Text(children[1], "class") != "CONSTANT") return false;
    const auto value = children[1].find("value");
    if (value == children[1].end() || value->find("value") == value->end() ||
        !Same(value->at("value"), missing_.field)) {
      return false;
    }
    if (Text(children[0], "class") != "COLUMN_REF") return !known_;
    const json& of = children[0].at("column_names");
    return known_ ? scope_.LacksField(of, missing_.field) : !scope_.Has(of);
  }

  json Null(const json& of) const {
    std::string alias = Text(of, "alias");
    if (alias.empty()) alias = missing_.name();
    const auto names = of.find("column_names");
    if (Text(of, "alias").empty() && names != of.end()) alias = names->back().get<std::string>();
    return {{"class", "CONSTANT"},
            {"type", "VALUE_CONSTANT"},
            {"alias", alias},
            {"query_location", of.value("query_location", json(0))},
            {"value", {{"type", {{"id", kNullType}, {"type_info", nullptr}}}, {"is_null", true}}}};
  }

  const Missing& missing_;
  const Scope& scope_;
  const bool known_;
  bool replaced_ = false;
};

}  // namespace

bool ReplaceUnseen(const std::string& refusal, const std::vector<InputSchema>& inputs, json* tree,
                   std::string* name) {
  const std::optional<Missing> missing = Missing::Of(refusal);
  if (!missing) return false;
  const Scope scope(inputs, *tree);
  std::string table;
  if (!missing->table.empty()) {
    const std::string* found = scope.TableOf(missing->table);
    // A subquery's or CTE's columns are what it selects.
    if (found == nullptr || found->empty()) return false;
    table = *found;
  }
  const bool open = std::any_of(inputs.begin(), inputs.end(), [&](const InputSchema& input) {
    return input.open && (table.empty() || LowerName(input.name) == table);
  });
  if (!open) return false;
  json* statements = &tree->at("statements");
  if (!Replacing(*missing, scope, /*known=*/true).Run(statements) &&
      !Replacing(*missing, scope, /*known=*/false).Run(statements)) {
    return false;
  }
  *name = missing->name();
  return true;
}

void DropUnseenResults(const std::vector<std::string>& names, json* tree) {
  json& node = tree->at("statements")[0].at("node");
  if (Text(node, "type") != "SELECT_NODE") return;
  json& list = node.at("select_list");
  json kept = json::array();
  for (json& item : list) {
    const bool null = Text(item, "class") == "CONSTANT" &&
                      item.at("value").value("is_null", false) &&
                      Text(item.at("value").at("type"), "id") == kNullType;
    const bool unseen = null && std::any_of(names.begin(), names.end(), [&](const auto& name) {
                          return Same(item.at("alias"), name);
                        });
    if (!unseen) kept.push_back(std::move(item));
  }
  list = std::move(kept);
}

}  // namespace sluice
