#include "record/schema.h"

#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>

#include <string>
#include <string_view>

namespace sluice {
namespace {

bool IsPlainName(std::string_view name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  for (char c : name) {
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_')) {
      return false;
    }
  }
  return true;
}

void AppendName(std::string_view name, std::string* out) {
  if (IsPlainName(name)) {
    out->append(name);
    return;
  }
  out->push_back('`');
  for (char c : name) {
    if (c == '`') out->push_back('`');
    out->push_back(c);
  }
  out->push_back('`');
}

void AppendComment(std::string_view comment, std::string* out) {
  out->append(" COMMENT '");
  for (char c : comment) {
    switch (c) {
      case '\'':
      case '\\':
        out->push_back('\\');
        out->push_back(c);
        break;
      case '\n':
        out->append("\\n");
        break;
      case '\r':
        out->append("\\r");
        break;
      case '\t':
        out->append("\\t");
        break;
      default:
        out->push_back(c);
    }
  }
  out->push_back('\'');
}

void AppendType(const arrow::DataType& type, std::string* out);

void AppendField(const arrow::Field& field, char separator, std::string* out) {
  AppendName(field.name(), out);
  out->push_back(separator);
  AppendType(*field.type(), out);
  if (!field.nullable()) out->append(" NOT NULL");
  if (field.metadata() != nullptr) {
    auto comment = field.metadata()->Get("comment");
    if (comment.ok()) AppendComment(*comment, out);
  }
}

void AppendType(const arrow::DataType& type, std::string* out) {
  switch (type.id()) {
    case arrow::Type::BOOL:
      out->append("boolean");
      return;
    case arrow::Type::INT8:
      out->append("tinyint");
      return;
    case arrow::Type::INT16:
      out->append("smallint");
      return;
    case arrow::Type::INT32:
      out->append("int");
      return;
    case arrow::Type::INT64:
      out->append("bigint");
      return;
    case arrow::Type::FLOAT:
      out->append("float");
      return;
    case arrow::Type::DOUBLE:
      out->append("double");
      return;
    case arrow::Type::STRING:
      out->append("string");
      return;
    case arrow::Type::BINARY:
      out->append("binary");
      return;
    case arrow::Type::DATE32:
      out->append("date");
      return;
    case arrow::Type::TIMESTAMP: {
      const auto& timestamp = static_cast<const arrow::TimestampType&>(type);
      out->append(timestamp.timezone().empty() ? "timestamp_ntz" : "timestamp");
      return;
    }
    case arrow::Type::DECIMAL128: {
      const auto& decimal = static_cast<const arrow::DecimalType&>(type);
      out->append("decimal(" + std::to_string(decimal.precision()) + "," +
                  std::to_string(decimal.scale()) + ")");
      return;
    }
    case arrow::Type::LIST:
      out->append("array<");
      AppendType(*type.field(0)->type(), out);
      out->push_back('>');
      return;
    case arrow::Type::MAP: {
      const auto& map = static_cast<const arrow::MapType&>(type);
      out->append("map<");
      AppendType(*map.key_type(), out);
      out->push_back(',');
      AppendType(*map.item_type(), out);
      out->push_back('>');
      return;
    }
    case arrow::Type::STRUCT:
      out->append("struct<");
      for (int i = 0; i < type.num_fields(); ++i) {
        if (i > 0) out->push_back(',');
        AppendField(*type.field(i), ':', out);
      }
      out->push_back('>');
      return;
    default:
      // Not canonical: shown as Arrow writes it, for messages only.
      out->append(type.ToString());
  }
}

}  // namespace

std::string FormatDdlType(const arrow::DataType& type) {
  std::string out;
  AppendType(type, &out);
  return out;
}

std::string FormatDdl(const arrow::Schema& schema) {
  std::string out;
  for (int i = 0; i < schema.num_fields(); ++i) {
    if (i > 0) out.append(", ");
    AppendField(*schema.field(i), ' ', &out);
  }
  return out;
}

}  // namespace sluice
