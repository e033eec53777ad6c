#include "table/postgresql/postgresql_types.h"

#include <arrow/type.h>

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

using TypePtr = std::shared_ptr<arrow::DataType>;

/// Types of pg_type that are built in, with their OIDs, which never change.
struct Known {
  std::uint32_t scalar;
  std::uint32_t array;
  WireType wire;
};

constexpr Known kKnown[] = {
    {16, 1000, WireType::kBool},         // bool
    {17, 1001, WireType::kBytes},        // bytea
    {20, 1016, WireType::kInt8},         // int8
    {21, 1005, WireType::kInt2},         // int2
    {23, 1007, WireType::kInt4},         // int4
    {25, 1009, WireType::kText},         // text
    {700, 1021, WireType::kFloat4},      // float4
    {701, 1022, WireType::kFloat8},      // float8
    {1042, 1014, WireType::kText},       // char(n)
    {1043, 1015, WireType::kText},       // varchar(n)
    {1082, 1182, WireType::kDate},       // date
    {1114, 1115, WireType::kTimestamp},  // timestamp
    {1184, 1185, WireType::kTimestamp},  // timestamptz
    {1700, 1231, WireType::kNumeric},    // numeric
};
constexpr std::uint32_t kTimestamptz = 1184;
constexpr std::uint32_t kTimestamptzArray = 1185;
/// uuid[], json[], jsonb[]: lists of text.
constexpr std::uint32_t kTextArrays[] = {2951, 199, 3807};

constexpr int kMostDigits = 38;

struct Form {
  WireType wire = WireType::kText;
  bool list = false;
  bool cast = true;  ///< To text, by the server.
  TypePtr type;      ///< Of a value; of a list its elements'.
};

/// numeric(p, s), where a decimal holds all its values.
TypePtr DecimalOf(int modifier) {
  if (modifier < 4) return nullptr;
  const int precision = (modifier - 4) >> 16 & 0xffff;
  const int scale = (((modifier - 4) & 0x7ff) ^ 1024) - 1024;
  if (precision > kMostDigits || scale < 0 || scale > precision) return nullptr;
  return arrow::decimal128(precision, scale);
}

TypePtr TypeOf(WireType wire, bool with_zone, int modifier) {
  switch (wire) {
    case WireType::kBool:
      return arrow::boolean();
    case WireType::kInt2:
      return arrow::int16();
    case WireType::kInt4:
      return arrow::int32();
    case WireType::kInt8:
      return arrow::int64();
    case WireType::kFloat4:
      return arrow::float32();
    case WireType::kFloat8:
      return arrow::float64();
    case WireType::kNumeric:
      return DecimalOf(modifier);
    case WireType::kText:
      return arrow::utf8();
    case WireType::kBytes:
      return arrow::binary();
    case WireType::kDate:
      return arrow::date32();
    case WireType::kTimestamp:
      break;
  }
  return arrow::timestamp(arrow::TimeUnit::MICRO, with_zone ? "UTC" : "");
}

Form FormOf(const PostgresqlConnection::Column& column) {
  Form form;
  form.type = arrow::utf8();
  form.list = std::find(std::begin(kTextArrays), std::end(kTextArrays), column.type) !=
              std::end(kTextArrays);
  for (const Known& known : kKnown) {
    if (column.type != known.scalar && column.type != known.array) continue;
    form.list = column.type == known.array;
    const bool with_zone = column.type == kTimestamptz || column.type == kTimestamptzArray;
    TypePtr type = TypeOf(known.wire, with_zone, column.modifier);
    if (type == nullptr) break;
    return {known.wire, form.list, false, std::move(type)};
  }
  return form;
}

TypePtr WholeType(const Form& form) {
  return form.list ? arrow::list(arrow::field("element", form.type)) : form.type;
}

bool IsNumeric(const PostgresqlConnection::Column& column) {
  return column.type == 1700 || column.type == 1231;
}

