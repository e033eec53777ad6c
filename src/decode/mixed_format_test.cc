#include "decode/mixed_format.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "decode/csv/csv_format.h"
#include "decode/decode_testing.h"
#include "decode/grok/grok_format.h"
#include "decode/json/json_format.h"

namespace sluice {
namespace {

class MixedFormatTest : public testing::Test {
 protected:
  void Use(const FormatEntry& entry, const std::vector<std::pair<std::string, std::string>>& set) {
    entries_.push_back(std::make_unique<FormatEntry>(entry));
    auto options = ParseOptions(entry.options, RawOptionsFromPairs(set), "source");
    ASSERT_TRUE(options.ok()) << options.error().message;
    uses_.push_back({entries_.back().get(), *options});
  }

  std::unique_ptr<Decoder> Declared(const std::string& ddl) {
    auto decoder = MixedFormat(uses_).make(Options(), *ParseDdl(ddl), DecodeLimits());
    EXPECT_TRUE(decoder.ok()) << decoder.error().message;
    return *std::move(decoder);
  }

  std::unique_ptr<Decoder> Detecting(const SchemaPtr& known) {
    auto decoder = MixedFormat(uses_).make_detecting(Options(), known, DecodeLimits());
    EXPECT_TRUE(decoder.ok()) << decoder.error().message;
    return *std::move(decoder);
  }

  std::vector<std::unique_ptr<FormatEntry>> entries_;
  std::vector<FormatUse> uses_;
};

TEST_F(MixedFormatTest, TheFirstFormatThatTakesAMessageReadsIt) {
  Use(JsonFormat(), {});
  Use(CsvFormat(), {});
  const auto rows = DecodeMessages(
      Declared("id bigint, name string").get(),
      {"1,ada", R"({"id":2,"name":"bob"})", "3,\"{\"", R"([{"id":4},{"id":5}])", "6,eve\n7,joe"});
  EXPECT_EQ(Rows(rows), "1 | ada\n2 | bob\n3 | {\n4 | null\n5 | null\n6 | eve\n7 | joe\n");
  EXPECT_EQ(rows.record_of_row, (std::vector<std::uint32_t>{0, 1, 2, 3, 3, 4, 4}));
  EXPECT_EQ(rows.row_in_message, (std::vector<std::int32_t>{0, 0, 0, 0, 1, 0, 1}));
  EXPECT_EQ(rows.messages_of_format, (std::vector<std::int64_t>{2, 3}));
}

TEST_F(MixedFormatTest, WhatNoFormatTakesSaysWhyOfEach) {
  Use(JsonFormat(), {});
  Use(GrokFormat(), {{"grokPattern", "%{NUMBER:id:long} %{WORD:name}"}});
  const auto rows = DecodeMessages(Declared("id bigint, name string").get(),
                                   {"1 ada", R"({"id":)", R"({"id":"x"})", "2 bob"});
  EXPECT_EQ(Rows(rows), "1 | ada\n2 | bob\n");
  ASSERT_EQ(rows.rejects.size(), 2u);
  for (const Reject& reject : rows.rejects) {
    EXPECT_EQ(reject.code, "format.none");
    EXPECT_EQ(reject.row, Reject::kWholeMessage);
    EXPECT_NE(reject.reason.find("json: "), std::string::npos) << reject.reason;
    EXPECT_NE(reject.reason.find("grok: "), std::string::npos) << reject.reason;
  }
  EXPECT_NE(rows.rejects[1].reason.find("id: expected bigint"), std::string::npos)
      << rows.rejects[1].reason;
}

/// A message of which some rows are good is taken, and its bad ones are rejected by themselves.
TEST_F(MixedFormatTest, OneGoodRowIsEnough) {
  Use(JsonFormat(), {});
  Use(CsvFormat(), {});
  const auto rows = DecodeMessages(Declared("id bigint, name string").get(),
                                   {R"([{"id":1},{"id":"x"}])", "2,a\nx,b"});
  EXPECT_EQ(Rows(rows), "1 | null\n2 | a\n");
  EXPECT_EQ(Rejects(rows), "convert.type id@16 #0.1\nconvert.format id@4 #1.1\n");
}

TEST_F(MixedFormatTest, AllOfThemShowColumns) {
  Use(JsonFormat(), {});
  Use(GrokFormat(), {{"grokPattern", "%{NUMBER:id:int} %{WORD:word}"}});
  const std::vector<std::string> messages = {R"({"id":1,"price":2.5})", "7 seven"};
  const auto first = DecodeMessages(Detecting(arrow::schema({})).get(), messages);
  ASSERT_NE(first.unseen, nullptr);
  EXPECT_EQ(FormatDdlType(*ResolveType(*first.unseen)),
            "struct<id:bigint,price:double,word:string>");
  const auto rows =
      DecodeMessages(Detecting(*ParseDdl("id bigint, price double, word string")).get(), messages);
  EXPECT_EQ(Rows(rows), "1 | 2.5 | null | null\n7 | null | seven | null\n");
  EXPECT_EQ(rows.unseen, nullptr);
}

/// Formats stop at other messages when a batch gets too large; nothing may be left out or doubled.
TEST_F(MixedFormatTest, ABatchThatIsTooLargeGoesOnWhereItStopped) {
  Use(JsonFormat(), {});
  Use(CsvFormat(), {{"raggedRows", "fill"}});
  std::string ddl = "id bigint";
  for (int i = 0; i < 900; ++i) ddl += ", c" + std::to_string(i) + " bigint";
  std::vector<std::string> messages;
  for (int i = 0; i < 12'000; ++i) {
    const std::string id = std::to_string(i);
    messages.push_back(i % 3 == 0 ? "{\"id\":" + id + "}" : id + ",1");
  }
  const auto rows = DecodeMessages(Declared(ddl).get(), messages);
  ASSERT_EQ(rows.rows->num_rows(), 12'000) << Rejects(rows);
  for (std::uint32_t i = 0; i < 12'000; ++i) ASSERT_EQ(rows.record_of_row[i], i);
}

}  // namespace
}  // namespace sluice
