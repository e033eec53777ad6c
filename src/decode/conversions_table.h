/// The tables of docs/conversions.md, for the tests that hold the decoders to them.
#pragma once

#include <fstream>
#include <optional>
#include <string>
#include <vector>

namespace sluice {

struct ConversionExample {
  std::string line;
  std::string type;
  std::string form;
  std::string result;  ///< The value as Arrow prints it, or the reject's code.
  bool rejected = false;
};

/// A cell's text: what stands in back-ticks, nothing for *empty*; nullopt for a blank cell.
inline std::optional<std::string> TableCell(std::string cell) {
  const std::size_t begin = cell.find_first_not_of(' ');
  if (begin == std::string::npos) return std::nullopt;
  cell = cell.substr(begin, cell.find_last_not_of(' ') - begin + 1);
  if (cell == "*empty*") return std::string();
  if (cell.size() >= 2 && cell.front() == '`' && cell.back() == '`') {
    return cell.substr(1, cell.size() - 2);
  }
  return cell;
}

/// The rows that have a form in the column `format`. The tests start in the source folder.
inline std::vector<ConversionExample> ConversionExamples(const std::string& format) {
  std::vector<ConversionExample> examples;
  std::ifstream in("docs/conversions.md");
  bool rejected = false;
  std::size_t column = 0;
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("## ", 0) == 0) rejected = line == "## Rejected";
    if (line.rfind("| ", 0) != 0) continue;
    std::vector<std::optional<std::string>> cells;
    for (std::size_t at = 1; at < line.size();) {
      const std::size_t end = line.find('|', at);
      cells.push_back(TableCell(line.substr(at, end - at)));
      at = end + 1;
    }
    if (cells[0] == "type") {
      column = 1;
      while (column < cells.size() && cells[column] != format) ++column;
    } else if (column < cells.size() && cells[column].has_value() && cells.back().has_value()) {
      examples.push_back({line, *cells[0], *cells[column], *cells.back(), rejected});
    }
  }
  return examples;
}

}  // namespace sluice
