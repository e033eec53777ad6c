#include "record/schema.h"

#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice {
namespace {

SchemaPtr Parse(std::string_view ddl) {
  auto schema = ParseDdl(ddl);
  EXPECT_TRUE(schema.ok()) << ddl << ": " << (schema.ok() ? "" : schema.error().message);
  return schema.ok() ? *schema : nullptr;
}

std::string MessageOf(std::string_view ddl) {
  auto schema = ParseDdl(ddl);
  if (schema.ok()) return "accepted";
  EXPECT_EQ(schema.error().blame, Blame::kUser);
  EXPECT_EQ(schema.error().code, "schema.ddl");
  return schema.error().message;
}

#define EXPECT_SAYS(ddl, part) \
  EXPECT_NE(MessageOf(ddl).find(part), std::string::npos) << MessageOf(ddl)

TEST(ParseDdl, EveryTypeHasItsArrowForm) {
  const std::vector<std::pair<std::string, std::shared_ptr<arrow::DataType>>> types = {
      {"boolean", arrow::boolean()},
      {"byte", arrow::int8()},
      {"tinyint", arrow::int8()},
      {"short", arrow::int16()},
      {"smallint", arrow::int16()},
      {"int", arrow::int32()},
      {"integer", arrow::int32()},
      {"long", arrow::int64()},
      {"bigint", arrow::int64()},
      {"float", arrow::float32()},
      {"real", arrow::float32()},
      {"double", arrow::float64()},
      {"decimal", arrow::decimal128(10, 0)},
      {"dec(5)", arrow::decimal128(5, 0)},
      {"numeric( 38 , 38 )", arrow::decimal128(38, 38)},
      {"string", arrow::utf8()},
      {"varchar(20)", arrow::utf8()},
      {"char(1)", arrow::utf8()},
      {"binary", arrow::binary()},
      {"date", arrow::date32()},
      {"timestamp", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")},
      {"timestamp_ltz", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")},
      {"timestamp_ntz", arrow::timestamp(arrow::TimeUnit::MICRO)},
      {"array<int>", arrow::list(arrow::field("element", arrow::int32()))},
      {"map<string,double>", arrow::map(arrow::utf8(), arrow::float64())},
      {"struct<lat:double,lon double>", arrow::struct_({arrow::field("lat", arrow::float64()),
                                                        arrow::field("lon", arrow::float64())})},
  };
  for (const auto& [ddl, expected] : types) {
    for (const std::string& text : {ddl, " \t" + ddl + "\n"}) {
      auto type = ParseDdlType(text);
      ASSERT_TRUE(type.ok()) << text << ": " << type.error().message;
      EXPECT_TRUE((*type)->Equals(*expected)) << text << " is " << (*type)->ToString();
    }
    std::string upper = ddl;
    for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    if (ddl.find("struct") == std::string::npos) {
      auto type = ParseDdlType(upper);
      ASSERT_TRUE(type.ok()) << upper;
      EXPECT_TRUE((*type)->Equals(*expected)) << upper;
    }
  }
}

TEST(ParseDdl, ReadsNamesNullabilityAndComments) {
  SchemaPtr schema = Parse(
      "id bigint NOT NULL COMMENT 'the \\'key\\'', `a b``c`: string, größe INT, "
      "s struct<x:int NOT NULL COMMENT \"it's\", `y`:array<array<map<string,struct<z:date>>>>>");
  ASSERT_NE(schema, nullptr);
  ASSERT_EQ(schema->num_fields(), 4);
  EXPECT_FALSE(schema->field(0)->nullable());
  EXPECT_EQ(*schema->field(0)->metadata()->Get("comment"), "the 'key'");
  EXPECT_EQ(schema->field(1)->name(), "a b`c");
  EXPECT_TRUE(schema->field(1)->nullable());
  EXPECT_EQ(schema->field(2)->name(), "größe");
  const auto& x = schema->field(3)->type()->field(0);
  EXPECT_FALSE(x->nullable());
  EXPECT_EQ(*x->metadata()->Get("comment"), "it's");
}

TEST(ParseDdl, AcceptsAStructAsTheWholeSchema) {
  SchemaPtr schema = Parse("struct<id:bigint,name:string>");
  ASSERT_NE(schema, nullptr);
  EXPECT_TRUE(schema->Equals(*Parse("id bigint, name string")));
  EXPECT_EQ(Parse("struct string")->field(0)->name(), "struct");
}

TEST(ParseDdl, SaysWhatIsWrongAndWhere) {
  EXPECT_SAYS("id bigin", "column 4: there is no type 'bigin'; did you mean 'bigint'?");
  EXPECT_SAYS("id bigint name string", "column 11: expected ',' or the end, found 'name'");
  EXPECT_SAYS("id", "column 3: expected a type, found the end");
  EXPECT_SAYS("", "no columns");
  EXPECT_SAYS("a int, a string", "column 8: there are two columns called 'a'");
  EXPECT_SAYS("a int,", "column 7: expected a column name, found the end");
  EXPECT_SAYS("a struct<b:int", "column 15: expected ',' or '>', found the end");
  EXPECT_SAYS("a struct<>", "column 10: expected a column name, found '>'");
  EXPECT_SAYS("a array<int", "expected '>' after the array's element type");
  EXPECT_SAYS("a map<int>", "expected ',' between the map's key and value types");
  EXPECT_SAYS("a decimal(39,0)", "column 11: a decimal's precision is at most 38");
  EXPECT_SAYS("a decimal(0)", "a decimal's precision is at least 1");
  EXPECT_SAYS("a decimal(5,6)", "a decimal's scale is at most its precision");
  EXPECT_SAYS("a decimal(99999999999999999999)", "at most 38");
  EXPECT_SAYS("`a int", "column 1: this back-ticked name does not end");
  EXPECT_SAYS("`` int", "a column name is empty");
  EXPECT_SAYS("user-id int", "column 5: '-' in a name: write the name in back-ticks");
  EXPECT_SAYS("a int COMMENT 'x", "column 15: this comment does not end");
  EXPECT_SAYS("a int NOT nil", "expected NULL after NOT");
  EXPECT_SAYS("a interval", "no type 'interval'");
  EXPECT_SAYS(std::string("a\xff int"), "not valid UTF-8");
}

TEST(ParseDdl, HoldsItsLimits) {
  auto nested = [](int depth) {
    std::string ddl = "a ";
    for (int i = 1; i < depth; ++i) ddl += "array<";
    return ddl + "int" + std::string(static_cast<std::size_t>(depth - 1), '>');
  };
  EXPECT_EQ(MessageOf(nested(100)), "accepted");
  EXPECT_SAYS(nested(101), "nested more than 100 deep");
  EXPECT_SAYS(nested(100000), "nested more than 100 deep");
  auto wide = [](int columns) {
    std::string ddl;
    for (int i = 0; i < columns; ++i) {
      if (i > 0) ddl += ",";
      ddl += "c" + std::to_string(i) + " int";
    }
    return ddl;
  };
  EXPECT_EQ(MessageOf(wide(1000)), "accepted");
  EXPECT_SAYS(wide(1001), "more than 1000 columns");
  EXPECT_EQ(MessageOf(std::string(255, 'n') + " int"), "accepted");
  EXPECT_SAYS(std::string(256, 'n') + " int", "longer than 255 bytes");
}

TEST(FormatDdl, ComesBackAsTheSameSchema) {
  for (const char* ddl :
       {"id bigint", "`a b``c` string NOT NULL COMMENT 'it\\'s \\\\ a \\n line'",
        "g struct<lat:double NOT NULL COMMENT 'x',`2`:decimal(38,10)>, m map<string,array<binary>>",
        "a boolean, b tinyint, c smallint, d int, e bigint, f float, g double, h string, i binary, "
        "j date, k timestamp, l timestamp_ntz, m decimal(10,0)"}) {
    SchemaPtr schema = Parse(ddl);
    ASSERT_NE(schema, nullptr);
    std::string text = FormatDdl(*schema);
    EXPECT_EQ(text, ddl);
    EXPECT_TRUE(Parse(text)->Equals(*schema, /*check_metadata=*/true)) << text;
  }
  EXPECT_EQ(FormatDdl(*Parse("A LONG, b Struct<x Dec(3)>")), "A bigint, b struct<x:decimal(3,0)>");
}

TEST(CanonicalSchema, MapsWhatOtherToolsReturn) {
  using arrow::field;
  auto schema = CanonicalSchema(
      *arrow::schema({field("a", arrow::large_utf8()), field("b", arrow::utf8_view(), false),
                      field("c", arrow::dictionary(arrow::int8(), arrow::utf8())),
                      field("d", arrow::timestamp(arrow::TimeUnit::NANO, "Europe/Berlin")),
                      field("e", arrow::timestamp(arrow::TimeUnit::SECOND)),
                      field("f", arrow::large_list(field("item", arrow::uint64()))),
                      field("g", arrow::fixed_size_binary(4)), field("h", arrow::decimal256(38, 2)),
                      field("i", arrow::struct_({field("x", arrow::uint8())}))}));
  ASSERT_TRUE(schema.ok()) << schema.error().message;
  EXPECT_EQ(FormatDdl(**schema),
            "a string, b string NOT NULL, c string, d timestamp, e timestamp_ntz, "
            "f array<decimal(20,0)>, g binary, h decimal(38,2), i struct<x:smallint>");
  EXPECT_TRUE((*CanonicalSchema(**schema))->Equals(**schema, true));
}

TEST(CanonicalSchema, NamesTheFieldItCannotMap) {
  auto schema = CanonicalSchema(*arrow::schema({arrow::field(
      "s", arrow::struct_({arrow::field("t", arrow::time64(arrow::TimeUnit::MICRO))}))}));
  ASSERT_FALSE(schema.ok());
  EXPECT_EQ(schema.error().blame, Blame::kUser);
  EXPECT_NE(schema.error().message.find("'s.t'"), std::string::npos) << schema.error().message;
  schema = CanonicalSchema(*arrow::schema({arrow::field("n", arrow::null())}));
  ASSERT_FALSE(schema.ok());
  EXPECT_NE(schema.error().message.find("CAST(NULL AS string)"), std::string::npos);
}

}  // namespace
}  // namespace sluice
