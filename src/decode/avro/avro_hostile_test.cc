// Bytes that mean harm: a reject each, bounded memory and time, neighbours unharmed.
#include <arrow/memory_pool.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "decode/avro/avro_testing.h"
#include "decode/codec/codec_testing.h"

namespace sluice {
namespace {

/// Decodes the message between two good ones and returns its only reject.
std::string Reject1(const std::string& schema, const std::string& message,
                    const std::string& good) {
  arrow::ProxyMemoryPool pool(arrow::default_memory_pool());
  auto decoder = MakeAvroDecoder(WrittenAs(schema), &pool);
  EXPECT_TRUE(decoder.ok()) << decoder.error().message;
  const DecodedRows out = DecodeMessages(decoder->get(), {good, message, good});
  EXPECT_EQ(out.rows->num_rows(), 2) << schema;
  EXPECT_LT(pool.max_memory(), 512 << 20) << schema;
  if (out.rejects.size() != 1 || out.rejects[0].record != 1) return "no reject";
  EXPECT_LE(out.rejects[0].byte, static_cast<std::int64_t>(message.size()));
  return out.rejects[0].code + ": " + out.rejects[0].reason;
}

TEST(AvroHostile, WhatEveryDecoderMustReject) {
  // What Avro's libraries share as binary-rejections.json: encodings that must be refused.
  const struct {
    const char* schema;
    const char* hex;
    const char* reason;
  } cases[] = {
      {R"("long")", "80 80 80 80 80 80 80 80 80 80", "64 bits"},
      {R"("int")", "80 80 80 80 80", "32 bits"},
      {R"({"type":"array","items":"int"})", "ff ff ff ff ff ff ff ff ff 01 02",
       "a number of items that cannot be"},
      {R"("bytes")", "01", "a length is negative"},
      {R"("string")", "01", "a length is negative"},
      {R"(["null","int"])", "01", "a union of 2 types has no type with this index"},
      {R"(["null","int"])", "0a", "a union of 2 types has no type with this index"},
      {R"({"type":"enum","name":"E","symbols":["A","B"]})", "01", "an enum of 2 symbols has none"},
      {R"({"type":"enum","name":"E","symbols":["A","B"]})", "0a", "an enum of 2 symbols has none"},
      // And what they do not share.
      {R"("long")", "ff ff ff ff ff ff ff ff ff 02", "64 bits"},
      {R"("long")", "80", "ends within a number"},
      {R"("int")", "ff ff ff ff 1f", "32 bits"},
      {R"("int")", "80 80 80 80 80 00", "32 bits"},
      {R"("boolean")", "02", "must be the byte 0 or 1"},
      {R"("double")", "00 00 00 00", "ends within a double"},
      {R"("float")", "00 00", "ends within a float"},
      {R"("long")", "02 02", "1 bytes are left behind the data"},
      {R"("string")", "fe ff ff ff 0f 61", "a length of"},
      {R"("bytes")", "fe ff ff ff ff ff ff ff ff 01 61", "a length of 9223372036854775807"},
      {R"({"type":"array","items":"int"})", "fe ff ff ff 0f 02", "items"},
      {R"({"type":"array","items":"int"})", "fe ff ff ff ff ff ff ff ff 01", "items"},
      {R"({"type":"array","items":"double"})", "04 00 00 00 00 00 00 00 00 00", "too few bytes"},
      {R"({"type":"map","values":"int"})", "01 01 00", "a length is negative"},
      {R"({"type":"map","values":"int"})", "ff ff ff ff ff ff ff ff ff 01 02", "cannot be"},
      {R"({"type":"array","items":"int"})", "01 80 01 02 00", "a length of"},
      {R"({"type":"array","items":"int"})", "02 02", "ends within a number"},
      {R"({"type":"fixed","name":"F","size":16777216})", "00", "ends within a fixed"},
  };
  for (const auto& one : cases) {
    const std::string message = FromHex(one.hex);
    auto decoder = MakeAvroDecoder(WrittenAs(one.schema), arrow::default_memory_pool());
    ASSERT_TRUE(decoder.ok()) << one.schema;
    const DecodedRows out = DecodeMessages(decoder->get(), {message});
    ASSERT_EQ(out.rejects.size(), 1U) << one.schema << " " << one.hex;
    EXPECT_EQ(out.rows->num_rows(), 0);
    EXPECT_EQ(out.rejects[0].row, Reject::kWholeMessage);
    EXPECT_NE(out.rejects[0].reason.find(one.reason), std::string::npos)
        << one.schema << " " << one.hex << ": " << out.rejects[0].reason;
  }
}

TEST(AvroHostile, EncodingsLongerThanNeedBeAreFine) {
  const DecodedRows out = DecodeAvro(
      WrittenAs(R"("long")"),
      {FromHex("80 00"), FromHex("82 80 80 80 80 80 80 80 80 00"), FromHex("82 80 80 00")});
  EXPECT_EQ(Rows(out), "0\n1\n1\n");
}

TEST(AvroHostile, BombsOfItemsWithoutBytes) {
  const std::string empty = R"({"type":"record","name":"E","fields":[]})";
  for (const std::string& item :
       {std::string(R"("null")"), empty, std::string(R"({"type":"fixed","name":"F","size":0})")}) {
    const std::string schema = R"({"type":"record","name":"R","fields":[{"name":"a","type":
        {"type":"array","items":)" +
                               item + "}}]}";
    EXPECT_EQ(Reject1(schema, Datum().Long(1'000'000'000).Long(0), Datum().Long(0)).substr(0, 12),
              "limit.items:");
    // Within the limit of one array, but a million arrays of them.
    const std::string arrays = R"({"type":"record","name":"R","fields":[{"name":"a","type":
        {"type":"array","items":{"type":"array","items":)" +
                               item + "}}}]}";
    Datum many;
    many.Long(100'000);
    for (int i = 0; i < 100'000; ++i) many.Long(1'000'000).Long(0);
    EXPECT_EQ(Reject1(arrays, many.Long(0), Datum().Long(0)).substr(0, 14), "limit.missing:");
    // The same where no column wants them.
    AvroDecoderOptions options = WrittenAs(
        R"({"type":"record","name":"R","fields":[{"name":"k","type":"int"},{"name":"a","type":
        {"type":"array","items":{"type":"array","items":)" +
        item + "}}}]}");
    options.declared = *ParseDdl("k int");
    const DecodedRows out =
        DecodeAvro(std::move(options), {std::string(Datum().Long(1)) + std::string(many)});
    EXPECT_EQ(Rejects(out).substr(0, 14), "limit.missing ");
  }
}

TEST(AvroHostile, RowsWithoutBytes) {
  const std::string schema =
      R"({"type":"record","name":"R","fields":[{"name":"n","type":"null"}]})";
  const DecodedRows out =
      DecodeAvro(WrittenAs(schema),
                 {AvroFile(schema, "null", INT64_C(1) << 60, ""), AvroFile(schema, "null", 3, "")});
  EXPECT_EQ(Rejects(out), "limit.items @" + std::to_string(out.rejects[0].byte) + " #0\n");
  EXPECT_EQ(out.rows->num_rows(), 3);
}

TEST(AvroHostile, NullsThatStandForManyColumns) {
  std::string fields;
  for (int i = 0; i < 900; ++i) {
    fields += (i == 0 ? "" : ",") +
              (R"({"name":"f)" + std::to_string(i) + R"(","type":["null","long"]})");
  }
  const std::string schema = R"({"type":"array","items":{"type":"record","name":"R","fields":[
      {"name":"wide","type":["null",{"type":"record","name":"W","fields":[)" +
                             fields + "]}]}]}}";
  Datum nulls;
  nulls.Long(200'000).Raw(std::string(200'000, '\0')).Long(0);
  EXPECT_EQ(Reject1(schema, nulls, Datum().Long(1).Long(0).Long(0)).substr(0, 14),
            "limit.missing:");
}

TEST(AvroHostile, RecursiveDataThatIsSkipped) {
  AvroDecoderOptions options = WrittenAs(
      R"({"type":"record","name":"R","fields":[{"name":"list","type":{"type":"record","name":"L",
         "fields":[{"name":"next","type":["null","L"]}]}},{"name":"a","type":"int"}]})");
  options.declared = *ParseDdl("a int");
  const DecodedRows out =
      DecodeAvro(std::move(options), {std::string(1'000'000, '\2'), FromHex("02 02 00 06")});
  EXPECT_EQ(Rows(out), "3\n");
  EXPECT_EQ(Rejects(out).substr(0, 12), "limit.depth ");
}

TEST(AvroHostile, SkippedTypesThatDouble) {
  // 2^40 visits without a byte read.
  std::string type = R"({"type":"record","name":"D40","fields":[]})";
  for (int i = 39; i >= 0; --i) {
    type = R"({"type":"record","name":"D)" + std::to_string(i) +
           R"(","fields":[{"name":"a","type":)" + type + R"(},{"name":"b","type":"D)" +
           std::to_string(i + 1) + R"("}]})";
  }
  AvroDecoderOptions options = WrittenAs(R"({"type":"record","name":"R","fields":[{"name":"k",
      "type":"int"},{"name":"d","type":)" +
                                         type + "}]}");
  options.declared = *ParseDdl("k int");
  const DecodedRows out = DecodeAvro(std::move(options), {Datum().Long(1)});
  EXPECT_EQ(Rejects(out).substr(0, 14), "limit.missing ");
}

TEST(AvroHostile, MapsThatRepeatKeysInMaps) {
  std::string type = R"("int")";
  for (int i = 0; i < 12; ++i) type = R"({"type":"map","values":)" + type + "}";
  // Each level has its key twice, so each level would be read twice as often as the one above.
  std::string value = Datum().Long(1);
  for (int i = 0; i < 12; ++i)
    value = Datum().Long(2).Text("a").Raw(value).Text("a").Raw(value).Long(0);
  const DecodedRows out = DecodeAvro(WrittenAs(type), {value});
  EXPECT_EQ(out.rows->num_rows() + static_cast<std::int64_t>(out.rejects.size()), 1);
}

TEST(AvroHostile, TooManyBadRows) {
  const std::string schema = R"({"type":"array","items":{"type":"record","name":"R","fields":[
      {"name":"s","type":"string"}]}})";
  Datum bad;
  bad.Long(10'001);
  for (int i = 0; i < 10'001; ++i) bad.Text("\xff");
  EXPECT_EQ(Reject1(schema, bad.Long(0), Datum().Long(1).Text("x").Long(0)).substr(0, 14),
            "limit.rejects:");
}

TEST(AvroHostile, SchemaThatWouldTakeTooManySteps) {
  // At each level a union of two records with the same fields: 2^20 ways through.
  std::string writer = R"("int")";
  std::string ddl = "int";
  for (int i = 0; i < 20; ++i) {
    const std::string n = std::to_string(i);
    writer =
        R"([{"type":"record","name":"A)" + n + R"(","fields":[{"name":"x","type":)" + writer +
        R"(}]},{"type":"record","name":"B)" + n + R"(","fields":[{"name":"x","type":)" +
        (i == 0 ? std::string(R"("int")")
                : R"(["A)" + std::to_string(i - 1) + R"(","B)" + std::to_string(i - 1) + R"("])") +
        "}]}]";
    ddl = "struct<x:" + ddl + ">";
  }
  AvroDecoderOptions options =
      WrittenAs(R"({"type":"record","name":"R","fields":[{"name":"v","type":)" + writer + "}]}");
  options.declared = *ParseDdl("v " + ddl);
  EXPECT_NE(MakeError(std::move(options)).find("too intricate"), std::string::npos);
}

TEST(AvroHostile, AnyPrefixAndAnyFlippedBit) {
  const std::string schema = R"({"type":"record","name":"R","fields":[{"name":"a","type":"long"},
      {"name":"s","type":["null","string"]},{"name":"l","type":{"type":"array","items":"double"}},
      {"name":"m","type":{"type":"map","values":{"type":"bytes","logicalType":"decimal",
      "precision":9,"scale":2}}},{"name":"u","type":["int","string","boolean"]}]})";
  const std::string good = Datum()
                               .Long(-1234567)
                               .Long(1)
                               .Text("some text that is longer")
                               .Long(2)
                               .Real(1.0)
                               .Real(2.0)
                               .Long(0)
                               .Long(1)
                               .Text("k")
                               .Text("\x01\x02")
                               .Long(0)
                               .Long(1)
                               .Text("x");
  auto decoder = MakeAvroDecoder(WrittenAs(schema), arrow::default_memory_pool());
  ASSERT_TRUE(decoder.ok());
  std::vector<std::string> messages;
  for (std::size_t size = 1; size < good.size(); ++size) messages.push_back(good.substr(0, size));
  const DecodedRows prefixes = DecodeMessages(decoder->get(), messages);
  EXPECT_EQ(prefixes.rows->num_rows(), 0);
  EXPECT_EQ(prefixes.rejects.size(), messages.size());
  messages.clear();
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    messages.push_back(good);
    messages.back()[bit / 8] = static_cast<char>(messages.back()[bit / 8] ^ 1 << bit % 8);
    messages.push_back(good);
  }
  const DecodedRows flipped = DecodeMessages(decoder->get(), messages);
  EXPECT_EQ(flipped.rows->num_rows() + static_cast<std::int64_t>(flipped.rejects.size()),
            static_cast<std::int64_t>(messages.size()));
  EXPECT_GE(flipped.rows->num_rows(), static_cast<std::int64_t>(messages.size() / 2));
}

}  // namespace
}  // namespace sluice
