// Decodes every example of docs/conversions.md, and checks that docs/rejects.md lists every code.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "decode/json/json_testing.h"

namespace sluice {
namespace {

std::string ReadAll(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
}

/// The back-ticked cells of a table's line; empty for any other line.
std::vector<std::string> Cells(const std::string& line) {
  std::vector<std::string> cells;
  if (line.rfind("| `", 0) != 0) return cells;
  std::size_t at = 0;
  while ((at = line.find("| `", at)) != std::string::npos) {
    std::size_t end = line.find("` |", at + 3);
    if (end == std::string::npos) break;
    cells.push_back(line.substr(at + 3, end - at - 3));
    at = end + 2;
  }
  return cells;
}

TEST(Conversions, AreWhatTheDocumentationSays) {
  std::ifstream in("docs/conversions.md");
  bool rejected = false;
  int accepted_rows = 0;
  int rejected_rows = 0;
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("## ", 0) == 0) rejected = line == "## Rejected";
    auto cells = Cells(line);
    if (cells.empty()) continue;
    ASSERT_EQ(cells.size(), 3U) << line;
    auto decoded = DecodeAll("v " + cells[0], {"{\"v\": " + cells[1] + "}"});
    if (rejected) {
      ++rejected_rows;
      ASSERT_EQ(decoded.rejects.size(), 1U) << line << " gave " << Rows(decoded);
      EXPECT_EQ(decoded.rejects[0].code, cells[2]) << line << ": " << decoded.rejects[0].reason;
      EXPECT_EQ(decoded.rejects[0].row, 0) << line;
    } else {
      ++accepted_rows;
      ASSERT_TRUE(decoded.rejects.empty()) << line << ": " << decoded.rejects[0].reason;
      EXPECT_EQ(Rows(decoded), cells[2] + "\n") << line;
    }
  }
  EXPECT_GT(accepted_rows, 35);
  EXPECT_GT(rejected_rows, 25);
}

TEST(Conversions, EveryRejectCodeIsDocumented) {
  const std::string documented = ReadAll("docs/rejects.md");
  for (const char* file : {"src/decode/message_decoder.cc", "src/decode/json/json_reader.cc",
                           "src/decode/json/json_skip.cc", "src/decode/json/json_values.cc"}) {
    const std::string source = ReadAll(file);
    ASSERT_FALSE(source.empty()) << file;
    for (const char* family : {"\"json.", "\"limit.", "\"convert.", "\"message."}) {
      for (std::size_t at = 0; (at = source.find(family, at)) != std::string::npos; ++at) {
        std::string code = source.substr(at + 1, source.find('"', at + 1) - at - 1);
        EXPECT_NE(documented.find("`" + code + "`"), std::string::npos) << code << " of " << file;
      }
    }
  }
}

}  // namespace
}  // namespace sluice
