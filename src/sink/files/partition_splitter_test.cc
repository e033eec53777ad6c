#include "sink/files/partition_splitter.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/json/from_string.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sink/files/partition_path.h"

namespace sluice {
namespace {

std::string Escaped(std::string_view text) {
  std::string out;
  AppendHiveEscaped(text, &out);
  return out;
}

TEST(PartitionPath, EscapesAsHiveDoes) {
  EXPECT_EQ(Escaped("Berlin"), "Berlin");
  EXPECT_EQ(Escaped("São Paulo 東京"), "São Paulo 東京");
  EXPECT_EQ(Escaped("a/b=c:d%e\\f"), "a%2Fb%3Dc%3Ad%25e%5Cf");
  EXPECT_EQ(Escaped("."), "%2E");
  EXPECT_EQ(Escaped(".."), "%2E%2E");
  EXPECT_EQ(Escaped("%2e%2e"), "%252e%252e");
  EXPECT_EQ(Escaped(std::string("a\0b\r\n\x7f", 6)), "a%00b%0D%0A%7F");
  EXPECT_EQ(Escaped("\"#'*?{[]^"), "%22%23%27%2A%3F%7B%5B%5D%5E");
}

TEST(PartitionPath, AnyBytesComeBackAndNeverMakeAnotherFolder) {
  std::uint64_t state = 1;
  for (int i = 0; i < 10'000; ++i) {
    std::string text;
    for (state = state * 6364136223846793005u + 1; text.size() < state >> 60;
         state *= 0x9e3779b97f4a7c15u) {
      text.push_back(static_cast<char>(state >> 40));
      if ((state >> 50) % 3 == 0) text.push_back("./%=\\"[(state >> 45) % 5]);
    }
    std::string escaped = Escaped(text);
    EXPECT_EQ(HiveUnescaped(escaped), text);
    EXPECT_EQ(escaped.find_first_of(std::string_view("/\\=\0\n\r", 6)), escaped.npos);
    EXPECT_NE(escaped, ".");
    EXPECT_NE(escaped, "..");
  }
}

std::shared_ptr<arrow::RecordBatch> Rows(const SchemaPtr& schema, const std::string& json) {
  auto rows = arrow::json::ArrayFromJSONString(arrow::struct_(schema->fields()), json);
  EXPECT_TRUE(rows.ok()) << rows.status().ToString();
  return *arrow::RecordBatch::FromStructArray(*rows);
}

std::vector<std::string> Paths(PartitionSplitter& splitter, const arrow::RecordBatch& rows) {
  std::vector<std::int32_t> partitions;
  std::vector<SinkRefusal> refused;
  splitter.Split(rows, &partitions, &refused);
  std::vector<std::string> paths;
  for (std::int32_t one : partitions) {
    paths.push_back(one == PartitionSplitter::kRefused ? "refused" : splitter.path(one));
  }
  return paths;
}

TEST(PartitionSplitter, EveryTypeHasItsText) {
  using namespace arrow;  // NOLINT
  auto schema =
      arrow::schema({field("x", int64()), field("s", utf8()), field("b", boolean()),
                     field("i", int16()), field("d", decimal128(5, 2)), field("f", float64()),
                     field("day", date32()), field("ts", timestamp(TimeUnit::MICRO, "UTC"))});
  auto splitter = *PartitionSplitter::Make(schema, {"s", "b", "i", "d", "f", "day", "ts"});
  EXPECT_EQ(splitter->file_schema()->ToString(), "x: int64");
  auto rows = Rows(schema, R"([
    {"x": 1, "s": "a b", "b": true, "i": -7, "d": "1.50", "f": 0.5, "day": 20454, "ts": 1767225600500000},
    {"x": 2, "s": null, "b": null, "i": null, "d": null, "f": null, "day": null, "ts": null},
    {"x": 3, "s": "", "b": false, "i": 0, "d": "0.00", "f": 1, "day": 0, "ts": 0}])");
  std::string none(kHiveDefaultPartition);
  EXPECT_EQ(
      Paths(*splitter, *rows),
      (std::vector<std::string>{
          "s=a b/b=true/i=-7/d=1.50/f=0.5/day=2026-01-01/ts=2026-01-01 00%3A00%3A00.5",
          "s=" + none + "/b=" + none + "/i=" + none + "/d=" + none + "/f=" + none + "/day=" + none +
              "/ts=" + none,
          "s=" + none + "/b=false/i=0/d=0.00/f=1.0/day=1970-01-01/ts=1970-01-01 00%3A00%3A00"}));
  EXPECT_EQ(Paths(*splitter, *rows->Slice(2))[0], Paths(*splitter, *rows)[2])
      << "slices count from theirs";
  EXPECT_EQ((*splitter->WithoutKeys(*rows))->num_columns(), 1);
}

TEST(PartitionSplitter, TooLongValuesAreRefusedByRow) {
  using namespace arrow;  // NOLINT
  auto schema = arrow::schema({field("x", int64()), field("k", utf8()), field("l", utf8())});
  auto splitter = *PartitionSplitter::Make(schema, {"k", "l"});
  const std::string fits(253, 'v');
  auto rows = Rows(schema, "[{\"k\": \"" + fits + "\", \"l\": \"a\"}, {\"k\": \"" + fits +
                               "v\", \"l\": \"b\"},"
                               "{\"k\": \"a\", \"l\": \"" +
                               std::string(85, '/') + "\"}]");
  std::vector<std::int32_t> partitions;
  std::vector<SinkRefusal> refused;
  splitter->Split(*rows, &partitions, &refused);
  ASSERT_EQ(refused.size(), 2u);
  EXPECT_EQ(refused[0].row, 1);
  EXPECT_EQ(refused[0].field, "k");
  EXPECT_EQ(refused[0].code, "files.partition_value");
  EXPECT_EQ(refused[0].reason.find("vvv"), std::string::npos) << "a reason never holds the value";
  EXPECT_EQ(refused[1].row, 2);
  EXPECT_EQ(refused[1].field, "l");
  EXPECT_EQ(partitions[0], 0);
  EXPECT_EQ(partitions[1], PartitionSplitter::kRefused);
}

TEST(PartitionSplitter, KeysMustBeUsableColumns) {
  using namespace arrow;  // NOLINT
  auto schema = arrow::schema({field("city", utf8()), field("geo", struct_({field("x", int8())})),
                               field("_day", date32())});
  auto message = [&](const std::vector<std::string>& keys) {
    return PartitionSplitter::Make(schema, keys).error().message;
  };
  EXPECT_NE(message({"citi"}).find("did you mean 'city'"), std::string::npos);
  EXPECT_NE(message({"geo"}).find("struct"), std::string::npos);
  EXPECT_NE(message({"_day"}).find("_day"), std::string::npos);
  EXPECT_NE(message({"city", "city"}).find("twice"), std::string::npos);
  auto only = arrow::schema({field("city", utf8())});
  EXPECT_EQ(PartitionSplitter::Make(only, {"city"}).error().blame, Blame::kUser);
}

}  // namespace
}  // namespace sluice
