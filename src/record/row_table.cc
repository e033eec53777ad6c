#include "record/row_table.h"

#include <arrow/array.h>
#include <arrow/type.h>
#include <arrow/type_traits.h>

#include "record/json_row.h"

namespace sluice {
namespace {

bool IsNumber(const arrow::DataType& type) {
  return arrow::is_integer(type.id()) || arrow::is_floating(type.id()) ||
         arrow::is_decimal(type.id());
}

std::string Cell(const arrow::Array& column, std::int64_t row) {
  if (column.type_id() == arrow::Type::STRING && !column.IsNull(row)) {
    return std::string(static_cast<const arrow::StringArray&>(column).GetView(row));
  }
  std::string text;
  AppendJsonValue(column, row, &text);
  // Times, bytes and NaN: nothing in them was escaped.
  if (text.size() >= 2 && text.front() == '"') text = text.substr(1, text.size() - 2);
  return text;
}

}  // namespace

TextTable TableOfColumns(const arrow::Schema& schema, bool typed) {
  TextTable table;
  for (const auto& field : schema.fields()) {
    table.names.push_back(field->name());
    table.types.push_back(typed ? FormatDdlType(*field->type()) : "");
    table.right.push_back(IsNumber(*field->type()));
  }
  return table;
}

std::vector<std::string> RowCells(const arrow::RecordBatch& rows, std::int64_t row) {
  std::vector<std::string> cells;
  cells.reserve(static_cast<std::size_t>(rows.num_columns()));
  for (int i = 0; i < rows.num_columns(); ++i) cells.push_back(Cell(*rows.column(i), row));
  return cells;
}

}  // namespace sluice
