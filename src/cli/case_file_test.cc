#include "cli/case_file.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

DecodeCase Parsed(const std::string& text) {
  auto test = ParseDecodeCase("a.case", text);
  EXPECT_TRUE(test.ok()) << ToString(test.error());
  return test.ok() ? *std::move(test) : DecodeCase();
}

std::string Refused(const std::string& text) {
  auto test = ParseDecodeCase("a.case", text);
  return test.ok() ? "accepted" : test.error().message;
}

TEST(CaseFile, ReadsTheWholeExample) {
  const DecodeCase test = Parsed(
      "# A missing field becomes null; an unknown field is dropped.\n"
      "classification json\n"
      "schema id bigint, name string\n"
      "set mode = strict\n"
      "\n"
      "in     {\"id\": 7, \"color\": \"red\"}\n"
      "out    {\"id\": 7, \"name\": null}\n"
      "reject 1.2: expected a number\n");
  EXPECT_EQ(test.classification, "json");
  EXPECT_EQ(test.schema, "id bigint, name string");
  ASSERT_EQ(test.options.size(), 1u);
  EXPECT_EQ(test.options[0], (std::pair<std::string, std::string>("mode", "strict")));
  ASSERT_EQ(test.messages.size(), 1u);
  EXPECT_EQ(test.messages[0].bytes, "{\"id\": 7, \"color\": \"red\"}");
  ASSERT_EQ(test.rows.size(), 1u);
  EXPECT_EQ(test.rows[0].line, 7);
  ASSERT_EQ(test.rejects.size(), 1u);
  EXPECT_EQ(test.rejects[0].message, 1);
  EXPECT_EQ(test.rejects[0].row, 2);
  EXPECT_EQ(test.rejects[0].text, "expected a number");
}

TEST(CaseFile, MessagesHaveForms) {
  const DecodeCase test = Parsed(
      "classification json\n"
      "in\n"
      "in.null\n"
      "in.hex 00 ff\n"
      "  7A\n"
      "in.text a\\n\\x00\\t\\\\b \n"
      "in {\"a\":\n"
      "# in between\n"
      "    1}\n");
  ASSERT_EQ(test.messages.size(), 5u);
  EXPECT_EQ(test.messages[0].bytes, "");
  EXPECT_FALSE(test.messages[0].tombstone);
  EXPECT_TRUE(test.messages[1].tombstone);
  EXPECT_EQ(test.messages[2].bytes, std::string("\0\xff\x7a", 3));
  EXPECT_EQ(test.messages[3].bytes, std::string("a\n\0\t\\b", 6));
  EXPECT_EQ(test.messages[4].bytes, "{\"a\":\n1}");
}

TEST(CaseFile, MistakesNameFileAndLine) {
  EXPECT_EQ(Refused("classification json\nouts {}\n").substr(0, 31),
            "a.case:2: 'outs' means nothing ");
  EXPECT_NE(Refused("classification json\nin.hex 0g\n").find("a.case:2: "), std::string::npos);
  EXPECT_NE(Refused("classification json\nin.text \\q\n").find("a.case:2: "), std::string::npos);
  EXPECT_NE(Refused("classification json\nin.file nowhere\n").find("cannot read"),
            std::string::npos);
  EXPECT_NE(Refused("classification json\nreject x\n").find("reject N: TEXT"), std::string::npos);
  EXPECT_NE(Refused("classification json\nin a\nreject 2: x\n").find("only 1 messages"),
            std::string::npos);
  EXPECT_NE(Refused("in {}\n").find("classification"), std::string::npos);
  EXPECT_NE(Refused("  in {}\n").find("a.case:1: "), std::string::npos);
  EXPECT_NE(Refused("classification json\nset x\n").find("set key=value"), std::string::npos);
}

TEST(CaseFile, JsonIsComparedWithoutWhiteSpaceBetweenTokens) {
  EXPECT_EQ(CompactJson(R"({ "a b" : [1, "x \" , y"] })"), R"({"a b":[1,"x \" , y"]})");
  EXPECT_EQ(SpacedJson(R"({"a b":[1,"x:y"]})"), R"({"a b": [1, "x:y"]})");
}

}  // namespace
}  // namespace sluice
