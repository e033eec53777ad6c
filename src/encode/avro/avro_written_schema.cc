#include "encode/avro/avro_written_schema.h"

#include <arrow/type.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "core/json_text.h"

namespace sluice {
namespace {

constexpr const char* kRoot = "topLevelRecord";

bool IsAvroName(std::string_view name) {
  const auto letter = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
  };
  return !name.empty() && letter(name[0]) && std::all_of(name.begin(), name.end(), [&](char c) {
    return letter(c) || (c >= '0' && c <= '9');
  });
}

std::string Path(const std::string& parent, const std::string& name) {
  return parent.empty() ? name : parent + "." + name;
}

Result<void> CheckType(const std::string& path, const arrow::DataType& type);

Result<void> CheckFields(const std::string& path, const arrow::FieldVector& fields) {
  std::set<std::string> names;
  for (const auto& field : fields) {
    const std::string column = Path(path, field->name());
    if (!IsAvroName(field->name())) {
      return UserError("avro.name", "column " + column + ": '" + field->name() +
                                        "' is no name in Avro, which takes letters A to Z, digits "
                                        "and _, no digit first; rename it in the SQL (AS)");
    }
    if (!names.insert(field->name()).second) {
      return UserError("avro.schema",
                       (path.empty() ? "two columns are" : "column " + path + " has two fields") +
                           std::string(" called '") + field->name() +
                           "'; rename one in the SQL (AS)");
    }
    TRY(CheckType(column, *field->type()));
  }
  return {};
}

Result<void> CheckType(const std::string& path, const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::STRUCT:
      if (type.num_fields() == 0) {
        return UserError("avro.type", "column " + path +
                                          " is a struct without fields, which no reader of Avro "
                                          "makes a column of; leave it out or give it a field");
      }
      return CheckFields(path, type.fields());
    case arrow::Type::LIST:
      return CheckType(path + ".element", *static_cast<const arrow::ListType&>(type).value_type());
    case arrow::Type::MAP: {
      const auto& map = static_cast<const arrow::MapType&>(type);
      if (map.key_type()->id() != arrow::Type::STRING) {
        return UserError("avro.type", "column " + path + " is " + FormatDdlType(type) +
                                          ", and the keys of Avro's maps are strings; cast them "
                                          "in the SQL");
      }
      return CheckType(path + ".value", *map.item_type());
    }
    default:
      return {};
  }
}

class SchemaWriter {
 public:
  explicit SchemaWriter(bool logical_types) : logical_types_(logical_types) {}

  void Record(const std::string& name, const std::string& space, const arrow::FieldVector& fields) {
    out_ += R"({"type":"record","name":)";
    AppendJsonString(name, &out_);
    if (!space.empty()) {
      out_ += R"(,"namespace":)";
      AppendJsonString(space, &out_);
    }
    out_ += R"(,"fields":[)";
    bool first = true;
    for (const auto& field : fields) {
      if (!first) out_ += ",";
      first = false;
      out_ += R"({"name":)";
      AppendJsonString(field->name(), &out_);
      out_ += R"(,"type":)";
      Nullable(field->nullable(), *field->type(), field->name(), Path(space, name));
      if (field->nullable()) out_ += R"(,"default":null)";
      out_ += "}";
    }
    out_ += "]}";
  }

  std::string Take() { return std::move(out_); }

 private:
  void Nullable(bool nullable, const arrow::DataType& type, const std::string& name,
                const std::string& space) {
    if (nullable) out_ += R"(["null",)";
    Type(type, name, space);
    if (nullable) out_ += "]";
  }

  void Logical(const char* type, const char* logical) {
    out_ += std::string(R"({"type":")") + type + R"(","logicalType":")" + logical + "\"}";
  }

  void Type(const arrow::DataType& type, const std::string& name, const std::string& space) {
    using arrow::Type;
    switch (type.id()) {
      case Type::BOOL:
        out_ += R"("boolean")";
        return;
      case Type::INT8:
      case Type::INT16:
      case Type::INT32:
        out_ += R"("int")";
        return;
      case Type::INT64:
        out_ += R"("long")";
        return;
      case Type::FLOAT:
        out_ += R"("float")";
        return;
      case Type::DOUBLE:
        out_ += R"("double")";
        return;
      case Type::BINARY:
        out_ += R"("bytes")";
        return;
      case Type::LIST: {
        const auto& item = *static_cast<const arrow::ListType&>(type).value_field();
        out_ += R"({"type":"array","items":)";
        Nullable(item.nullable(), *item.type(), name, space);
        out_ += "}";
        return;
      }
      case Type::MAP: {
        const auto& item = *static_cast<const arrow::MapType&>(type).item_field();
        out_ += R"({"type":"map","values":)";
        Nullable(item.nullable(), *item.type(), name, space);
        out_ += "}";
        return;
      }
      case Type::STRUCT:
        Record(name, space, type.fields());
        return;
      default:
        break;
    }
    if (!logical_types_ || type.id() == Type::STRING) {
      out_ += R"("string")";
    } else if (type.id() == Type::DATE32) {
      Logical("int", "date");
    } else if (type.id() == Type::TIMESTAMP) {
      const bool utc = !static_cast<const arrow::TimestampType&>(type).timezone().empty();
      Logical("long", utc ? "timestamp-micros" : "local-timestamp-micros");
    } else {
      const auto& decimal = static_cast<const arrow::Decimal128Type&>(type);
      out_ += R"({"type":"bytes","logicalType":"decimal","precision":)" +
              std::to_string(decimal.precision()) + R"(,"scale":)" +
              std::to_string(decimal.scale()) + "}";
    }
  }

  const bool logical_types_;
  std::string out_;
};

}  // namespace

Result<void> CheckAvroColumns(const arrow::Schema& schema) {
  return CheckFields("", schema.fields());
}

std::string AvroSchemaOf(const arrow::Schema& schema, bool logical_types) {
  SchemaWriter writer(logical_types);
  writer.Record(kRoot, "", schema.fields());
  return writer.Take();
}

}  // namespace sluice
