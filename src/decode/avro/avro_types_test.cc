// Values of every type, as bytes and as rows.
#include <gtest/gtest.h>

#include <string>

#include "decode/avro/avro_testing.h"

namespace sluice {
namespace {

/// One field of the type, and the row that a datum of it gives.
std::string One(const std::string& type, const std::string& datum) {
  const DecodedRows out = DecodeAvro(
      WrittenAs(R"({"type":"record","name":"R","fields":[{"name":"v","type":)" + type + "}]}"),
      {datum});
  return out.rejects.empty() ? Rows(out) : out.rejects[0].code + ": " + out.rejects[0].reason;
}

std::string Bytes(std::string_view bytes) { return Datum().Text(bytes); }

TEST(AvroTypes, Primitives) {
  EXPECT_EQ(One(R"("null")", std::string()), "null\n");
  EXPECT_EQ(One(R"("boolean")", "\1"), "true\n");
  EXPECT_EQ(One(R"("boolean")", std::string(1, '\0')), "false\n");
  EXPECT_EQ(One(R"("int")", Datum().Long(-64)), "-64\n");
  EXPECT_EQ(One(R"("int")", Datum().Long(INT32_MIN)), "-2147483648\n");
  EXPECT_EQ(One(R"("long")", Datum().Long(INT64_MAX)), "9223372036854775807\n");
  EXPECT_EQ(One(R"("long")", Datum().Long(INT64_MIN)), "-9223372036854775808\n");
  EXPECT_EQ(One(R"("float")", Datum().Real(1.5F)), "1.5\n");
  EXPECT_EQ(One(R"("double")", Datum().Real(-0.25)), "-0.25\n");
  EXPECT_EQ(One(R"("string")", Bytes("gr\xc3\xbc\xc3\x9f")), "gr\xc3\xbc\xc3\x9f\n");
  EXPECT_EQ(One(R"("string")", Bytes("")), "\n");
  EXPECT_EQ(One(R"("bytes")", Bytes("\xff\x01")), "\xff\x01\n");
}

TEST(AvroTypes, LongsOfEveryLength) {
  std::vector<std::string> messages;
  std::string expected;
  for (int bits = 0; bits < 64; ++bits) {
    for (const std::int64_t around : {-1, 0, 1}) {
      // Unsigned, where the ends of the range wrap.
      const std::uint64_t value = (std::uint64_t{1} << bits) + static_cast<std::uint64_t>(around);
      for (const auto signed_value :
           {static_cast<std::int64_t>(value), static_cast<std::int64_t>(0 - value)}) {
        messages.push_back(Datum().Long(signed_value).Long(7));
        expected += std::to_string(signed_value) + " | 7\n";
      }
    }
  }
  EXPECT_EQ(Rows(DecodeAvro(WrittenAs(R"({"type":"record","name":"R","fields":[
                {"name":"a","type":"long"},{"name":"b","type":"int"}]})"),
                            messages)),
            expected);
}

TEST(AvroTypes, StringsOfEveryLengthNearTheEnd) {
  for (std::size_t size = 0; size < 70; ++size) {
    const std::string text(size, 'x');
    EXPECT_EQ(One(R"("string")", Bytes(text)), text + "\n");
    if (size < 2) continue;
    for (const std::size_t at : {std::size_t{0}, size - 2}) {
      std::string umlaut = text;
      umlaut.replace(at, 2, "\xc3\xbc");
      EXPECT_EQ(One(R"("string")", Bytes(umlaut)), umlaut + "\n");
      umlaut.replace(at, 2, "\xc3x");
      EXPECT_EQ(One(R"("string")", Bytes(umlaut)), "convert.format: the string is not valid UTF-8");
    }
  }
}

TEST(AvroTypes, NullableAndUnions) {
  const std::string nullable = R"(["null","long"])";
  EXPECT_EQ(One(nullable, Datum().Long(0)), "null\n");
  EXPECT_EQ(One(nullable, Datum().Long(1).Long(9)), "9\n");
  EXPECT_EQ(One(R"(["long","null"])", Datum().Long(1)), "null\n");
  EXPECT_EQ(One(R"(["long"])", Datum().Long(0).Long(5)), "5\n");
  const std::string several = R"(["int","null","string"])";
  EXPECT_EQ(One(several, Datum().Long(0).Long(5)), "{member0:int32 = 5, member1:string = null}\n");
  EXPECT_EQ(One(several, Datum().Long(1)), "null\n");
  EXPECT_EQ(One(several, Datum().Long(2).Text("x")),
            "{member0:int32 = null, member1:string = x}\n");
  EXPECT_EQ(One(several, Datum().Long(3)),
            "avro.datum: a union of 3 types has no type with this index");
  EXPECT_EQ(One(R"(["null"])", Datum().Long(0)), "null\n");
}

