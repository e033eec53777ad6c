#include "decode/csv/csv_header.h"

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

bool EqualButForCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return Lower(x) == Lower(y); });
}

}  // namespace

CsvHeader::CsvHeader(std::vector<TextColumn> columns) : columns_(std::move(columns)) {
  UseSchemaOrder();
}

void CsvHeader::UseSchemaOrder() {
  absent_.clear();
  cells_.clear();
  for (TextColumn& column : columns_) cells_.push_back(&column);
}

TextColumn* CsvHeader::Find(std::string_view name) {
  for (TextColumn& column : columns_) {
    if (column.builder()->path() == name) return &column;
  }
  for (TextColumn& column : columns_) {
    if (EqualButForCase(column.builder()->path(), TrimBlanks(name))) return &column;
  }
  return nullptr;
}

std::optional<std::string> CsvHeader::UseNames(const std::vector<std::string>& names) {
  cells_.clear();
  absent_.clear();
  for (const std::string& name : names) {
    TextColumn* column = Find(name);
    if (column != nullptr && std::find(cells_.begin(), cells_.end(), column) != cells_.end()) {
      return "two columns of the header are the schema's '" + column->builder()->path() + "'";
    }
    cells_.push_back(column);
  }
  for (TextColumn& column : columns_) {
    if (std::find(cells_.begin(), cells_.end(), &column) == cells_.end()) {
      absent_.push_back(&column);
    }
  }
  if (absent_.size() == columns_.size()) {
    return "the first row names none of the schema's columns, so it seems to be no header";
  }
  return std::nullopt;
}

}  // namespace sluice
