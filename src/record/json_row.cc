#include "record/json_row.h"

#include <arrow/array.h>
#include <arrow/scalar.h>
#include <arrow/type.h>
#include <arrow/util/decimal.h>

#include <charconv>
#include <cmath>
#include <cstdio>

#include "core/base64.h"
#include "core/json_text.h"

namespace sluice {
namespace {

constexpr std::int64_t kMicrosPerSecond = 1'000'000;
constexpr std::int64_t kSecondsPerDay = 86'400;

template <typename Number>
void AppendInteger(Number number, std::string* out) {
  char buffer[24];
  auto end = std::to_chars(buffer, buffer + sizeof buffer, number).ptr;
  out->append(buffer, end);
}

/// The shortest text that reads back as the same number; with ".0" if it looks like an integer.
template <typename Number>
void AppendReal(Number number, std::string* out) {
  if (std::isnan(number)) {
    out->append("\"NaN\"");
  } else if (std::isinf(number)) {
    out->append(number > 0 ? "\"Infinity\"" : "\"-Infinity\"");
  } else {
    char buffer[32];
    auto end = std::to_chars(buffer, buffer + sizeof buffer, number).ptr;
    std::string_view text(buffer, static_cast<std::size_t>(end - buffer));
    out->append(text);
    if (text.find_first_of(".e") == text.npos) out->append(".0");
  }
}

void AppendPadded(int number, int width, std::string* out) {
  char buffer[12];
  out->append(buffer, static_cast<std::size_t>(
                          std::snprintf(buffer, sizeof buffer, "%0*d", width, number)));
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar (Howard Hinnant's civil_from_days).
void AppendDate(std::int64_t days, std::string* out) {
  days += 719'468;
  std::int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  auto day_of_era = static_cast<int>(days - era * 146'097);
  int year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  int shifted_month = (5 * day_of_year + 2) / 153;
  int day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
  int month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  auto year = static_cast<int>(year_of_era + era * 400) + (month <= 2 ? 1 : 0);
  // ISO 8601 wants a sign on years of more than four digits.
  if (year < 0) out->push_back('-');
  if (year > 9999) out->push_back('+');
  AppendPadded(std::abs(year), 4, out);
  out->push_back('-');
  AppendPadded(month, 2, out);
  out->push_back('-');
  AppendPadded(day, 2, out);
}

void AppendTimestamp(std::int64_t micros, bool utc, std::string* out) {
  std::int64_t seconds = micros / kMicrosPerSecond;
  auto fraction = static_cast<int>(micros % kMicrosPerSecond);
  if (fraction < 0) {
    fraction += kMicrosPerSecond;
    --seconds;
  }
  std::int64_t days = seconds / kSecondsPerDay;
  auto second_of_day = static_cast<int>(seconds % kSecondsPerDay);
  if (second_of_day < 0) {
    second_of_day += kSecondsPerDay;
    --days;
  }
  AppendDate(days, out);
  out->push_back('T');
  AppendPadded(second_of_day / 3600, 2, out);
  out->push_back(':');
  AppendPadded(second_of_day / 60 % 60, 2, out);
  out->push_back(':');
  AppendPadded(second_of_day % 60, 2, out);
  if (fraction != 0) {
    out->push_back('.');
    AppendPadded(fraction, 6, out);
    while (out->back() == '0') out->pop_back();
  }
  if (utc) out->push_back('Z');
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
      AppendInteger<int>(static_cast<const arrow::Int8Array&>(column).Value(row), out);
      return;
    case Type::INT16:
      AppendInteger(static_cast<const arrow::Int16Array&>(column).Value(row), out);
      return;
    case Type::INT32:
      AppendInteger(static_cast<const arrow::Int32Array&>(column).Value(row), out);
      return;
    case Type::INT64:
      AppendInteger(static_cast<const arrow::Int64Array&>(column).Value(row), out);
      return;
    case Type::FLOAT:
      AppendReal(static_cast<const arrow::FloatArray&>(column).Value(row), out);
      return;
    case Type::DOUBLE:
      AppendReal(static_cast<const arrow::DoubleArray&>(column).Value(row), out);
      return;
    case Type::DECIMAL128:
      out->append(static_cast<const arrow::Decimal128Array&>(column).FormatValue(row));
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
      AppendDate(static_cast<const arrow::Date32Array&>(column).Value(row), out);
      out->push_back('"');
      return;
    case Type::TIMESTAMP: {
      const auto& type = static_cast<const arrow::TimestampType&>(*column.type());
      out->push_back('"');
      AppendTimestamp(static_cast<const arrow::TimestampArray&>(column).Value(row),
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