TEST(AvroTypes, ArraysAndMapsInBlocks) {
  const std::string array = R"({"type":"array","items":"long"})";
  EXPECT_EQ(One(array, Datum().Long(0)), "list<element: int64>[]\n");
  EXPECT_EQ(One(array, Datum().Long(2).Long(1).Long(2).Long(1).Long(3).Long(0)),
            "list<element: int64>[1, 2, 3]\n");
  // A negative count is followed by the block's size in bytes.
  EXPECT_EQ(One(array, Datum().Long(-2).Long(2).Long(1).Long(2).Long(0)),
            "list<element: int64>[1, 2]\n");
  EXPECT_EQ(One(array, Datum().Long(-2).Long(1).Long(1).Long(2).Long(0)),
            "avro.datum: a block of the array has another size than it says");
  const std::string map = R"({"type":"map","values":"int"})";
  EXPECT_EQ(One(map, Datum().Long(2).Text("a").Long(1).Text("b").Long(2).Long(0)),
            "map<string, int32>[{key:string = a, value:int32 = 1}, {key:string = b, "
            "value:int32 = 2}]\n");
  // Of several entries with one key the last counts, as in JSON.
  EXPECT_EQ(
      One(map,
          Datum().Long(1).Text("a").Long(1).Long(2).Text("b").Long(2).Text("a").Long(3).Long(0)),
      "map<string, int32>[{key:string = b, value:int32 = 2}, {key:string = a, "
      "value:int32 = 3}]\n");
}

TEST(AvroTypes, EnumAndFixed) {
  const std::string of_two = R"({"type":"enum","name":"E","symbols":["UP","DOWN"]})";
  EXPECT_EQ(One(of_two, Datum().Long(1)), "DOWN\n");
  EXPECT_EQ(One(of_two, Datum().Long(2)),
            "avro.datum: an enum of 2 symbols has none with this index");
  EXPECT_EQ(One(R"({"type":"fixed","name":"F","size":3})", "abc"), "abc\n");
  EXPECT_EQ(One(R"({"type":"fixed","name":"F","size":0})", std::string()), "\n");
  EXPECT_EQ(One(R"({"type":"fixed","name":"F","size":3})", "ab"),
            "avro.datum: the data ends within a fixed");
}

TEST(AvroTypes, Decimals) {
  const std::string bytes = R"({"type":"bytes","logicalType":"decimal","precision":4,"scale":2})";
  EXPECT_EQ(One(bytes, Bytes(std::string("\x00", 1))), "0.00\n");
  EXPECT_EQ(One(bytes, Bytes("\x7b")), "1.23\n");
  EXPECT_EQ(One(bytes, Bytes("\x85")), "-1.23\n");
  EXPECT_EQ(One(bytes, Bytes("\x27\x0f")), "99.99\n");
  EXPECT_EQ(One(bytes, Bytes("\x27\x10")),
            "convert.overflow: the decimal has more digits than its column");
  EXPECT_EQ(One(bytes, Bytes(std::string(30, '\xff') + "\x85")), "-1.23\n");
  EXPECT_EQ(One(bytes, Bytes(std::string("\x01", 1) + std::string(16, '\0'))),
            "convert.overflow: the decimal has more digits than its column");
  EXPECT_EQ(One(bytes, Bytes("\x80" + std::string(15, '\0') + "\x7b")),
            "convert.overflow: the decimal has more digits than its column");
  EXPECT_EQ(One(bytes, Bytes("")), "convert.format: a decimal must have at least one byte");
  EXPECT_EQ(One(R"({"type":"fixed","name":"F","size":4,"logicalType":"decimal","precision":9})",
                "\xff\xff\xff\xfe"),
            "-2\n");
  const std::string wide = R"({"type":"bytes","logicalType":"decimal","precision":38})";
  EXPECT_EQ(One(wide, Bytes("\x4b\x3b\x4c\xa8\x5a\x86\xc4\x7a\x09\x8a\x22\x3f\xff\xff\xff\xff")),
            "99999999999999999999999999999999999999\n");
  EXPECT_EQ(One(wide, Bytes("\x7f" + std::string(15, '\xff'))),
            "convert.overflow: the decimal has more digits than its column");
}

