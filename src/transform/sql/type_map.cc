#include "transform/sql/type_map.h"

#include <arrow/type.h>

#include <vector>

namespace sluice {
namespace {

DuckType Simple(duckdb_type type) { return DuckType(duckdb_create_logical_type(type)); }

std::string TypeName(duckdb_type type) {
  switch (type) {
    case DUCKDB_TYPE_TIME:
      return "TIME";
    case DUCKDB_TYPE_TIME_NS:
      return "TIME_NS";
    case DUCKDB_TYPE_TIME_TZ:
      return "TIME WITH TIME ZONE";
    case DUCKDB_TYPE_INTERVAL:
      return "INTERVAL";
    case DUCKDB_TYPE_TIMESTAMP_NS:
      return "TIMESTAMP_NS";
    case DUCKDB_TYPE_BIT:
      return "BIT";
    case DUCKDB_TYPE_UNION:
      return "UNION";
    case DUCKDB_TYPE_BIGNUM:
      return "BIGNUM";
    case DUCKDB_TYPE_GEOMETRY:
      return "GEOMETRY";
    case DUCKDB_TYPE_VARIANT:
      return "VARIANT";
    default:
      return "DuckDB's type " + std::to_string(static_cast<int>(type));
  }
}

Result<std::shared_ptr<arrow::DataType>> StructType(duckdb_logical_type type,
                                                    const std::string& column) {
  arrow::FieldVector fields;
  const idx_t n = duckdb_struct_type_child_count(type);
  for (idx_t i = 0; i < n; ++i) {
    char* raw = duckdb_struct_type_child_name(type, i);
    const std::string name = raw;
    duckdb_free(raw);
    DuckType child(duckdb_struct_type_child_type(type, i));
    TRY(auto child_type, ToArrowType(child.get(), column + "." + name));
    fields.push_back(arrow::field(name, std::move(child_type)));
  }
  return arrow::struct_(fields);
}

std::shared_ptr<arrow::DataType> ListOf(std::shared_ptr<arrow::DataType> type) {
  return arrow::list(arrow::field("element", std::move(type)));
}

}  // namespace

DuckType ToDuckType(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::BOOL:
      return Simple(DUCKDB_TYPE_BOOLEAN);
    case arrow::Type::INT8:
      return Simple(DUCKDB_TYPE_TINYINT);
    case arrow::Type::INT16:
      return Simple(DUCKDB_TYPE_SMALLINT);
    case arrow::Type::INT32:
      return Simple(DUCKDB_TYPE_INTEGER);
    case arrow::Type::INT64:
      return Simple(DUCKDB_TYPE_BIGINT);
    case arrow::Type::FLOAT:
      return Simple(DUCKDB_TYPE_FLOAT);
    case arrow::Type::DOUBLE:
      return Simple(DUCKDB_TYPE_DOUBLE);
    case arrow::Type::STRING:
      return Simple(DUCKDB_TYPE_VARCHAR);
    case arrow::Type::BINARY:
      return Simple(DUCKDB_TYPE_BLOB);
    case arrow::Type::DATE32:
      return Simple(DUCKDB_TYPE_DATE);
    case arrow::Type::TIMESTAMP: {
      const auto& timestamp = static_cast<const arrow::TimestampType&>(type);
      if (timestamp.unit() != arrow::TimeUnit::MICRO) return {};
      return Simple(timestamp.timezone().empty() ? DUCKDB_TYPE_TIMESTAMP
                                                 : DUCKDB_TYPE_TIMESTAMP_TZ);
    }
    case arrow::Type::DECIMAL128: {
      const auto& decimal = static_cast<const arrow::Decimal128Type&>(type);
      if (decimal.scale() < 0 || decimal.scale() > decimal.precision()) return {};
      return DuckType(duckdb_create_decimal_type(static_cast<std::uint8_t>(decimal.precision()),
                                                 static_cast<std::uint8_t>(decimal.scale())));
    }
    case arrow::Type::LIST: {
      DuckType child = ToDuckType(*static_cast<const arrow::ListType&>(type).value_type());
      if (!child) return {};
      return DuckType(duckdb_create_list_type(child.get()));
    }
    case arrow::Type::MAP: {
      const auto& map = static_cast<const arrow::MapType&>(type);
      DuckType key = ToDuckType(*map.key_type());
      DuckType value = ToDuckType(*map.item_type());
      if (!key || !value) return {};
      return DuckType(duckdb_create_map_type(key.get(), value.get()));
    }
    case arrow::Type::STRUCT: {
      std::vector<DuckType> children;
      std::vector<duckdb_logical_type> types;
      std::vector<const char*> names;
      if (type.num_fields() == 0) return {};
      for (const auto& field : type.fields()) {
        children.push_back(ToDuckType(*field->type()));
        if (!children.back()) return {};
        types.push_back(children.back().get());
        names.push_back(field->name().c_str());
      }
      return DuckType(duckdb_create_struct_type(types.data(), names.data(), types.size()));
    }
    default:
      return {};
  }
}

