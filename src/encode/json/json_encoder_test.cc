#include "encode/json/json_encoder.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/io/compressed.h>
#include <arrow/io/memory.h>
#include <arrow/json/from_string.h>
#include <arrow/type.h>
#include <arrow/util/compression.h>
#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <string>

#include "core/json_text.h"
#include "record/json_row.h"

namespace sluice {
namespace {

std::string Text(const std::shared_ptr<arrow::DataType>& type, const std::string& json) {
  auto array = arrow::json::ArrayFromJSONString(type, "[" + json + "]");
  EXPECT_TRUE(array.ok()) << array.status().ToString();
  std::string out;
  AppendJsonValue(**array, 0, &out);
  return out;
}

TEST(JsonRow, Scalars) {
  using namespace arrow;  // NOLINT
  EXPECT_EQ(Text(boolean(), "true"), "true");
  EXPECT_EQ(Text(int8(), "-128"), "-128");
  EXPECT_EQ(Text(int64(), "-9223372036854775808"), "-9223372036854775808");
  EXPECT_EQ(Text(float64(), "0.1"), "0.1");
  EXPECT_EQ(Text(float64(), "3"), "3.0");
  EXPECT_EQ(Text(float64(), "1e300"), "1e+300");
  EXPECT_EQ(Text(float32(), "0.1"), "0.1");
  EXPECT_EQ(Text(float64(), "NaN"), "\"NaN\"");
  EXPECT_EQ(Text(float64(), "-Inf"), "\"-Infinity\"");
  EXPECT_EQ(Text(decimal128(20, 3), "\"12345678901234567.120\""), "12345678901234567.120");
  EXPECT_EQ(Text(utf8(), "null"), "null");
  EXPECT_EQ(Text(binary(), "\"a\""), "\"YQ==\"");
}

TEST(JsonRow, DatesAndTimes) {
  using namespace arrow;  // NOLINT
  auto utc = timestamp(TimeUnit::MICRO, "UTC");
  EXPECT_EQ(Text(date32(), "0"), "\"1970-01-01\"");
  EXPECT_EQ(Text(date32(), "-1"), "\"1969-12-31\"");
  EXPECT_EQ(Text(date32(), "11016"), "\"2000-02-29\"");
  EXPECT_EQ(Text(date32(), "-719529"), "\"-0001-12-31\"");
  EXPECT_EQ(Text(date32(), "2932897"), "\"+10000-01-01\"");
  EXPECT_EQ(Text(utc, "0"), "\"1970-01-01T00:00:00Z\"");
  EXPECT_EQ(Text(utc, "-1"), "\"1969-12-31T23:59:59.999999Z\"");
  EXPECT_EQ(Text(utc, "1767225600120000"), "\"2026-01-01T00:00:00.12Z\"");
  EXPECT_EQ(Text(timestamp(TimeUnit::MICRO), "1767225600000001"), "\"2026-01-01T00:00:00.000001\"");
}

TEST(JsonRow, TextIsEscapedAndKeptOtherwise) {
  std::string out;
  AppendJsonString(std::string("a\"\\\n\x01\0\x7f"
                               "ä\xe2\x80\xa8",
                               12),
                   &out);
  EXPECT_EQ(out, "\"a\\\"\\\\\\n\\u0001\\u0000\\u007fä\xe2\x80\xa8\"");
}

TEST(JsonRow, NestedTypes) {
  using namespace arrow;  // NOLINT
  EXPECT_EQ(Text(list(utf8()), R"(["a", null])"), R"(["a",null])");
  EXPECT_EQ(Text(list(utf8()), "[]"), "[]");
  EXPECT_EQ(
      Text(struct_({field("a", int32()), field("b \"", utf8())}), R"({"a": 1, "b \"": null})"),
      R"({"a":1,"b \"":null})");
  EXPECT_EQ(Text(map(utf8(), int32()), R"([["k", 1], ["l", null]])"), R"({"k":1,"l":null})");
  EXPECT_EQ(Text(map(int32(), list(boolean())), "[[7, [true]]]"), R"({"7":[true]})");
  auto slice = arrow::json::ArrayFromJSONString(list(int32()), "[[1, 2], [3], [4, 5]]");
  std::string out;
  AppendJsonValue(*(*slice)->Slice(1), 1, &out);
  EXPECT_EQ(out, "[4,5]") << "slices count from their own begin";
}

class StringSink final : public ByteSink {
 public:
  Result<void> Append(std::string_view more) override {
    bytes.append(more);
    return {};
  }
  std::string bytes;
};

TEST(JsonEncoder, LinesReadBackFromEveryCodec) {
  auto schema =
      arrow::schema({arrow::field("id", arrow::int64()), arrow::field("s", arrow::utf8())});
  auto rows = *arrow::RecordBatch::FromStructArray(*arrow::json::ArrayFromJSONString(
      arrow::struct_(schema->fields()), R"([{"id": 1, "s": "x"}, {"id": null, "s": null}])"));
  std::string expected;
  for (int i = 0; i < 20'000; ++i) expected += "{\"id\":1,\"s\":\"x\"}\n{\"id\":null,\"s\":null}\n";
  for (auto [name, type, extension] :
       {std::tuple("none", arrow::Compression::UNCOMPRESSED, ".json"),
        std::tuple("gzip", arrow::Compression::GZIP, ".json.gz"),
        std::tuple("zstd", arrow::Compression::ZSTD, ".json.zst"),
        std::tuple("bzip2", arrow::Compression::BZ2, ".json.bz2")}) {
    SCOPED_TRACE(name);
    EncoderEntry entry = JsonEncoderEntry();
    Options options =
        *ParseOptions(entry.options, RawOptionsFromPairs({{"compression", name}}), "test");
    EXPECT_EQ(entry.extension(options), extension);
    ASSERT_TRUE(entry.check(options, schema).ok());
    StringSink out;
    auto encoder = *entry.make(options, schema, &out);
    for (int i = 0; i < 20'000; ++i) ASSERT_TRUE(encoder->Write(rows).ok());
    EXPECT_LT(encoder->memory(), 1u << 20) << "memory does not grow with the file";
    ASSERT_TRUE(encoder->Finish().ok());
    EXPECT_EQ(encoder->rows(), 40'000);
    if (type == arrow::Compression::UNCOMPRESSED) {
      EXPECT_TRUE(out.bytes == expected);
      continue;
    }
    auto codec = *arrow::util::Codec::Create(type);
    auto in = *arrow::io::CompressedInputStream::Make(
        codec.get(),
        std::make_shared<arrow::io::BufferReader>(arrow::Buffer::FromString(out.bytes)));
    EXPECT_TRUE((*in->Read(static_cast<std::int64_t>(expected.size()) + 1))->ToString() ==
                expected);
  }
}

TEST(JsonEncoder, RefusesWhatItCannotWrite) {
  EncoderEntry entry = JsonEncoderEntry();
  auto brotli =
      ParseOptions(entry.options, RawOptionsFromPairs({{"compression", "brotli"}}), "sink x");
  ASSERT_FALSE(brotli.ok());
  EXPECT_NE(brotli.error().message.find("brotli"), std::string::npos);
  auto twice = arrow::schema({arrow::field("a", arrow::int64()), arrow::field("a", arrow::utf8())});
  EXPECT_FALSE(entry.check(*ParseOptions(entry.options, {}, "x"), twice).ok());
}

}  // namespace
}  // namespace sluice
