/// Which cell of a row belongs to which column.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/result.h"
#include "decode/text_column.h"

namespace sluice {

/// One thread at a time.
class CsvHeader {
 public:
  /// Cells are in the schema's order, as in messages without a header.
  explicit CsvHeader(std::vector<TextColumn> columns);
  CsvHeader(CsvHeader&&) =
      default;  // cells_ points into the buffer of columns_, which moves along.
  CsvHeader(const CsvHeader&) = delete;

  /// Finds each name's column: the one of that name, else one that no other name has and that
  /// differs only in case, blanks around the name left out. Names without a column are dropped with
  /// their cells. Returns what is wrong with the names, if anything is; then names must be given
  /// anew before the next row.
  std::optional<std::string> UseNames(const std::vector<std::string>& names);

  /// As UseNames where columns are detected: any names will do, and of two that mean one column the
  /// second has none.
  void TakeNames(const std::vector<std::string>& names);

  /// For each cell its column, nullptr for cells that no column wants.
  const std::vector<TextColumn*>& cells() const { return cells_; }
  /// Columns that have no cell.
  const std::vector<TextColumn*>& absent() const { return absent_; }

 private:
  std::vector<TextColumn> columns_;
  std::unordered_map<std::string, std::size_t> exact_;  ///< Name to index in columns_.
  /// In lower case; the first of several.
  std::unordered_map<std::string, std::size_t> folded_;
  std::vector<TextColumn*> cells_;
  std::vector<TextColumn*> absent_;
};

}  // namespace sluice
