#include "record/json_row.h"

#include <arrow/array.h>
#include <arrow/scalar.h>
#include <arrow/type.h>

#include <cmath>

#include "core/base64.h"
#include "core/json_text.h"
#include "record/value_text.h"

namespace sluice {
namespace {

/// JSON has no word for NaN and infinities: they are strings.
template <typename Number>
void AppendJsonReal(Number number, std::string* out) {
  const bool finite = std::isfinite(number);
  if (!finite) out->push_back('"');
  AppendRealText(number, out);
  if (!finite) out->push_back('"');
}

/// A map's key must be a JSON string: other types' text is quoted.
void AppendKey(const arrow::Array& keys, std::int64_t row, std::string* out) {
  std::string key;
  AppendJsonValue(keys, row, &key);
  if (!key.empty() && key.front() == '"') {
    out->append(key);
  } else {
    AppendJsonString(key, out);
  }
}

}  // namespace

void AppendJsonValue(const arrow::Array& column, std::int64_t row, std::string* out) {
  using arrow::Type;
  if (column.IsNull(row)) {
    out->append("null");
    return;
  }
  switch (column.type_id()) {
    case Type::BOOL:
      out->append(static_cast<const arrow::BooleanArray&>(column).Value(row) ? "true" : "false");
      return;
    case Type::INT8:
      AppendIntegerText(static_cast<const arrow::Int8Array&>(column).Value(row), out);
      return;
    case Type::INT16:
      AppendIntegerText(static_cast<const arrow::Int16Array&>(column).Value(row), out);
      return;
    case Type::INT32:
      AppendIntegerText(static_cast<const arrow::Int32Array&>(column).Value(row), out);
      return;
    case Type::INT64:
      AppendIntegerText(static_cast<const arrow::Int64Array&>(column).Value(row), out);
      return;
    case Type::FLOAT:
      AppendJsonReal(static_cast<const arrow::FloatArray&>(column).Value(row), out);
      return;
    case Type::DOUBLE:
      AppendJsonReal(static_cast<const arrow::DoubleArray&>(column).Value(row), out);
      return;
    case Type::DECIMAL128:
      AppendDecimalText(static_cast<const arrow::Decimal128Array&>(column).GetValue(row),
                        static_cast<const arrow::Decimal128Type&>(*column.type()).scale(), out);
      return;
    case Type::STRING:
      AppendJsonString(static_cast<const arrow::StringArray&>(column).GetView(row), out);
      return;
    case Type::BINARY:
      out->push_back('"');
      out->append(Base64Encode(static_cast<const arrow::BinaryArray&>(column).GetView(row)));
      out->push_back('"');
      return;
    case Type::DATE32:
      out->push_back('"');
      AppendDateText(static_cast<const arrow::Date32Array&>(column).Value(row), out);
      out->push_back('"');
      return;
    case Type::TIMESTAMP: {
      const auto& type = static_cast<const arrow::TimestampType&>(*column.type());
      out->push_back('"');
      AppendTimestampText(static_cast<const arrow::TimestampArray&>(column).Value(row),
                          !type.timezone().empty(), out);
      out->push_back('"');
      return;
    }
    case Type::LIST: {
      const auto& list = static_cast<const arrow::ListArray&>(column);
      out->push_back('[');
      for (std::int64_t i = list.value_offset(row); i < list.value_offset(row + 1); ++i) {
        if (i > list.value_offset(row)) out->push_back(',');
        AppendJsonValue(*list.values(), i, out);
      }
      out->push_back(']');
      return;
    }
    case Type::MAP: {
      const auto& map = static_cast<const arrow::MapArray&>(column);
      out->push_back('{');
      for (std::int64_t i = map.value_offset(row); i < map.value_offset(row + 1); ++i) {
        if (i > map.value_offset(row)) out->push_back(',');
        AppendKey(*map.keys(), i, out);
        out->push_back(':');
        AppendJsonValue(*map.items(), i, out);
      }
      out->push_back('}');
      return;
    }
    case Type::STRUCT: {
      const auto& group = static_cast<const arrow::StructArray&>(column);
      out->push_back('{');
      for (int i = 0; i < group.num_fields(); ++i) {
        if (i > 0) out->push_back(',');
        AppendJsonString(group.type()->field(i)->name(), out);
        out->push_back(':');
        AppendJsonValue(*group.field(i), row, out);
      }
      out->push_back('}');
      return;
    }
    default:
      // Not a canonical type: its own text, so that a preview still shows it.
      AppendJsonString(column.GetScalar(row).ValueOrDie()->ToString(), out);
  }
}

void AppendJsonRow(const arrow::RecordBatch& rows, std::int64_t row, std::string* out) {
  out->push_back('{');
  for (int i = 0; i < rows.num_columns(); ++i) {
    if (i > 0) out->push_back(',');
    AppendJsonString(rows.schema()->field(i)->name(), out);
    out->push_back(':');
    AppendJsonValue(*rows.column(i), row, out);
  }
  out->push_back('}');
}

}  // namespace sluice
