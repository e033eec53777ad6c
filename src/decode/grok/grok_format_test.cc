// The format as a job sees it: options, schema, batches.
#include "decode/grok/grok_format.h"

#include <arrow/type.h>
#include <gtest/gtest.h>

#include "decode/grok/grok_testing.h"

namespace sluice {
namespace {

Result<std::unique_ptr<Decoder>> Make(
    const std::vector<std::pair<std::string, std::string>>& options, const std::string& ddl = "") {
  const FormatEntry entry = GrokFormat();
  TRY(const Options parsed, ParseOptions(entry.options, RawOptionsFromPairs(options), "grok"));
  SchemaPtr declared;
  if (!ddl.empty()) {
    TRY(declared, ParseDdl(ddl));
  }
  return entry.make(parsed, declared, {});
}

TEST(GrokFormat, TakesGluesNamesOfOptions) {
  for (const auto& [pattern, custom] :
       {std::pair{"grokPattern", "grokCustomPatterns"}, {"logFormat", "customPatterns"}}) {
    auto decoder = Make({{pattern, "%{A:a:int}"}, {custom, "A \\d"}});
    ASSERT_TRUE(decoder.ok()) << decoder.error().message;
    EXPECT_EQ(FormatDdl(*(*decoder)->schema()), "a int");
  }
  auto missing = Make({});
  ASSERT_FALSE(missing.ok());
  EXPECT_NE(missing.error().message.find("grokPattern"), std::string::npos);
  EXPECT_FALSE(Make({{"grokPattern", "%{INT:a}"}, {"grokLibrary", "other"}}).ok());
}

TEST(GrokFormat, ColumnsComeFromThePattern) {
  auto decoder = Make({{"grokPattern",
                        "%{INT:a:byte}%{INT:b:short}%{INT:c:int}%{INT:d:long}%{INT:e:float}"
                        "%{INT:f:double}%{WORD:g:boolean}%{WORD:h:string}%{WORD:i}"
                        "%{WORD:[s][x]}%{WORD:j}%{INT:[s][y][z]:int}"}});
  ASSERT_TRUE(decoder.ok()) << decoder.error().message;
  EXPECT_EQ(FormatDdl(*(*decoder)->schema()),
            "a tinyint, b smallint, c int, d bigint, e float, f double, g boolean, h string, "
            "i string, s struct<x:string,y:struct<z:int>>, j string");
}

TEST(GrokFormat, TheEndOfAYamlBlockIsNoPartOfThePattern) {
  auto decoder = Make({{"grokPattern", "^%{INT:a}$\n"}, {"grokCustomPatterns", "A a\nB b\n"}});
  EXPECT_TRUE(decoder.ok()) << decoder.error().message;
}

TEST(GrokFormat, ADeclaredSchemaDecides) {
  auto decoder = Make({{"grokPattern", "%{INT:a:int} %{INT:B} %{WORD:[s][x]} %{WORD:c}"}},
                      "b bigint, a string, s struct<x:string>");
  ASSERT_TRUE(decoder.ok()) << decoder.error().message;
  EXPECT_EQ(FormatDdl(*(*decoder)->schema()), "b bigint, a string, s struct<x:string>");
  EXPECT_FALSE(Make({{"grokPattern", "%{INT:a} %{INT:A}"}}, "Aa int").ok());
  EXPECT_FALSE(Make({{"grokPattern", "%{INT:ab} %{INT:Ab}"}}, "AB int").ok());
  EXPECT_FALSE(Make({{"grokPattern", "%{INT:a}"}}, "a map<string,int>").ok());
  EXPECT_FALSE(Make({{"grokPattern", "%{INT:a}"}}, "a struct<x:int>").ok());
}

TEST(GrokFormat, BatchesAreIndependent) {
  auto made =
      MakeGrokDecoder(Grok("^%{WORD:a}=%{INT:b:int}$"), nullptr, arrow::default_memory_pool());
  ASSERT_TRUE(made.ok());
  const std::string good = "x=1";
  const std::string bad = "x";
  const std::string lines = "y=2\nz\nw=3";
  const auto payload = [](const std::string& text, std::uint32_t record) {
    return Payload{text.data(), text.size(), record};
  };
  auto first = (*made)->Decode({payload(good, 0), payload(bad, 3), payload(lines, 5)});
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(Rows(*first), "x | 1\ny | 2\nw | 3\n");
  EXPECT_EQ(first->record_of_row, (std::vector<std::uint32_t>{0, 5, 5}));
  EXPECT_EQ(first->row_in_message, (std::vector<std::int32_t>{0, 0, 2}));
  EXPECT_EQ(Rejects(*first), "grok.mismatch @1 #3.0\ngrok.mismatch @5 #5.1\n");
  EXPECT_EQ(first->rejects[0].bytes, "");
  EXPECT_EQ(first->rejects[1].bytes, "z");
  auto second = (*made)->Decode({payload(good, 0)});
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(Rows(*second), "x | 1\n");
  EXPECT_TRUE(second->row_in_message.empty());
  EXPECT_TRUE(second->rejects.empty());
  EXPECT_EQ((*made)->Decode({})->rows->num_rows(), 0);
  // What was handed out before stays as it was.
  EXPECT_EQ(Rows(*first), "x | 1\ny | 2\nw | 3\n");
}

TEST(GrokFormat, ReasonsNameThePartAndNeverTheData) {
  const DecodedRows decoded =
      DecodeLines(Grok("^%{IP:ip} %{INT:n:int}$"), {"10.0.0.1 secret", "10.0.0.1 99999999999"});
  ASSERT_EQ(decoded.rejects.size(), 2U);
  EXPECT_EQ(
      decoded.rejects[0].reason,
      "the line does not match grokPattern: at byte 9 of 15 it has no match for '%{INT:n:int}' "
      "at character 11 of grokPattern");
  EXPECT_EQ(decoded.rejects[1].reason, "the text's value does not fit into int");
  EXPECT_EQ(decoded.rejects[1].field, "n");
  EXPECT_EQ(decoded.rejects[1].byte, 9);
}

}  // namespace
}  // namespace sluice