TEST(AvroTypes, DatesAndTimes) {
  const auto logical = [](const char* base, const char* name) {
    return R"({"type":")" + std::string(base) + R"(","logicalType":")" + name + R"("})";
  };
  EXPECT_EQ(One(logical("int", "date"), Datum().Long(-1)), "1969-12-31\n");
  EXPECT_EQ(One(logical("int", "date"), Datum().Long(2'932'896)), "9999-12-31\n");
  EXPECT_EQ(One(logical("int", "date"), Datum().Long(2'932'897)),
            "convert.overflow: the number is no day of the years 1 to 9999");
  const std::int64_t moment = 1'700'000'000'123;
  EXPECT_EQ(One(logical("long", "timestamp-millis"), Datum().Long(moment)),
            "2023-11-14 22:13:20.123000Z\n");
  EXPECT_EQ(One(logical("long", "timestamp-micros"), Datum().Long(moment * 1000 + 456)),
            "2023-11-14 22:13:20.123456Z\n");
  EXPECT_EQ(One(logical("long", "timestamp-nanos"), Datum().Long(-1)),
            "1969-12-31 23:59:59.999999Z\n");
  EXPECT_EQ(One(logical("long", "local-timestamp-millis"), Datum().Long(moment)),
            "2023-11-14 22:13:20.123000\n");
  EXPECT_EQ(One(logical("long", "timestamp-micros"), Datum().Long(INT64_MAX)),
            "convert.overflow: the number is no time of the years 1 to 9999");
  EXPECT_EQ(One(logical("int", "time-millis"), Datum().Long(86'399'999)), "86399999\n");
  EXPECT_EQ(One(logical("long", "time-micros"), Datum().Long(1)), "1\n");
}

TEST(AvroTypes, UuidAndDuration) {
  const std::string sixteen("\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff", 16);
  EXPECT_EQ(One(R"({"type":"fixed","name":"U","size":16,"logicalType":"uuid"})", sixteen),
            "00112233-4455-6677-8899-aabbccddeeff\n");
  EXPECT_EQ(One(R"({"type":"string","logicalType":"uuid"})", Bytes("any text")), "any text\n");
  EXPECT_EQ(One(R"({"type":"fixed","name":"D","size":12,"logicalType":"duration"})",
                std::string("\x01\0\0\0\x02\0\0\0\xff\xff\xff\xff", 12)),
            "{months:int64 = 1, days:int64 = 2, milliseconds:int64 = 4294967295}\n");
}

TEST(AvroTypes, Version17ReadsWhatIsStored) {
  AvroDecoderOptions options;
  auto schema = AvroSchema::Parse(
      R"({"type":"record","name":"R","fields":[{"name":"v","type":
         {"type":"long","logicalType":"timestamp-millis"}}]})",
      {.logical_types = false});
  ASSERT_TRUE(schema.ok());
  options.writer = *schema;
  EXPECT_EQ(Rows(DecodeAvro(std::move(options), {Datum().Long(12)})), "12\n");
}

TEST(AvroTypes, RootsThatAreNoRecord) {
  EXPECT_EQ(Rows(DecodeAvro(WrittenAs(R"("long")"), {Datum().Long(3), Datum().Long(4)})), "3\n4\n");
  EXPECT_EQ(Rows(DecodeAvro(WrittenAs(R"(["null","string"])"),
                            {Datum().Long(0), Datum().Long(1).Text("x")})),
            "null\nx\n");
  const DecodedRows rows =
      DecodeAvro(WrittenAs(R"({"type":"array","items":{"type":"record","name":"R","fields":[
          {"name":"a","type":"int"},{"name":"s","type":"string"}]}})"),
                 {Datum().Long(2).Long(1).Text("x").Long(2).Text("y").Long(0), Datum().Long(0),
                  Datum().Long(-2).Long(6).Long(3).Text("\xff").Long(4).Text("z").Long(0)});
  EXPECT_EQ(Rows(rows), "1 | x\n2 | y\n4 | z\n");
  EXPECT_EQ(rows.record_of_row, (std::vector<std::uint32_t>{0, 0, 2}));
  EXPECT_EQ(rows.row_in_message, (std::vector<std::int32_t>{0, 1, 1}));
  // Only the row is lost whose value does not fit, and its own bytes are kept.
  ASSERT_EQ(Rejects(rows), "convert.format s@3 #2.0\n");
  EXPECT_EQ(rows.rejects[0].bytes, "\x06\x02\xff");
}

}  // namespace
}  // namespace sluice