Result<std::shared_ptr<arrow::DataType>> ToArrowType(duckdb_logical_type type,
                                                     const std::string& column) {
  const duckdb_type id = duckdb_get_type_id(type);
  switch (id) {
    case DUCKDB_TYPE_BOOLEAN:
      return arrow::boolean();
    case DUCKDB_TYPE_TINYINT:
      return arrow::int8();
    case DUCKDB_TYPE_SMALLINT:
      return arrow::int16();
    case DUCKDB_TYPE_INTEGER:
      return arrow::int32();
    case DUCKDB_TYPE_SQLNULL:
      return arrow::int32();  // What DuckDB itself makes of an untyped NULL.
    case DUCKDB_TYPE_BIGINT:
      return arrow::int64();
    case DUCKDB_TYPE_UTINYINT:
      return arrow::int16();
    case DUCKDB_TYPE_USMALLINT:
      return arrow::int32();
    case DUCKDB_TYPE_UINTEGER:
      return arrow::int64();
    case DUCKDB_TYPE_UBIGINT:
      return arrow::decimal128(20, 0);
    case DUCKDB_TYPE_HUGEINT:
    case DUCKDB_TYPE_UHUGEINT:
      return arrow::decimal128(38, 0);
    case DUCKDB_TYPE_FLOAT:
      return arrow::float32();
    case DUCKDB_TYPE_DOUBLE:
      return arrow::float64();
    case DUCKDB_TYPE_DECIMAL:
      return arrow::decimal128(duckdb_decimal_width(type), duckdb_decimal_scale(type));
    case DUCKDB_TYPE_VARCHAR:
    case DUCKDB_TYPE_ENUM:
    case DUCKDB_TYPE_UUID:
      return arrow::utf8();
    case DUCKDB_TYPE_BLOB:
      return arrow::binary();
    case DUCKDB_TYPE_DATE:
      return arrow::date32();
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_TIMESTAMP_S:
    case DUCKDB_TYPE_TIMESTAMP_MS:
      return arrow::timestamp(arrow::TimeUnit::MICRO);
    case DUCKDB_TYPE_TIMESTAMP_TZ:
      return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
    case DUCKDB_TYPE_LIST: {
      DuckType child(duckdb_list_type_child_type(type));
      TRY(auto child_type, ToArrowType(child.get(), column + "[]"));
      return ListOf(std::move(child_type));
    }
    case DUCKDB_TYPE_ARRAY: {
      DuckType child(duckdb_array_type_child_type(type));
      TRY(auto child_type, ToArrowType(child.get(), column + "[]"));
      return ListOf(std::move(child_type));
    }
    case DUCKDB_TYPE_MAP: {
      DuckType key(duckdb_map_type_key_type(type));
      DuckType value(duckdb_map_type_value_type(type));
      TRY(auto key_type, ToArrowType(key.get(), column + ".key"));
      TRY(auto value_type, ToArrowType(value.get(), column + ".value"));
      return arrow::map(std::move(key_type), std::move(value_type));
    }
    case DUCKDB_TYPE_STRUCT:
      return StructType(type, column);
    default:
      break;
  }
  std::string advice = "CAST(" + column + " AS VARCHAR)";
  if (id == DUCKDB_TYPE_TIMESTAMP_NS) advice = "CAST(" + column + " AS TIMESTAMP)";
  return UserError("sql.type", "column \"" + column + "\" is " + TypeName(id) +
                                   ", which no sink can hold; return " + advice + " instead");
}

}  // namespace sluice
