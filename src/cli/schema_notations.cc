#include "cli/schema_notations.h"

#include <arrow/type.h>

namespace sluice {
namespace {

using Json = nlohmann::ordered_json;

Json SparkType(const arrow::DataType& type);

Json SparkStruct(const arrow::FieldVector& of) {
  Json fields = Json::array();
  for (const auto& field : of) {
    fields.push_back({{"name", field->name()},
                      {"type", SparkType(*field->type())},
                      {"nullable", field->nullable()},
                      {"metadata", Json::object()}});
  }
  return {{"type", "struct"}, {"fields", fields}};
}

Json SparkType(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::STRUCT:
      return SparkStruct(type.fields());
    case arrow::Type::LIST:
      return {{"type", "array"},
              {"elementType", SparkType(*type.field(0)->type())},
              {"containsNull", true}};
    case arrow::Type::MAP: {
      const auto& map = static_cast<const arrow::MapType&>(type);
      return {{"type", "map"},
              {"keyType", SparkType(*map.key_type())},
              {"valueType", SparkType(*map.item_type())},
              {"valueContainsNull", true}};
    }
    // Where Spark's JSON has other names than its DDL.
    case arrow::Type::INT8:
      return "byte";
    case arrow::Type::INT16:
      return "short";
    case arrow::Type::INT32:
      return "integer";
    case arrow::Type::INT64:
      return "long";
    default:
      return FormatDdlType(type);
  }
}

}  // namespace

Json SparkSchema(const arrow::Schema& schema) { return SparkStruct(schema.fields()); }

std::string HiveType(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::STRUCT: {
      std::string fields;
      for (const auto& field : type.fields()) {
        fields += (fields.empty() ? "" : ",") + field->name() + ":" + HiveType(*field->type());
      }
      return "struct<" + fields + ">";
    }
    case arrow::Type::LIST:
      return "array<" + HiveType(*type.field(0)->type()) + ">";
    case arrow::Type::MAP: {
      const auto& map = static_cast<const arrow::MapType&>(type);
      return "map<" + HiveType(*map.key_type()) + "," + HiveType(*map.item_type()) + ">";
    }
    case arrow::Type::TIMESTAMP:
      return "timestamp";
    default:
      return FormatDdlType(type);
  }
}

std::string PrintJson(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json GlueCreateTable(const GlueTable& table, const arrow::Schema& schema) {
  Json columns = Json::array();
  for (const auto& field : schema.fields()) {
    columns.push_back({{"Name", field->name()}, {"Type", HiveType(*field->type())}});
  }
  Json storage = {{"Columns", columns}};
  if (!table.location.empty()) storage["Location"] = table.location;
  return {{"DatabaseName", table.database},
          {"TableInput",
           {{"Name", table.name},
            {"TableType", "EXTERNAL_TABLE"},
            {"Parameters", table.parameters},
            {"StorageDescriptor", storage}}}};
}

}  // namespace sluice
