#include "decode/csv/csv_header.h"

#include <utility>

namespace sluice {
namespace {

/// ASCII only: what is beyond has no case that all would agree on.
std::string Folded(std::string_view name) {
  std::string out(TrimBlanks(name));
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  }
  return out;
}

}  // namespace

CsvHeader::CsvHeader(std::vector<TextColumn> columns) : columns_(std::move(columns)) {
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const std::string& name = columns_[i].builder()->path();
    exact_.emplace(name, i);
    folded_.emplace(Folded(name), i);
    cells_.push_back(&columns_[i]);
  }
}

std::optional<std::string> CsvHeader::UseNames(const std::vector<std::string>& names) {
  cells_.assign(names.size(), nullptr);
  absent_.clear();
  std::vector<bool> taken(columns_.size(), false);
  bool any = false;
  // A name that is exactly a column's has it, wherever it stands.
  for (const bool exact : {true, false}) {
    const std::vector<bool> taken_before = taken;
    const auto& known = exact ? exact_ : folded_;
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (cells_[i] != nullptr) continue;
      const auto found = known.find(exact ? names[i] : Folded(names[i]));
      if (found == known.end() || taken_before[found->second]) continue;
      TextColumn* column = &columns_[found->second];
      if (taken[found->second]) {
        return "two names in the header mean the column '" + column->builder()->path() + "'";
      }
      taken[found->second] = true;
      cells_[i] = column;
      any = true;
    }
  }
  if (!any) return "the first row names none of the schema's columns, so it seems to be no header";
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (!taken[i]) absent_.push_back(&columns_[i]);
  }
  return std::nullopt;
}

void CsvHeader::TakeNames(const std::vector<std::string>& names) {
  cells_.assign(names.size(), nullptr);
  absent_.clear();
  std::vector<bool> taken(columns_.size(), false);
  for (const bool exact : {true, false}) {
    const auto& known = exact ? exact_ : folded_;
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (cells_[i] != nullptr) continue;
      const auto found = known.find(exact ? names[i] : Folded(names[i]));
      if (found == known.end() || taken[found->second]) continue;
      taken[found->second] = true;
      cells_[i] = &columns_[found->second];
    }
  }
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (!taken[i]) absent_.push_back(&columns_[i]);
  }
}

}  // namespace sluice
