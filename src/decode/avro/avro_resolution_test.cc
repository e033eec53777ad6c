// The writer's schema against the reader's, and against declared columns.
#include <gtest/gtest.h>

#include <string>

#include "decode/avro/avro_testing.h"
#include "record/schema.h"

namespace sluice {
namespace {

std::string Record(const std::string& fields, const std::string& name = "R") {
  return R"({"type":"record","name":")" + name + R"(","fields":[)" + fields + "]}";
}

std::string Field(const std::string& name, const std::string& type, const std::string& more = "") {
  return R"({"name":")" + name + R"(","type":)" + type + more + "}";
}

AvroDecoderOptions Resolve(const std::string& writer, const std::string& reader) {
  AvroDecoderOptions options = WrittenAs(writer);
  options.reader = ParsedAvro(reader);
  return options;
}

AvroDecoderOptions Declare(const std::string& writer, const std::string& ddl) {
  AvroDecoderOptions options;
  if (!writer.empty()) options = WrittenAs(writer);
  auto declared = ParseDdl(ddl);
  EXPECT_TRUE(declared.ok()) << declared.error().message;
  options.declared = *declared;
  return options;
}

/// A field of one type read as another: the row, the reject, or why it cannot be.
std::string Promote(const std::string& writer, const std::string& reader,
                    const std::string& datum) {
  AvroDecoderOptions options = Resolve(Record(Field("v", writer)), Record(Field("v", reader)));
  auto decoder = MakeAvroDecoder(std::move(options), arrow::default_memory_pool());
  if (!decoder.ok()) return decoder.error().message;
  const DecodedRows out = DecodeMessages(decoder->get(), {datum});
  return out.rejects.empty() ? Rows(out) : out.rejects[0].code + ": " + out.rejects[0].reason;
}

TEST(AvroResolution, Promotions) {
  const std::string seven = Datum().Long(7);
  EXPECT_EQ(Promote(R"("int")", R"("long")", seven), "7\n");
  EXPECT_EQ(Promote(R"("int")", R"("float")", seven), "7\n");
  EXPECT_EQ(Promote(R"("int")", R"("double")", seven), "7\n");
  EXPECT_EQ(Promote(R"("long")", R"("float")", seven), "7\n");
  EXPECT_EQ(Promote(R"("long")", R"("double")", seven), "7\n");
  EXPECT_EQ(Promote(R"("float")", R"("double")", Datum().Real(1.5F)), "1.5\n");
  EXPECT_EQ(Promote(R"("string")", R"("bytes")", Datum().Text("\xff")), "\xff\n");
  EXPECT_EQ(Promote(R"("bytes")", R"("string")", Datum().Text("ab")), "ab\n");
  EXPECT_EQ(Promote(R"("bytes")", R"("string")", Datum().Text("\xff")),
            "convert.format: the string is not valid UTF-8");
  EXPECT_EQ(Promote(R"("long")", R"("int")", seven),
            "column 'v' is written as long, which cannot be read as int");
  EXPECT_EQ(Promote(R"("double")", R"("float")", seven),
            "column 'v' is written as double, which cannot be read as float");
  EXPECT_EQ(Promote(R"("string")", R"("int")", seven),
            "column 'v' is written as string, which cannot be read as int");
  EXPECT_EQ(Promote(R"("null")", R"("int")", ""),
            "column 'v' is written as null, which cannot be read as int");
  // An int is an int, whatever it is promoted to.
  EXPECT_EQ(Promote(R"("int")", R"("long")", Datum().Long(INT64_C(1) << 31)),
            "avro.datum: this number has more than 32 bits");
}

TEST(AvroResolution, FieldsByNameAliasAndDefault) {
  const std::string writer = Record(Field("a", R"("int")") + "," + Field("old", R"("string")") +
                                    "," + Field("gone", R"({"type":"array","items":"long"})"));
  const std::string reader =
      Record(Field("fresh", R"("string")", R"(,"default":"new")") + "," +
             Field("name", R"("string")", R"(,"aliases":["older","old"])") + "," +
             Field("maybe", R"(["null","int"])", R"(,"default":null)") + "," +
             Field("list", R"({"type":"array","items":"int"})", R"(,"default":[1,2])") + "," +
             Field("sub", Record(Field("x", R"("double")", R"(,"default":0.5)"), "S"),
                   R"(,"default":{})") +
             "," + Field("a", R"("long")"));
  const DecodedRows out = DecodeAvro(Resolve(writer, reader),
                                     {Datum().Long(1).Text("n").Long(2).Long(5).Long(6).Long(0),
                                      Datum().Long(2).Text("m").Long(-1).Long(1).Long(9).Long(0)});
  EXPECT_EQ(Rows(out),
            "new | n | null | list<element: int32>[1, 2] | {x:double = 0.5} | 1\n"
            "new | m | null | list<element: int32>[1, 2] | {x:double = 0.5} | 2\n");
  EXPECT_EQ(
      MakeError(Resolve(Record(Field("a", R"("int")")), Record(Field("b", R"("int")")))),
      "avro.resolution: column 'b' is not in the data (record R has no field 'b'), and it has "
      "no default");
}

TEST(AvroResolution, WhatNobodyReadsIsSkipped) {
  const std::string tree =
      R"({"type":"record","name":"Tree","fields":[{"name":"kids","type":{"type":"array","items":"Tree"}}]})";
  const std::string writer = Record(
      Field("t", tree) + "," + Field("u", R"(["null","string",{"type":"map","values":"bytes"}])") +
      "," + Field("b", R"("boolean")") + "," + Field("f", R"("float")") + "," +
      Field("d", R"("double")") + "," + Field("x", R"({"type":"fixed","name":"X","size":3})") +
      "," + Field("e", R"({"type":"enum","name":"E","symbols":["A"]})") + "," +
      Field("s", R"("string")") + "," + Field("n", R"("null")") + "," + Field("keep", R"("int")"));
  const std::string datum = Datum()
                                .Long(2)
                                .Long(0)
                                .Long(-1)
                                .Long(1)
                                .Long(0)
                                .Long(0)
                                .Long(0)
                                .Long(2)
                                .Long(1)
                                .Text("k")
                                .Text("v")
                                .Long(0)
                                .Raw("\1")
                                .Real(1.0F)
                                .Real(2.0)
                                .Raw("xyz")
                                .Long(0)
                                .Text("skip")
                                .Long(42);
  EXPECT_EQ(Rows(DecodeAvro(Resolve(writer, Record(Field("keep", R"("int")"))), {datum})), "42\n");
  // A recursive type is no obstacle where no column wants it.
  EXPECT_EQ(Rows(DecodeAvro(Declare(writer, "keep int"), {datum})), "42\n");
  EXPECT_EQ(MakeError(WrittenAs(writer)).substr(0, 66),
            "avro.recursive: the record 'Tree' contains itself (as 't.kids.elem");
}

TEST(AvroResolution, Enums) {
  const std::string writer = R"({"type":"enum","name":"E","symbols":["A","B","C"]})";
  const std::string strict = R"({"type":"enum","name":"E","symbols":["C","A"]})";
  const std::string lenient = R"({"type":"enum","name":"E","symbols":["C","A"],"default":"A"})";
  EXPECT_EQ(Promote(writer, strict, Datum().Long(2)), "C\n");
  EXPECT_EQ(Promote(writer, strict, Datum().Long(1)),
            "avro.symbol: the enum's symbol 'B' is not in the reader's schema, and that has no "
            "default");
  EXPECT_EQ(Promote(writer, lenient, Datum().Long(1)), "A\n");
  EXPECT_EQ(Promote(writer, R"({"type":"enum","name":"F","symbols":["A"]})", Datum().Long(0)),
            "column 'v' is written as enum E, which cannot be read as enum F");
  EXPECT_EQ(Promote(writer, R"({"type":"enum","name":"F","aliases":["E"],"symbols":["A"]})",
                    Datum().Long(0)),
            "A\n");
  EXPECT_EQ(Promote(R"("string")", strict, ""),
            "column 'v' is written as string, which cannot be read as enum E");
}

TEST(AvroResolution, FixedMustAgreeInSize) {
  EXPECT_EQ(Promote(R"({"type":"fixed","name":"F","size":2})",
                    R"({"type":"fixed","name":"F","size":3})", "ab"),
            "column 'v' is written as fixed F, which cannot be read as fixed F");
  EXPECT_EQ(Promote(R"({"type":"fixed","name":"F","size":2})", R"("bytes")", "ab"),
            "column 'v' is written as fixed F, which cannot be read as bytes");
}

TEST(AvroResolution, Unions) {
  EXPECT_EQ(Promote(R"("int")", R"(["null","long"])", Datum().Long(3)), "3\n");
  EXPECT_EQ(Promote(R"("int")", R"(["string","long"])", Datum().Long(3)),
            "{member0:string = null, member1:int64 = 3}\n");
  // The writer's type itself comes before what it could be promoted to.
  EXPECT_EQ(Promote(R"("int")", R"(["double","int"])", Datum().Long(3)),
            "{member0:double = null, member1:int32 = 3}\n");
  EXPECT_EQ(Promote(R"(["null","int"])", R"("int")", Datum().Long(1).Long(3)), "3\n");
  EXPECT_EQ(Promote(R"(["null","int"])", R"("int")", Datum().Long(0)),
            "convert.null: null, but the column is NOT NULL");
  EXPECT_EQ(Promote(R"(["string","int"])", R"("long")", Datum().Long(1).Long(3)), "3\n");
  EXPECT_EQ(Promote(R"(["string","int"])", R"("long")", Datum().Long(0).Text("x")),
            "avro.branch: the value is of the union's type string, which cannot be read as bigint");
  EXPECT_EQ(Promote(R"(["string","boolean"])", R"("long")", ""),
            "column 'v' is written as string, which cannot be read as long");
  EXPECT_EQ(Promote(R"("boolean")", R"(["int","string"])", ""),
            "column 'v' is written as boolean, which cannot be read as union");
}

TEST(AvroResolution, RecordsOfAUnionByName) {
  const std::string a = Record(Field("x", R"("int")"), "a.A");
  const std::string b = Record(Field("x", R"("int")"), "a.B");
  const std::string other_b = Record(Field("x", R"("long")"), "z.B");
  EXPECT_EQ(
      Promote("[" + a + "," + b + "]", "[" + other_b + "," + a + "]", Datum().Long(1).Long(5)),
      "{member0:struct<x: int64 not null> = {x:int64 = 5}, member1:struct<x: int32 not null> "
      "= null}\n");
}

TEST(AvroResolution, LogicalTypes) {
  const auto logical = [](const std::string& base, const std::string& name) {
    return R"({"type":")" + base + R"(","logicalType":")" + name + R"("})";
  };
  EXPECT_EQ(Promote(logical("long", "timestamp-millis"), logical("long", "timestamp-micros"),
                    Datum().Long(1)),
            "1970-01-01 00:00:00.001000Z\n");
  EXPECT_EQ(Promote(R"("long")", logical("long", "timestamp-millis"), Datum().Long(1)),
            "1970-01-01 00:00:00.001000Z\n");
  EXPECT_EQ(Promote(logical("long", "timestamp-millis"), R"("long")", Datum().Long(1)), "1\n");
  EXPECT_NE(
      Promote(logical("long", "local-timestamp-millis"), logical("long", "timestamp-millis"), "")
          .find("cannot be read as long (timestamp-millis)"),
      std::string::npos);
  const auto decimal = [](int precision, int scale) {
    return R"({"type":"bytes","logicalType":"decimal","precision":)" + std::to_string(precision) +
           R"(,"scale":)" + std::to_string(scale) + "}";
  };
  EXPECT_EQ(Promote(decimal(4, 1), decimal(6, 3), Datum().Text("\x0f")), "1.500\n");
  EXPECT_EQ(Promote(decimal(4, 1), decimal(4, 3), Datum().Text("\x7f")),
            "convert.overflow: the decimal has more digits than its column");
  EXPECT_EQ(Promote(decimal(4, 2), decimal(4, 1), ""),
            "column 'v' is written as bytes (decimal 4,2), which cannot be read as bytes (decimal "
            "4,1)");
}

TEST(AvroResolution, DeclaredColumnsAreTheSchemaOfBareDatums) {
  const DecodedRows out =
      DecodeAvro(Declare("",
                         "id bigint NOT NULL, name string, small smallint, at timestamp, day date, "
                         "price decimal(9,2), tags array<string>, m map<string,int>, "
                         "geo struct<lat:double,lon:double NOT NULL>, ok boolean, raw binary"),
                 {Datum()
                      .Long(7)
                      .Long(1)
                      .Text("x")
                      .Long(1)
                      .Long(-5)
                      .Long(1)
                      .Long(1'000'001)
                      .Long(0)
                      .Long(1)
                      .Text("\x7b")
                      .Long(1)
                      .Long(2)
                      .Long(1)
                      .Text("a")
                      .Long(0)
                      .Long(0)
                      .Long(1)
                      .Long(1)
                      .Text("k")
                      .Long(1)
                      .Long(3)
                      .Long(0)
                      .Long(1)
                      .Long(1)
                      .Real(1.5)
                      .Real(2.5)
                      .Long(1)
                      .Raw("\1")
                      .Long(1)
                      .Text("b")});
  EXPECT_EQ(Rejects(out), "");
  EXPECT_EQ(
      Rows(out),
      "7 | x | -5 | 1970-01-01 00:00:01.000001Z | null | 1.23 | "
      "list<element: string>[a, null] | map<string, int32>[{key:string = k, value:int32 = 3}] "
      "| {lat:double = 1.5, lon:double = 2.5} | true | b\n");
  EXPECT_EQ(Rejects(DecodeAvro(Declare("", "b tinyint"), {Datum().Long(1).Long(128)})),
            "convert.overflow b@1 #0.0\n");
}

TEST(AvroResolution, DeclaredColumnsOfAnAvroSchema) {
  const std::string writer =
      Record(Field("id", R"("int")") + "," + Field("u", R"(["int","string"])") + "," +
             Field("e", R"({"type":"enum","name":"E","symbols":["A","B"]})") + "," +
             Field("when", R"({"type":"long","logicalType":"timestamp-millis"})"));
  const std::string datum = Datum().Long(7).Long(1).Text("s").Long(1).Long(5);
  EXPECT_EQ(Rows(DecodeAvro(Declare(writer, "when timestamp, id bigint, e string, more double"),
                            {datum})),
            "1970-01-01 00:00:00.005000Z | 7 | B | null\n");
  EXPECT_EQ(Rows(DecodeAvro(Declare(writer, "u struct<member0:int,member1:string>"), {datum})),
            "{member0:int32 = null, member1:string = s}\n");
  EXPECT_EQ(Rows(DecodeAvro(Declare(writer, "when bigint"), {datum})), "5\n");
  EXPECT_EQ(Rejects(DecodeAvro(Declare(writer, "u int"), {datum})), "avro.branch u@2 #0.0\n");
  EXPECT_EQ(MakeError(Declare(writer, "more double NOT NULL")),
            "avro.resolution: column 'more' is not in the data (record R has no field 'more'), and "
            "it is NOT NULL");
  EXPECT_EQ(MakeError(Declare(writer, "when timestamp_ntz")),
            "avro.resolution: column 'when' is written as long (timestamp-millis), which does not "
            "fit timestamp_ntz");
  EXPECT_EQ(MakeError(Declare(writer, "id timestamp")),
            "avro.resolution: column 'id' is written as int, which does not fit timestamp");
  EXPECT_EQ(MakeError(Declare(writer, "id string")),
            "avro.resolution: column 'id' is written as int, which does not fit string");
  EXPECT_EQ(MakeError(Declare("", "m map<int,int>")),
            "avro.map_key: column 'm' is a map with keys of type int; keys in Avro are text: write "
            "map<string, ...>");
}

TEST(AvroResolution, DeclaredColumnOfARootThatIsNoRecord) {
  EXPECT_EQ(
      Rows(DecodeAvro(Declare(R"({"type":"map","values":"int"})", "counts map<string,bigint>"),
                      {Datum().Long(1).Text("a").Long(1).Long(0)})),
      "map<string, int64>[{key:string = a, value:int64 = 1}]\n");
  EXPECT_EQ(
      MakeError(Declare(R"("long")", "a bigint, b bigint")),
      "avro.resolution: the data is no record but long, so the schema must be one column, for "
      "example: value string");
}

}  // namespace
}  // namespace sluice
