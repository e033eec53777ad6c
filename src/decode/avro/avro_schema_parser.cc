// AvroSchema::Parse.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <deque>
#include <map>
#include <set>
#include <utility>

#include "decode/avro/avro_default.h"
#include "decode/avro/avro_json.h"
#include "decode/avro/avro_schema.h"

namespace sluice {
namespace {

constexpr int kMaxDepth = 100;
constexpr std::size_t kMaxNodes = 10'000;
constexpr std::size_t kMaxNameBytes = 255;
constexpr std::int64_t kMaxFixedBytes = 16 << 20;

const std::map<std::string, AvroType, std::less<>>& Primitives() {
  static const auto& names = *new std::map<std::string, AvroType, std::less<>>{
      {"null", AvroType::kNull},   {"boolean", AvroType::kBoolean}, {"int", AvroType::kInt},
      {"long", AvroType::kLong},   {"float", AvroType::kFloat},     {"double", AvroType::kDouble},
      {"bytes", AvroType::kBytes}, {"string", AvroType::kString},
  };
  return names;
}

struct LogicalName {
  const char* name;
  AvroLogical logical;
  AvroType base;
};

constexpr LogicalName kLogicalNames[] = {
    {"decimal", AvroLogical::kDecimal, AvroType::kBytes},
    {"decimal", AvroLogical::kDecimal, AvroType::kFixed},
    {"uuid", AvroLogical::kUuid, AvroType::kString},
    {"uuid", AvroLogical::kUuid, AvroType::kFixed},
    {"date", AvroLogical::kDate, AvroType::kInt},
    {"time-millis", AvroLogical::kTimeMillis, AvroType::kInt},
    {"time-micros", AvroLogical::kTimeMicros, AvroType::kLong},
    {"timestamp-millis", AvroLogical::kTimestampMillis, AvroType::kLong},
    {"timestamp-micros", AvroLogical::kTimestampMicros, AvroType::kLong},
    {"timestamp-nanos", AvroLogical::kTimestampNanos, AvroType::kLong},
    {"local-timestamp-millis", AvroLogical::kLocalTimestampMillis, AvroType::kLong},
    {"local-timestamp-micros", AvroLogical::kLocalTimestampMicros, AvroType::kLong},
    {"local-timestamp-nanos", AvroLogical::kLocalTimestampNanos, AvroType::kLong},
    {"duration", AvroLogical::kDuration, AvroType::kFixed},
};

bool IsSimpleName(std::string_view name) {
  if (name.empty() || name.size() > kMaxNameBytes || (name[0] >= '0' && name[0] <= '9')) {
    return false;
  }
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

bool IsFullName(std::string_view name) {
  if (name.size() > kMaxNameBytes) return false;
  for (;;) {
    const std::size_t dot = name.find('.');
    if (!IsSimpleName(name.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

Error BadName(const std::string& what, const AvroJson& json) {
  return AvroSchemaError(
      what +
          " must begin with a letter or '_', have only letters, digits and '_', and no more "
          "than " +
          std::to_string(kMaxNameBytes) + " bytes",
      json.place);
}

std::string_view SpaceOf(std::string_view full_name) {
  const std::size_t dot = full_name.rfind('.');
  return dot == std::string_view::npos ? std::string_view() : full_name.substr(0, dot);
}

std::string Qualify(std::string_view name, std::string_view space) {
  if (space.empty() || name.find('.') != std::string_view::npos) return std::string(name);
  return std::string(space) + "." + std::string(name);
}

Result<std::int64_t> ReadInteger(const AvroJson& json, const std::string& what, std::int64_t least,
                                 std::int64_t most) {
  std::int64_t value = 0;
  const char* end = json.text.data() + json.text.size();
  const auto read = std::from_chars(json.text.data(), end, value);
  if (!json.is(AvroJson::Kind::kNumber) || read.ec != std::errc() || read.ptr != end ||
      value < least || value > most) {
    return AvroSchemaError(what + " must be a whole number from " + std::to_string(least) + " to " +
                               std::to_string(most),
                           json.place);
  }
  return value;
}

class Parser {
 public:
  Parser(AvroSchema* schema, AvroSchema::Options options) : schema_(schema), options_(options) {}

  /// Makes the names of a text known. `json` stays until Parse.
  Result<void> Refer(const AvroJson& json) {
    TRY(ParseType(json, "", 0));
    return {};
  }

  Result<void> Parse(const AvroJson& json) {
    TRY(const AvroNode* root, ParseType(json, "", 0));
    // Defaults last: the types they need may be defined behind them. Inner ones first, for a
    // record's default may lean on those of its fields.
    for (const Default& one : defaults_) {
      AvroField& field = one.record->fields[one.field];
      TRY(encoder_.Encode(*field.type, *one.json, &field.default_value));
      field.has_default = true;
    }
    schema_->set_root(root);
    return {};
  }

 private:
  using Kind = AvroJson::Kind;

  struct Default {
    AvroNode* record;
    std::size_t field;
    const AvroJson* json;
  };

  Result<AvroNode*> Add(AvroType type, const AvroJson& json) {
    if (++nodes_ > kMaxNodes) {
      return AvroSchemaError(
          "the schema has more than " + std::to_string(kMaxNodes) + " types and fields",
          json.place);
    }
    return schema_->Add(type);
  }

  Result<const AvroNode*> ParseType(const AvroJson& json, const std::string& space, int depth) {
    if (depth > kMaxDepth) {
      return AvroSchemaError("types are nested more than " + std::to_string(kMaxDepth) + " deep",
                             json.place);
    }
    if (json.is(Kind::kString)) return ParseName(json, space);
    if (json.is(Kind::kArray)) return ParseUnion(json, space, depth);
    if (!json.is(Kind::kObject)) {
      return AvroSchemaError(std::string("expected a type: a name, an object or an array of types; "
                                         "found ") +
                                 json.Describe(),
                             json.place);
    }
    const AvroJson* type = json.Find("type");
    if (type == nullptr) return AvroSchemaError("this type has no \"type\"", json.place);
    if (!type->is(Kind::kString)) return ParseType(*type, space, depth + 1);
    if (type->text == "record" || type->text == "error") return ParseRecord(json, space, depth);
    if (type->text == "enum") return ParseEnum(json, space);
    if (type->text == "fixed") return ParseFixed(json, space);
    if (type->text == "array") return ParseItems(json, AvroType::kArray, "items", space, depth);
    if (type->text == "map") return ParseItems(json, AvroType::kMap, "values", space, depth);
    const auto primitive = Primitives().find(type->text);
    if (primitive == Primitives().end()) return ParseName(*type, space);
    TRY(AvroNode * node, Add(primitive->second, json));
    TRY(ReadLogical(json, node));
    return node;
  }

  Result<const AvroNode*> ParseName(const AvroJson& json, const std::string& space) {
    const auto primitive = Primitives().find(json.text);
    if (primitive != Primitives().end()) {
      TRY(const AvroNode* node, Add(primitive->second, json));
      return node;
    }
    auto found = named_.find(Qualify(json.text, space));
    if (found == named_.end()) found = named_.find(json.text);
    if (found == named_.end()) {
      return AvroSchemaError(
          "there is no type '" + json.text.substr(0, kMaxNameBytes) +
              "' here; types are null, boolean, int, long, float, double, bytes, string, record, "
              "enum, array, map, fixed, and names defined before",
          json.place);
    }
    return found->second;
  }

  Result<const AvroNode*> ParseUnion(const AvroJson& json, const std::string& space, int depth) {
    TRY(AvroNode * node, Add(AvroType::kUnion, json));
    std::set<std::string> kinds;
    for (const AvroJson& item : json.items) {
      TRY(const AvroNode* branch, ParseType(item, space, depth + 1));
      if (branch->is(AvroType::kUnion)) {
        return AvroSchemaError("a union cannot stand directly in a union", item.place);
      }
      const std::string kind = branch->has_name() ? branch->name : DescribeAvroType(*branch);
      if (!kinds.insert(kind).second) {
        return AvroSchemaError("this union has " + DescribeAvroType(*branch) + " twice",
                               item.place);
      }
      node->branches.push_back(branch);
    }
    return node;
  }

  Result<const AvroNode*> ParseItems(const AvroJson& json, AvroType type, const char* key,
                                     const std::string& space, int depth) {
    const AvroJson* items = json.Find(key);
    if (items == nullptr) {
      return AvroSchemaError(
          type == AvroType::kArray ? "this array has no \"items\"" : "this map has no \"values\"",
          json.place);
    }
    TRY(AvroNode * node, Add(type, json));
    TRY(const AvroNode* item, ParseType(*items, space, depth + 1));
    node->branches.push_back(item);
    return node;
  }

  /// Reads name, namespace and aliases and makes the type known.
  Result<AvroNode*> Define(AvroType type, const AvroJson& json, const std::string& space) {
    const AvroJson* name = json.Find("name");
    if (name == nullptr || !name->is(Kind::kString)) {
      return AvroSchemaError("this type has no \"name\"", json.place);
    }
    TRY(AvroNode * node, Add(type, json));
    std::string own_space = space;
    if (const AvroJson* given = json.Find("namespace");
        given != nullptr && !given->is(Kind::kNull)) {
      if (!given->is(Kind::kString) || !(given->text.empty() || IsFullName(given->text))) {
        return BadName("each part of a namespace", *given);
      }
      own_space = given->text;
    }
    node->name = Qualify(name->text, own_space);
    if (!IsFullName(node->name)) return BadName("each part of a name", *name);
    if (Primitives().contains(node->name)) {
      return AvroSchemaError("'" + node->name + "' is a type of Avro's own", name->place);
    }
    if (!named_.emplace(node->name, node).second) {
      return AvroSchemaError("the type '" + node->name + "' is defined twice", name->place);
    }
    TRY(auto aliases, ReadAliases(json));
    for (const std::string& alias : aliases) {
      node->aliases.push_back(Qualify(alias, SpaceOf(node->name)));
    }
    return node;
  }

  Result<std::vector<std::string>> ReadAliases(const AvroJson& json) {
    std::vector<std::string> out;
    const AvroJson* aliases = json.Find("aliases");
    if (aliases == nullptr || aliases->is(Kind::kNull)) return out;
    if (!aliases->is(Kind::kArray)) {
      return AvroSchemaError("\"aliases\" must be an array of names", aliases->place);
    }
    for (const AvroJson& alias : aliases->items) {
      if (!alias.is(Kind::kString) || !IsFullName(alias.text)) {
        return BadName("each part of an alias", alias);
      }
      out.push_back(alias.text);
    }
    return out;
  }

  Result<const AvroNode*> ParseRecord(const AvroJson& json, const std::string& space, int depth) {
    TRY(AvroNode * node, Define(AvroType::kRecord, json, space));
    const std::string inner(SpaceOf(node->name));
    const AvroJson* fields = json.Find("fields");
    if (fields == nullptr || !fields->is(Kind::kArray)) {
      return AvroSchemaError("the record '" + node->name + "' needs \"fields\", an array",
                             (fields == nullptr ? json : *fields).place);
    }
    std::set<std::string> names;
    for (const AvroJson& item : fields->items) {
      const AvroJson* name = item.Find("name");
      const AvroJson* type = item.Find("type");
      if (!item.is(Kind::kObject) || name == nullptr || type == nullptr) {
        return AvroSchemaError("a field needs \"name\" and \"type\"", item.place);
      }
      if (!name->is(Kind::kString) || !IsSimpleName(name->text)) {
        return BadName("a field's name", *name);
      }
      if (!names.insert(name->text).second) {
        return AvroSchemaError(
            "the record '" + node->name + "' has two fields '" + name->text + "'", name->place);
      }
      AvroField field;
      field.name = name->text;
      TRY(field.aliases, ReadAliases(item));
      TRY(field.type, ParseType(*type, inner, depth + 1));
      node->fields.push_back(std::move(field));
      if (const AvroJson* value = item.Find("default")) {
        defaults_.push_back({node, node->fields.size() - 1, value});
      }
    }
    return node;
  }

  Result<const AvroNode*> ParseEnum(const AvroJson& json, const std::string& space) {
    TRY(AvroNode * node, Define(AvroType::kEnum, json, space));
    const AvroJson* symbols = json.Find("symbols");
    if (symbols == nullptr || !symbols->is(Kind::kArray)) {
      return AvroSchemaError("the enum '" + node->name + "' needs \"symbols\", an array of names",
                             (symbols == nullptr ? json : *symbols).place);
    }
    std::set<std::string_view> seen;
    for (const AvroJson& symbol : symbols->items) {
      if (!symbol.is(Kind::kString) || !IsSimpleName(symbol.text)) {
        return BadName("a symbol of an enum", symbol);
      }
      if (!seen.insert(symbol.text).second) {
        return AvroSchemaError("the enum '" + node->name + "' has '" + symbol.text + "' twice",
                               symbol.place);
      }
      node->symbols.push_back(symbol.text);
    }
    if (const AvroJson* value = json.Find("default")) {
      const auto found = std::find(node->symbols.begin(), node->symbols.end(), value->text);
      if (!value->is(Kind::kString) || found == node->symbols.end()) {
        return AvroSchemaError(
            "the default of the enum '" + node->name + "' is none of its symbols", value->place);
      }
      node->default_symbol = static_cast<std::int32_t>(found - node->symbols.begin());
    }
    return node;
  }

  Result<const AvroNode*> ParseFixed(const AvroJson& json, const std::string& space) {
    TRY(AvroNode * node, Define(AvroType::kFixed, json, space));
    const AvroJson* size = json.Find("size");
    if (size == nullptr) {
      return AvroSchemaError("the fixed '" + node->name + "' needs \"size\"", json.place);
    }
    TRY(node->size,
        ReadInteger(*size, "the size of the fixed '" + node->name + "'", 0, kMaxFixedBytes));
    TRY(ReadLogical(json, node));
    return node;
  }

  Result<void> ReadLogical(const AvroJson& json, AvroNode* node) {
    const AvroJson* name = json.Find("logicalType");
    if (!options_.logical_types || name == nullptr || !name->is(Kind::kString)) return {};
    const auto* found = std::find_if(
        std::begin(kLogicalNames), std::end(kLogicalNames),
        [&](const auto& one) { return one.name == name->text && one.base == node->type; });
    if (found == std::end(kLogicalNames)) return {};
    switch (found->logical) {
      case AvroLogical::kDecimal:
        return ReadDecimal(json, node);
      case AvroLogical::kUuid:
        if (node->is(AvroType::kFixed) && node->size != 16) return {};
        break;
      case AvroLogical::kDuration:
        if (node->size != 12) return {};
        break;
      default:
        break;
    }
    node->logical = found->logical;
    return {};
  }

  /// A decimal that cannot be is ignored, as the specification wants: its bytes are read.
  Result<void> ReadDecimal(const AvroJson& json, AvroNode* node) {
    const AvroJson* precision = json.Find("precision");
    const AvroJson* scale = json.Find("scale");
    if (precision == nullptr) return {};
    const auto digits = ReadInteger(*precision, "precision", 1, 1'000'000);
    if (!digits.ok()) return {};
    std::int64_t behind = 0;
    if (scale != nullptr) {
      const auto read = ReadInteger(*scale, "scale", 0, *digits);
      if (!read.ok()) return {};
      behind = *read;
    }
    // A fixed of n bytes holds every number of floor(log10(2^(8n-1)-1)) digits, and no more.
    if (node->is(AvroType::kFixed) &&
        static_cast<double>(*digits) >
            std::floor(static_cast<double>(8 * node->size - 1) * std::log10(2.0))) {
      return {};
    }
    node->logical = AvroLogical::kDecimal;
    node->precision = static_cast<int>(*digits);
    node->scale = static_cast<int>(behind);
    return {};
  }

  AvroSchema* schema_;
  AvroSchema::Options options_;
  std::size_t nodes_ = 0;
  std::map<std::string, const AvroNode*, std::less<>> named_;
  std::vector<Default> defaults_;
  AvroDefaultEncoder encoder_;
};

}  // namespace

Result<std::shared_ptr<const AvroSchema>> AvroSchema::Parse(std::string_view json,
                                                            Options options) {
  TRY(const AvroJson tree, ParseAvroJson(json));
  auto schema = std::make_shared<AvroSchema>();
  Parser parser(schema.get(), options);
  // Their defaults are read with those of the schema itself, so the trees stay where they are.
  std::deque<AvroJson> references;
  for (std::size_t i = 0; options.references != nullptr && i < options.references->size(); ++i) {
    const std::string where = "reference " + std::to_string(i + 1);
    auto reference = ParseAvroJson((*options.references)[i]);
    if (!reference.ok()) return std::move(reference).error().At(where);
    references.push_back(*std::move(reference));
    auto known = parser.Refer(references.back());
    if (!known.ok()) return std::move(known).error().At(where);
  }
  TRY(parser.Parse(tree));
  return std::shared_ptr<const AvroSchema>(std::move(schema));
}

}  // namespace sluice
