// Decodes every example of docs/conversions.md, and checks that docs/rejects.md lists every code.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "decode/conversions_table.h"
#include "decode/json/json_testing.h"

namespace sluice {
namespace {

std::string ReadAll(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
}

TEST(Conversions, AreWhatTheDocumentationSays) {
  int accepted = 0;
  int rejected = 0;
  for (const ConversionExample& example : ConversionExamples("JSON")) {
    auto decoded = DecodeAll("v " + example.type, {"{\"v\": " + example.form + "}"});
    if (example.rejected) {
      ++rejected;
      ASSERT_EQ(decoded.rejects.size(), 1U) << example.line << " gave " << Rows(decoded);
      EXPECT_EQ(decoded.rejects[0].code, example.result) << example.line;
      EXPECT_EQ(decoded.rejects[0].row, 0) << example.line;
    } else {
      ++accepted;
      ASSERT_TRUE(decoded.rejects.empty()) << example.line << ": " << decoded.rejects[0].reason;
      EXPECT_EQ(Rows(decoded), example.result + "\n") << example.line;
    }
  }
  EXPECT_GT(accepted, 35);
  EXPECT_GT(rejected, 25);
}

TEST(Conversions, EveryRejectCodeIsDocumented) {
  const std::string documented = ReadAll("docs/rejects.md");
  for (const char* file : {"src/decode/message_decoder.cc", "src/decode/json/json_reader.cc",
                           "src/decode/json/json_skip.cc", "src/decode/json/json_values.cc",
                           "src/decode/text_column.cc"}) {
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
