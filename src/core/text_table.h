/// A table for the terminal.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace sluice {

struct TextTable {
  std::vector<std::string> names;
  std::vector<std::string> types;  ///< Under the names; no such line if all are empty.
  std::vector<bool> right;         ///< Numbers stand to the right.
  std::vector<std::vector<std::string>> rows;
};

/// Columns as wide as their widest cell, at most `cell_width` characters; longer cells are cut and
/// end in "…". Control characters are shown as escapes, so that a row is one line and nothing
/// reaches the terminal.
std::string PrintTable(const TextTable& table, std::size_t cell_width);

}  // namespace sluice
