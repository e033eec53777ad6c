#include "core/text_table.h"

#include <algorithm>
#include <cstdio>

namespace sluice {
namespace {

bool Continues(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

/// Characters, not bytes; wide ones count as one.
std::size_t Width(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !Continues(c); }));
}

/// Escapes and cuts to `width` characters. C1 controls (U+0080 to U+009F) are controls too.
std::string Fit(const std::string& text, std::size_t width) {
  std::string shown;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned char byte = static_cast<unsigned char>(text[i]);
    bool c1 = byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (byte >= 0x20 && byte != 0x7f && !c1) {
      shown += text[i];
      continue;
    }
    char escape[8];
    if (c1) byte = static_cast<unsigned char>(text[++i]);
    std::snprintf(escape, sizeof escape, "\\x%02x", byte);
    shown += byte == '\n' ? "\\n" : byte == '\t' ? "\\t" : escape;
  }
  if (Width(shown) <= width) return shown;
  std::size_t end = 0;
  for (std::size_t characters = 0; end < shown.size(); ++end) {
    if (!Continues(shown[end]) && ++characters == width) break;
  }
  return shown.substr(0, end) + "…";
}

void AddLine(const std::vector<std::string>& cells, const std::vector<std::size_t>& widths,
             const std::vector<bool>& right, std::string* out) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    std::string padding(widths[i] - Width(cells[i]), ' ');
    line += (i == 0 ? "" : "  ") + (right[i] ? padding + cells[i] : cells[i] + padding);
  }
  line.erase(line.find_last_not_of(' ') + 1);
  *out += line + "\n";
}

}  // namespace

std::string PrintTable(const TextTable& table, std::size_t cell_width) {
  std::vector<std::vector<std::string>> lines = {table.names, table.types};
  lines.insert(lines.end(), table.rows.begin(), table.rows.end());
  std::vector<std::size_t> widths(table.names.size(), 1);
  for (auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      line[i] = Fit(line[i], cell_width);
      widths[i] = std::max(widths[i], Width(line[i]));
    }
  }
  const bool typed = std::any_of(table.types.begin(), table.types.end(),
                                 [](const std::string& type) { return !type.empty(); });
  std::string out;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i != 1 || typed) AddLine(lines[i], widths, table.right, &out);
    if (i != 1) continue;
    std::vector<std::string> rule;
    for (std::size_t width : widths) {
      std::string dashes(width, '-');
      rule.push_back(dashes);
    }
    AddLine(rule, widths, table.right, &out);
  }
  return out;
}

}  // namespace sluice