int RankOfInteger(WireType wire) {
  return wire == WireType::kInt2   ? 1
         : wire == WireType::kInt4 ? 2
         : wire == WireType::kInt8 ? 3
                                   : 0;
}

/// What reads a column as it is declared; false if values might not fit.
bool Declare(const PostgresqlConnection::Column& column, const TypePtr& declared, Form* form,
             std::string* cast) {
  if (WholeType(*form)->Equals(*declared)) return true;
  if (declared->id() == arrow::Type::STRING) {
    *form = {WireType::kText, false, true, arrow::utf8()};
    return true;
  }
  const bool list = declared->id() == arrow::Type::LIST;
  if (list != form->list) return false;
  const TypePtr type = list ? declared->field(0)->type() : declared;
  if (type->id() == arrow::Type::STRING) {
    *form = {WireType::kText, true, true, arrow::utf8()};
    return true;
  }
  // Each value is held against the precision and the scale when it is read.
  if (IsNumeric(column) && type->id() == arrow::Type::DECIMAL128) {
    *form = {WireType::kNumeric, list, false, type};
    return true;
  }
  const WireType wider = type->id() == arrow::Type::INT32    ? WireType::kInt4
                         : type->id() == arrow::Type::INT64  ? WireType::kInt8
                         : type->id() == arrow::Type::DOUBLE ? WireType::kFloat8
                                                             : WireType::kText;
  const bool widens =
      (RankOfInteger(form->wire) > 0 && RankOfInteger(form->wire) < RankOfInteger(wider)) ||
      (wider == WireType::kFloat8 &&
       (form->wire == WireType::kFloat4 || form->wire == WireType::kInt4 ||
        form->wire == WireType::kInt2));
  if (!widens) return false;
  *cast = wider == WireType::kInt4 ? "int4" : wider == WireType::kInt8 ? "int8" : "float8";
  *form = {wider, list, false, type};
  return true;
}

Result<PostgresqlColumn> ColumnOf(const PostgresqlConnection::Column& found,
                                  const arrow::Field* declared) {
  Form form = FormOf(found);
  std::string cast;
  if (declared != nullptr && !Declare(found, declared->type(), &form, &cast)) {
    return UserError("table.columns",
                     "schema: column " + found.name + " is " + FormatDdlType(*WholeType(form)) +
                         " in the database, which " + FormatDdlType(*declared->type()) +
                         " may not hold; declare it so, or as string");
  }
  if (form.cast) cast = "text";
  PostgresqlColumn column;
  column.field = arrow::field(declared == nullptr ? found.name : declared->name(), WholeType(form));
  column.wire = form.wire;
  column.list = form.list;
  column.expression = QuotedName(found.name);
  if (!cast.empty()) column.expression += "::" + cast + (form.list ? "[]" : "");
  return column;
}

}  // namespace

Result<std::vector<PostgresqlColumn>> ColumnsOf(
    const std::vector<PostgresqlConnection::Column>& found, const SchemaPtr& declared) {
  std::vector<PostgresqlColumn> columns;
  if (declared == nullptr) {
    for (const auto& column : found) {
      TRY(columns.emplace_back(), ColumnOf(column, nullptr));
    }
    if (columns.empty()) return UserError("table.columns", "dbtable has no columns");
    return columns;
  }
  std::vector<std::string> names;
  for (const auto& column : found) names.push_back(column.name);
  for (const auto& field : declared->fields()) {
    const auto same = std::find(names.begin(), names.end(), field->name());
    if (same == names.end()) {
      const auto near = NearestName(field->name(), names);
      return UserError("table.columns", "schema: dbtable has no column " + field->name() +
                                            (near ? "; did you mean " + *near + "?" : ""));
    }
    TRY(columns.emplace_back(),
        ColumnOf(found[static_cast<std::size_t>(same - names.begin())], field.get()));
  }
  return columns;
}

}  // namespace sluice
