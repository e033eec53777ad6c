// CanonicalSchema of record/schema.h: from any Arrow type to the few that sluice uses.
#include <arrow/extension_type.h>
#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "record/schema.h"

namespace sluice {
namespace {

using TypePtr = std::shared_ptr<arrow::DataType>;
using FieldPtr = std::shared_ptr<arrow::Field>;

Result<TypePtr> CanonicalType(const TypePtr& type, const std::string& path);

/// Keeps the name, the nullability and the comment.
Result<FieldPtr> CanonicalField(const FieldPtr& field, const std::string& path) {
  TRY(TypePtr type, CanonicalType(field->type(), path));
  std::shared_ptr<arrow::KeyValueMetadata> metadata;
  if (field->metadata() != nullptr) {
    auto comment = field->metadata()->Get("comment");
    if (comment.ok()) metadata = arrow::key_value_metadata({"comment"}, {*comment});
  }
  return arrow::field(field->name(), std::move(type), field->nullable(), std::move(metadata));
}

Result<std::vector<FieldPtr>> CanonicalFields(const std::vector<FieldPtr>& fields,
                                              const std::string& prefix) {
  std::vector<FieldPtr> out;
  std::set<std::string> names;
  for (const auto& field : fields) {
    std::string path = prefix.empty() ? field->name() : prefix + "." + field->name();
    if (!names.insert(field->name()).second) {
      return UserError("schema.duplicate",
                       "there are two columns called '" + path + "'; rename one with AS");
    }
    TRY(auto canonical, CanonicalField(field, path));
    out.push_back(std::move(canonical));
  }
  return out;
}

Error Unmappable(const arrow::DataType& type, const std::string& path, const std::string& advice) {
  return UserError("schema.type", "column '" + path + "' has the type " + type.ToString() +
                                      ", which sluice has no column type for; " + advice);
}

Result<TypePtr> CanonicalDecimal(const TypePtr& type, const std::string& path) {
  const auto& decimal = static_cast<const arrow::DecimalType&>(*type);
  if (decimal.precision() > 38 || decimal.scale() < 0 || decimal.scale() > decimal.precision()) {
    return Unmappable(*type, path, "cast it to decimal(38, s)");
  }
  return arrow::decimal128(decimal.precision(), decimal.scale());
}

Result<TypePtr> CanonicalList(const TypePtr& type, const std::string& path) {
  TRY(TypePtr element, CanonicalType(type->field(0)->type(), path + ".element"));
  return arrow::list(arrow::field("element", std::move(element)));
}

Result<TypePtr> CanonicalType(const TypePtr& type, const std::string& path) {
  using arrow::Type;
  switch (type->id()) {
    case Type::BOOL:
    case Type::INT8:
    case Type::INT16:
    case Type::INT32:
    case Type::INT64:
    case Type::FLOAT:
    case Type::DOUBLE:
    case Type::DATE32:
      return type;
    case Type::STRING:
    case Type::LARGE_STRING:
    case Type::STRING_VIEW:
      return arrow::utf8();
    case Type::BINARY:
    case Type::LARGE_BINARY:
    case Type::BINARY_VIEW:
    case Type::FIXED_SIZE_BINARY:
      return arrow::binary();
    // Unsigned integers widen to the next signed type that holds them all.
    case Type::UINT8:
      return arrow::int16();
    case Type::UINT16:
      return arrow::int32();
    case Type::UINT32:
      return arrow::int64();
    case Type::UINT64:
      return arrow::decimal128(20, 0);
    case Type::HALF_FLOAT:
      return arrow::float32();
    case Type::DATE64:
      return arrow::date32();
    case Type::TIMESTAMP: {
      const auto& timestamp = static_cast<const arrow::TimestampType&>(*type);
      return arrow::timestamp(arrow::TimeUnit::MICRO, timestamp.timezone().empty() ? "" : "UTC");
    }
    case Type::DECIMAL32:
    case Type::DECIMAL64:
    case Type::DECIMAL128:
    case Type::DECIMAL256:
      return CanonicalDecimal(type, path);
    case Type::LIST:
    case Type::LARGE_LIST:
    case Type::FIXED_SIZE_LIST:
    case Type::LIST_VIEW:
    case Type::LARGE_LIST_VIEW:
      return CanonicalList(type, path);
    case Type::MAP: {
      const auto& map = static_cast<const arrow::MapType&>(*type);
      TRY(TypePtr key, CanonicalType(map.key_type(), path + ".key"));
      TRY(TypePtr value, CanonicalType(map.item_type(), path + ".value"));
      return arrow::map(std::move(key), std::move(value));
    }
    case Type::STRUCT: {
      if (type->num_fields() == 0) {
        return Unmappable(*type, path, "give the struct at least one field");
      }
      TRY(auto fields, CanonicalFields(type->fields(), path));
      return arrow::struct_(fields);
    }
    case Type::DICTIONARY:
      return CanonicalType(static_cast<const arrow::DictionaryType&>(*type).value_type(), path);
    case Type::RUN_END_ENCODED:
      return CanonicalType(static_cast<const arrow::RunEndEncodedType&>(*type).value_type(), path);
    case Type::EXTENSION:
      return CanonicalType(static_cast<const arrow::ExtensionType&>(*type).storage_type(), path);
    case Type::NA:
      return Unmappable(*type, path, "cast the NULL to a type, for example CAST(NULL AS string)");
    default:
      return Unmappable(*type, path, "cast it to another type, for example to string");
  }
}

}  // namespace

Result<SchemaPtr> CanonicalSchema(const arrow::Schema& schema) {
  TRY(auto fields, CanonicalFields(schema.fields(), ""));
  return arrow::schema(std::move(fields));
}

}  // namespace sluice
