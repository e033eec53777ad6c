#include "decode/json/json_format.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "decode/json/json_path.h"
#include "decode/json/json_testing.h"

namespace sluice {
namespace {

TEST(JsonFormat, ReadsTheClickEvent) {
  auto decoded = DecodeAll(
      "event_id string, ts timestamp, user_id bigint, session string, event string, price double, "
      "quantity int, city string, geo struct<lat:double,lon:double>, ua string, tags "
      "array<string>, "
      "ok boolean",
      {R"({"event_id":"00ff","ts":"2026-11-23T05:45:24.123Z","user_id":42,"session":"s\u00e9\n",)"
       R"("event":"buy","price":19.99,"quantity":3,"city":"Köln","geo":{"lat":50.9375,"lon":6.9603},)"
       R"("ua":"x","tags":["a","b"],"ok":true})"});
  EXPECT_TRUE(decoded.rejects.empty());
  EXPECT_EQ(
      Rows(decoded),
      "00ff | 2026-11-23 05:45:24.123000Z | 42 | sé\n | buy | 19.99 | 3 | Köln | "
      "{lat:double = 50.9375, lon:double = 6.9603} | x | list<element: string>[a, b] | true\n");
}

TEST(JsonFormat, FindsFieldsInAnyOrderAndDropsOthers) {
  auto decoded =
      DecodeAll("a int, b int, c int", {R"({"a":1,"b":2,"c":3})", R"({"c":3,"b":2,"a":1})",
                                        R"({"x":{"a":[9]},"b":2,"A":7,"":0,"abc":1,"c":3})", "{}",
                                        R"({ "\u0061" : 1 , "b\u0000":5, "__proto__":{} })",
                                        R"({"c":3,"b":2,"a":1})", "\n{\"a\"\t:\r1 }\n"});
  EXPECT_EQ(Rejects(decoded), "");
  EXPECT_EQ(Rows(decoded),
            "1 | 2 | 3\n1 | 2 | 3\nnull | 2 | 3\nnull | null | null\n1 | null | null\n1 | 2 | 3\n"
            "1 | null | null\n");
}

TEST(JsonFormat, FindsLongAndStrangeNames) {
  auto decoded = DecodeAll(
      "`a_name_of_more_than_sixteen_bytes` int, `q\"uote` int, `b\\s` int, "
      "exactly15_bytes int, exactly_16_bytes int, `größe` int",
      {R"({"a_name_of_more_than_sixteen_bytes":1,"q\"uote":2,"b\\s":3,)"
       R"("exactly15_bytes":4,"exactly_16_bytes":5,"größe":6})",
       R"({"a_name_of_more_than_sixteen_byteX":1,"b\s":3})", R"({"exactly_16_bytes":5})"});
  EXPECT_EQ(Rows(decoded), "1 | 2 | 3 | 4 | 5 | 6\nnull | null | null | null | 5 | null\n");
  EXPECT_EQ(Rejects(decoded), "json.syntax @41 #1\n");
}

TEST(JsonFormat, TheLastOfRepeatedFieldsCounts) {
  auto decoded =
      DecodeAll("a array<int>, s struct<x:int,y:string>, t string",
                {R"({"a":[1,2],"t":"one","s":{"x":1,"y":"p"},"a":[3],"s":{"y":"q"},"t":null})"});
  EXPECT_EQ(Rejects(decoded), "");
  EXPECT_EQ(Rows(decoded), "list<element: int32>[3] | {x:int32 = null, y:string = q} | null\n");
}

TEST(JsonFormat, ARowIsAnObjectADocumentOrAnArraysItem) {
  auto decoded =
      DecodeAll("a int", {R"({"a":1})", R"([{"a":2},{"a":3}])", "{\"a\":4}\n{\"a\":5}\r\n", "[]",
                          R"({"a":6} [{"a":7}])", "[ {\"a\":8} ,\n{\"a\":9}]"});
  EXPECT_EQ(Rejects(decoded), "");
  EXPECT_EQ(Rows(decoded), "1\n2\n3\n4\n5\n6\n7\n8\n9\n");
  EXPECT_EQ(decoded.record_of_row, (std::vector<std::uint32_t>{0, 1, 1, 2, 2, 4, 4, 5, 5}));
  EXPECT_EQ(decoded.row_in_message, (std::vector<std::int32_t>{0, 0, 1, 0, 1, 0, 1, 0, 1}));
  EXPECT_TRUE(DecodeAll("a int", {"{}", "[{}]"}).row_in_message.empty());
}

TEST(JsonFormat, ABadRowRejectsOnlyItself) {
  auto decoded = DecodeAll("a int, s string, m map<string,int>, l array<struct<x:int>>",
                           {R"([{"a":1,"s":"x"},{"s":"lost","m":{"k":1},"l":[{"x":1},{"x":"y"}]},)"
                            R"(7,{"a":2,"l":[{"x":5}]}, {"a":1e1} ])"});
  EXPECT_EQ(Rows(decoded),
            "1 | x | null | null\n"
            "2 | null | null | list<element: struct<x: int32>>[{x:int32 = 5}]\n");
  EXPECT_EQ(Rejects(decoded),
            "convert.type l.element.x@59 #0.1\nconvert.type @66 #0.2\nconvert.type a@96 #0.4\n");
  EXPECT_EQ(decoded.rejects[0].bytes, R"({"s":"lost","m":{"k":1},"l":[{"x":1},{"x":"y"}]})");
  EXPECT_EQ(decoded.rejects[1].bytes, "7");
  EXPECT_EQ(decoded.rejects[2].bytes, R"({"a":1e1})");
  EXPECT_EQ(decoded.row_in_message, (std::vector<std::int32_t>{0, 3}));
  // Where the message is the row, its bytes are not repeated.
  EXPECT_EQ(DecodeAll("a int", {R"({"a":true})"}).rejects[0].bytes, "");
}

TEST(JsonFormat, ASyntaxErrorTakesBackTheWholeMessage) {
  auto decoded = DecodeAll("a int, s string, l array<int>",
                           {R"({"a":1,"s":"first","l":[1]})",
                            R"([{"a":2,"s":"gone","l":[1,2]},{"a":true},{"a":3,"s":"gone","l":[4,)",
                            R"({"a":4,"s":"last","l":[]})"});
  EXPECT_EQ(Rows(decoded),
            "1 | first | list<element: int32>[1]\n4 | last | list<element: int32>[]\n");
  EXPECT_EQ(decoded.record_of_row, (std::vector<std::uint32_t>{0, 2}));
  EXPECT_EQ(Rejects(decoded), "json.syntax @66 #1\n");
  EXPECT_EQ(decoded.rejects[0].reason, "expected a value, found the end");
}

TEST(JsonFormat, SaysWhereAMessageIsWrong) {
  struct Case {
    const char* message;
    const char* code;
    std::int64_t byte;
  };
  for (const Case& c : std::vector<Case>{
           {"{\"x\":tru}", "json.syntax", 5},
           {"{\"x\":nulls}", "json.syntax", 5},
           {"{\"x\":01}", "json.syntax", 6},
           {"{\"x\":1.}", "json.syntax", 7},
           {"{\"x\":-}", "json.syntax", 6},
           {"{\"x\":1 2}", "json.syntax", 7},
           {"{\"x\":\"a\\q\"}", "json.syntax", 7},
           {"{\"x\":\"\\ud800\"}", "json.syntax", 6},
           {"{\"x\":\"\\ud800\\u0041\"}", "json.syntax", 6},
           {"{\"x\" 1}", "json.syntax", 5},
           {"{\"x\":1,}", "json.syntax", 7},
           {"{x:1}", "json.syntax", 1},
           {"{\"x\":[1,]}", "json.syntax", 8},
           {"{\"x\":[1}", "json.syntax", 7},
           {"{\"x\":{\"y\":1]}", "json.syntax", 11},
           {"{\"x\":1}}", "json.syntax", 7},
           {"{\"x\":1}{\"x\":1}", "json.syntax", 7},
           {"{\"x\":1} garbage", "json.syntax", 8},
           {"{\"x\":1", "json.syntax", 6},
           {"{\"x\"", "json.syntax", 4},
           {"{", "json.syntax", 1},
           {"[{}", "json.syntax", 3},
           {"{\"x\":\"a\tb\"}", "json.syntax", 7},
           {"{\"x\":\"abc}", "json.syntax", 5},
           {"{\"x\":\"a\xff\"}", "json.utf8", 7},
           {"{\"x\":\"\xed\xa0\x80\"}", "json.utf8", 6},
           {"{\"x\":1\f}", "json.syntax", 6},
           {"\xef\xbb\xbf", "json.empty", 3},
           {" \n ", "json.empty", 0},
           {"42", "json.root", 0},
           {"\"text\"", "json.root", 0},
           {"{} null", "json.root", 3},
           {"nul", "json.syntax", 0},
       }) {
    // The same whether the field is wanted or not.
    for (const char* ddl : {"other int", "x string"}) {
      auto decoded = DecodeAll(ddl, {"{}", c.message, "{}"});
      ASSERT_EQ(decoded.rejects.size(), 1U) << c.message;
      EXPECT_EQ(decoded.rejects[0].code, c.code) << c.message;
      EXPECT_EQ(decoded.rejects[0].byte, c.byte) << c.message << ": " << decoded.rejects[0].reason;
      EXPECT_EQ(decoded.rejects[0].row, Reject::kWholeMessage);
      EXPECT_EQ(decoded.rejects[0].record, 1U);
      EXPECT_EQ(decoded.rows->num_rows(), 2) << c.message;
    }
  }
}

TEST(JsonFormat, SkipsAByteOrderMark) {
  auto decoded = DecodeAll("a int", {"\xef\xbb\xbf{\"a\":1}", "\xef\xbb\xbf{\"a\":x}"});
  EXPECT_EQ(Rows(decoded), "1\n");
  EXPECT_EQ(Rejects(decoded), "json.syntax @8 #1\n");
}

TEST(JsonFormat, NamesTheFieldAndTheTypes) {
  auto decoded = DecodeAll("geo struct<lat:double,lon:double NOT NULL>",
                           {R"({"geo":{"lat":"north","lon":1}})", R"({"geo":{"lat":1}})"});
  ASSERT_EQ(decoded.rejects.size(), 2U);
  EXPECT_EQ(decoded.rejects[0].field, "geo.lat");
  EXPECT_EQ(decoded.rejects[0].reason, "expected double, found a string");
  EXPECT_EQ(decoded.rejects[0].byte, 14);
  EXPECT_EQ(decoded.rejects[1].field, "geo.lon");
  EXPECT_EQ(decoded.rejects[1].code, "convert.null");
  // A null struct has no fields that could be missing.
  EXPECT_EQ(Rejects(DecodeAll("geo struct<lon:double NOT NULL>", {"{}", R"({"geo":null})"})), "");
}

TEST(JsonFormat, MapsWithinMapsKeepTheLastOfRepeatedKeys) {
  auto decoded =
      DecodeAll("m map<string,map<string,int>>",
                {R"({"m":{"a":{"x":1,"x":2},"b":{"y":1},"a":{"z":1,"z":3},"\u0062":{}}})"});
  EXPECT_EQ(Rejects(decoded), "");
  auto once = DecodeAll("m map<string,map<string,int>>", {R"({"m":{"a":{"z":3},"b":{}}})"});
  EXPECT_EQ(Rows(decoded), Rows(once));
}

TEST(JsonFormat, FollowsJsonPath) {
  JsonReaderOptions options;
  options.path = {"data", "events"};
  auto decoded =
      DecodeAll("a int",
                {R"({"data":{"events":[{"a":1},{"a":"x"}],"n":2},"more":[1]})",
                 R"({"data":{"events":{"a":2}}} {"data":{"events":[]}, "data":{"events":{"a":3}}})",
                 R"({"data":{}})", R"({"data":[]})", R"([{"a":1}])",
                 R"({"data":{"events":[{"a":1}]},"more":nope})"},
                options);
  EXPECT_EQ(Rows(decoded), "1\n2\n3\n");
  EXPECT_EQ(Rejects(decoded),
            "convert.type a@32 #0.1\njson.path @0 #2\njson.path @8 #3\njson.path @0 #4\n"
            "json.syntax @36 #5\n");
  auto path = ParseJsonPath("$.data['a.b'][*]");
  ASSERT_TRUE(path.ok());
  EXPECT_EQ(path->keys, (std::vector<std::string>{"data", "a.b"}));
  EXPECT_TRUE(path->to_items);
  for (const char* bad :
       {"", "data", "$..a", "$.a[0]", "$.a[*].b", "$.a[?(@.x)]", "$['a", "$.a b"}) {
    auto refused = ParseJsonPath(bad);
    ASSERT_FALSE(refused.ok()) << bad;
    EXPECT_EQ(refused.error().blame, Blame::kUser);
  }
}

TEST(JsonFormat, ReadsIntegersInTheUnitAskedFor) {
  JsonReaderOptions options;
  options.timestamp_unit = EpochUnit::kMillis;
  EXPECT_EQ(Rows(DecodeAll("t timestamp", {R"({"t":1700000000123})", R"({"t":-1})"}, options)),
            "2023-11-14 22:13:20.123000Z\n1969-12-31 23:59:59.999000Z\n");
  options.timestamp_unit = EpochUnit::kNanos;
  EXPECT_EQ(Rows(DecodeAll("t timestamp", {R"({"t":-1})"}, options)),
            "1969-12-31 23:59:59.999999Z\n");
}

TEST(JsonFormat, OptionsSayWhatIsNotMeant) {
  const FormatEntry format = JsonFormat();
  auto make = [&](const std::vector<std::pair<std::string, std::string>>& pairs,
                  const char* ddl) -> Result<std::unique_ptr<Decoder>> {
    auto options = ParseOptions(format.options, RawOptionsFromPairs(pairs), "format json");
    if (!options.ok()) return options.error();
    return format.make(*options, ddl == nullptr ? nullptr : *ParseDdl(ddl), DecodeLimits());
  };
  EXPECT_TRUE(make({}, "a int").ok());
  EXPECT_TRUE(make({{"multiline", "true"}, {"optimizePerformance", "true"}}, "a int").ok());
  EXPECT_EQ(make({}, nullptr).error().code, "json.schema");
  EXPECT_EQ(make({{"withSchema", "{}"}}, "a int").error().code, "json.with_schema");
  EXPECT_EQ(make({{"jsonPath", "$..a"}}, "a int").error().code, "json.path_option");
  EXPECT_EQ(make({}, "a map<int,string>").error().code, "json.map_key");
  EXPECT_EQ(make({}, "a array<struct<b:map<date,int>>>").error().code, "json.map_key");
}

TEST(JsonFormat, OneDecoderReadsBatchAfterBatch) {
  auto decoder = MakeJsonDecoder(*ParseDdl("a int, s string, l array<boolean>"), {},
                                 arrow::default_memory_pool());
  std::string message = R"({"a":1,"s":"abc","l":[true,false,null]})";
  std::vector<std::shared_ptr<arrow::RecordBatch>> kept;
  for (std::uint32_t count : {0U, 1U, 1000U, 3U, 5000U}) {
    std::vector<Payload> payloads;
    for (std::uint32_t i = 0; i < count; ++i) {
      payloads.push_back({message.data(), message.size(), i});
    }
    auto decoded = (*decoder)->Decode(payloads);
    ASSERT_TRUE(decoded.ok());
    ASSERT_EQ(decoded->rows->num_rows(), count);
    kept.push_back(decoded->rows);
  }
  for (const auto& rows : kept) {
    ASSERT_TRUE(rows->ValidateFull().ok());
    ASSERT_TRUE(rows->Slice(rows->num_rows() / 2)
                    ->Equals(*kept.back()->Slice(0, rows->num_rows() - rows->num_rows() / 2)));
  }
}

}  // namespace
}  // namespace sluice
