// Decodes every example of docs/conversions.md that has a form in CSV, and checks that
// docs/rejects.md lists every code.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "decode/conversions_table.h"
#include "decode/csv/csv_testing.h"

namespace sluice {
namespace {

std::string ReadAll(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
}

TEST(CsvConversions, AreWhatTheDocumentationSays) {
  int accepted = 0;
  int rejected = 0;
  for (const ConversionExample& example : ConversionExamples("CSV")) {
    // A second cell, for a row of one empty cell is an empty line.
    const DecodedRows decoded =
        DecodeCsv("v " + example.type + ", other int", {example.form + ",1"});
    if (example.rejected) {
      ++rejected;
      ASSERT_EQ(decoded.rejects.size(), 1U) << example.line << " gave " << Rows(decoded);
      EXPECT_EQ(decoded.rejects[0].code, example.result) << example.line;
    } else {
      ++accepted;
      ASSERT_TRUE(decoded.rejects.empty()) << example.line << ": " << decoded.rejects[0].reason;
      EXPECT_EQ(Rows(decoded), example.result + " | 1\n") << example.line;
    }
  }
  EXPECT_GT(accepted, 35);
  EXPECT_GT(rejected, 25);
}

TEST(CsvConversions, EveryRejectCodeIsDocumented) {
  const std::string documented = ReadAll("docs/rejects.md");
  int codes = 0;
  for (const char* file : {"src/decode/csv/csv_reader.cc", "src/decode/csv/csv_cells.cc",
                           "src/decode/csv/csv_cursor.cc", "src/decode/text_column.cc"}) {
    const std::string source = ReadAll(file);
    ASSERT_FALSE(source.empty()) << file;
    for (const char* family : {"\"csv.", "\"limit.", "\"convert."}) {
      for (std::size_t at = 0; (at = source.find(family, at)) != std::string::npos; ++at) {
        const std::string code = source.substr(at + 1, source.find('"', at + 1) - at - 1);
        EXPECT_NE(documented.find("`" + code + "`"), std::string::npos) << code << " of " << file;
        ++codes;
      }
    }
  }
  EXPECT_GT(codes, 15);
}

}  // namespace
}  // namespace sluice
