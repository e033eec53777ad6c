#include "encode/parquet/parquet_encoder.h"

#include <arrow/io/memory.h>
#include <arrow/json/from_string.h>
#include <arrow/memory_pool.h>
#include <arrow/table.h>
#include <arrow/type.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <parquet/arrow/reader.h>
#include <parquet/bloom_filter.h>
#include <parquet/bloom_filter_reader.h>
#include <parquet/metadata.h>
#include <parquet/schema.h>

#include <memory>
#include <string>

namespace sluice {
namespace {

class StringSink final : public ByteSink {
 public:
  Result<void> Append(std::string_view more) override {
    if (bytes.size() + more.size() > limit) return RemoteError("storage.full", "no space left");
    bytes.append(more);
    return {};
  }
  std::string bytes;
  std::size_t limit = 1u << 30;
};

Options MustParse(const std::vector<std::pair<std::string, std::string>>& pairs) {
  auto options = ParseOptions(ParquetEncoderEntry().options, RawOptionsFromPairs(pairs), "test");
  EXPECT_TRUE(options.ok()) << options.error().message;
  return *options;
}

std::shared_ptr<arrow::RecordBatch> Rows(const SchemaPtr& schema, const std::string& json) {
  auto rows = arrow::json::ArrayFromJSONString(arrow::struct_(schema->fields()), json);
  EXPECT_TRUE(rows.ok()) << rows.status().ToString();
  return *arrow::RecordBatch::FromStructArray(*rows);
}

std::unique_ptr<FileEncoder> MustMake(const Options& options, const SchemaPtr& schema,
                                      ByteSink* out) {
  auto encoder = ParquetEncoderEntry().make(options, schema, out);
  EXPECT_TRUE(encoder.ok()) << encoder.error().message;
  return *std::move(encoder);
}

std::unique_ptr<parquet::arrow::FileReader> Open(const std::string& bytes) {
  auto source = std::make_shared<arrow::io::BufferReader>(arrow::Buffer::FromString(bytes));
  auto reader = parquet::arrow::OpenFile(source, arrow::default_memory_pool());
  EXPECT_TRUE(reader.ok()) << reader.status().ToString();
  return *std::move(reader);
}

SchemaPtr EveryType() {
  using namespace arrow;  // NOLINT
  return schema({
      field("b", boolean()),
      field("i8", int8()),
      field("i16", int16()),
      field("i32", int32()),
      field("i64", int64(), false),
      field("f", float32()),
      field("d", float64()),
      field("dec", decimal128(20, 3)),
      field("s", utf8()),
      field("bin", binary()),
      field("date", date32()),
      field("ts", timestamp(TimeUnit::MICRO, "UTC")),
      field("ntz", timestamp(TimeUnit::MICRO)),
      field("l", list(field("element", utf8()))),
      field("m", std::make_shared<MapType>(field("key", utf8(), false), field("value", int32()))),
      field("st", struct_({field("lat", float64()), field("in", struct_({field("x", int32())}))})),
  });
}

constexpr char kRows[] = R"([
  {"b": true, "i8": 1, "i16": 2, "i32": 3, "i64": 4, "f": 1.5, "d": 2.5, "dec": "12345678901234567.125",
   "s": "ä", "bin": "xyz", "date": 19000, "ts": 1767225600000123, "ntz": 1, "l": ["a", null, ""],
   "m": [["k", 1], ["l", null]], "st": {"lat": 52.5, "in": {"x": 7}}},
  {"b": null, "i8": null, "i16": null, "i32": null, "i64": -9223372036854775808, "f": null, "d": null,
   "dec": null, "s": null, "bin": null, "date": null, "ts": null, "ntz": null, "l": null, "m": null,
   "st": null},
  {"b": false, "i8": -128, "i16": -1, "i32": 0, "i64": 0, "f": 0, "d": -0.0, "dec": "0.000", "s": "",
   "bin": "", "date": -1, "ts": -1, "ntz": -1, "l": [], "m": [], "st": {"lat": null, "in": null}}])";

TEST(ParquetEncoder, EveryTypeReadsBackWithEveryCodec) {
  SchemaPtr schema = EveryType();
  auto rows = Rows(schema, kRows);
  for (const char* codec : {"snappy", "gzip", "zstd", "lz4", "brotli", "none", "uncompressed"}) {
    SCOPED_TRACE(codec);
    Options options = MustParse({{"compression", codec}});
    ASSERT_TRUE(ParquetEncoderEntry().check(options, schema).ok());
    StringSink out;
    auto encoder = MustMake(options, schema, &out);
    ASSERT_TRUE(encoder->Write(rows).ok());
    ASSERT_TRUE(encoder->Write(rows->Slice(1, 2)).ok());
    EXPECT_EQ(encoder->rows(), 5);
    ASSERT_TRUE(encoder->Finish().ok());
    EXPECT_EQ(encoder->rows(), 5);
    auto reader = Open(out.bytes);
    auto table = reader->ReadTable();
    ASSERT_TRUE(table.ok()) << table.status().ToString();
    ASSERT_TRUE((*table)->ValidateFull().ok());
    EXPECT_TRUE((*table)->schema()->Equals(*schema)) << (*table)->schema()->ToString();
    auto expected = *arrow::Table::FromRecordBatches(schema, {rows, rows->Slice(1, 2)});
    EXPECT_TRUE((*table)->Equals(*expected)) << (*table)->ToString();
  }
}

TEST(ParquetEncoder, OtherReadersFindTheirConventions) {
  StringSink out;
  auto encoder = MustMake(MustParse({}), EveryType(), &out);
  ASSERT_TRUE(encoder->Write(Rows(EveryType(), kRows)).ok());
  ASSERT_TRUE(encoder->Finish().ok());
  auto metadata = Open(out.bytes)->parquet_reader()->metadata();
  const std::string schema = metadata->schema()->ToString();
  EXPECT_NE(schema.find("ts (Timestamp(isAdjustedToUTC=true, timeUnit=microseconds"), schema.npos)
      << schema;
  EXPECT_NE(schema.find("ntz (Timestamp(isAdjustedToUTC=false, timeUnit=microseconds"),
            schema.npos);
  EXPECT_NE(schema.find("element"), schema.npos);
  EXPECT_NE(schema.find("required int64 field_id=-1 i64"), schema.npos);
  EXPECT_EQ(metadata->key_value_metadata(), nullptr) << "nothing but standard Parquet";
  EXPECT_EQ(metadata->RowGroup(0)->ColumnChunk(0)->compression(), arrow::Compression::SNAPPY);
  EXPECT_TRUE(metadata->RowGroup(0)->ColumnChunk(4)->is_stats_set());
}

TEST(ParquetEncoder, FlushEndsARowGroupAndNoneIsEmpty) {
  auto schema = arrow::schema({arrow::field("x", arrow::int64())});
  StringSink out;
  auto encoder = MustMake(MustParse({}), schema, &out);
  auto rows = Rows(schema, R"([{"x": 1}, {"x": 2}])");
  ASSERT_TRUE(encoder->Flush().ok());
  ASSERT_TRUE(encoder->Write(rows->Slice(0, 0)).ok());
  ASSERT_TRUE(encoder->Write(rows).ok());
  EXPECT_GT(encoder->memory(), 0u);
  std::size_t before = out.bytes.size();
  ASSERT_TRUE(encoder->Flush().ok());
  EXPECT_GT(out.bytes.size(), before);
  EXPECT_EQ(encoder->memory(), 0u);
  EXPECT_EQ(encoder->buffered(), 0u);
  ASSERT_TRUE(encoder->Write(rows).ok());
  ASSERT_TRUE(encoder->Flush().ok());
  ASSERT_TRUE(encoder->Finish().ok());
  auto metadata = Open(out.bytes)->parquet_reader()->metadata();
  EXPECT_EQ(metadata->num_row_groups(), 2);
  EXPECT_EQ(metadata->num_rows(), 4);
  EXPECT_EQ(metadata->RowGroup(1)->num_rows(), 2);
}

TEST(ParquetEncoder, RowGroupsThatWaitForTheFooterAreCounted) {
  arrow::FieldVector fields;
  for (int i = 0; i < 12; ++i)
    fields.push_back(arrow::field("c" + std::to_string(i), arrow::utf8()));
  auto schema = arrow::schema(fields);
  auto rows = Rows(schema, R"([{"c0": "some text", "c1": "another", "c11": "and a third"}])");
  StringSink out;
  out.bytes.reserve(16 << 20);
  auto encoder = MustMake(MustParse({}), schema, &out);
  const std::size_t held = encoder->held();
  const auto used = [] { return mallinfo2().uordblks + mallinfo2().hblkhd; };
  const std::size_t before = used();
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(encoder->Write(rows).ok());
    ASSERT_TRUE(encoder->Flush().ok());
  }
  const auto grown = static_cast<double>(used() - before);
  if (grown == 0) GTEST_SKIP() << "this allocator does not tell what it holds";
  const auto counted = static_cast<double>(encoder->held() - held);
  EXPECT_GT(counted, 0.6 * grown);
  EXPECT_LT(counted, 1.6 * grown);
}

TEST(ParquetEncoder, BlockSizeBoundsRowGroups) {
  auto schema = arrow::schema({arrow::field("x", arrow::int64())});
  std::string json = "[";
  for (int i = 0; i < 5000; ++i)
    json += (i ? "," : "") + ("{\"x\": " + std::to_string(i * 7919) + "}");
  auto rows = Rows(schema, json + "]");
  StringSink out;
  auto encoder =
      MustMake(MustParse({{"blockSize", "20000"}, {"compression", "none"}}), schema, &out);
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(encoder->Write(rows).ok());
  ASSERT_TRUE(encoder->Finish().ok());
  auto metadata = Open(out.bytes)->parquet_reader()->metadata();
  EXPECT_GE(metadata->num_row_groups(), 7);
  EXPECT_EQ(metadata->num_rows(), 40'000);
}

TEST(ParquetEncoder, StatisticsAndDictionariesCanBeTurnedOff) {
  const auto write = [](const std::vector<std::pair<std::string, std::string>>& pairs) {
    StringSink out;
    auto encoder = MustMake(MustParse(pairs), EveryType(), &out);
    EXPECT_TRUE(encoder->Write(Rows(EveryType(), kRows)).ok());
    EXPECT_TRUE(encoder->Finish().ok());
    return Open(out.bytes)->parquet_reader()->metadata()->RowGroup(0)->ColumnChunk(4);
  };
  auto usual = write({{"useGlueParquetWriter", "true"}});
  EXPECT_TRUE(usual->is_stats_set());
  EXPECT_TRUE(usual->has_dictionary_page());
  EXPECT_FALSE(write({{"statistics", "false"}})->is_stats_set());
  EXPECT_FALSE(write({{"enableDictionary", "false"}})->has_dictionary_page());
  EXPECT_FALSE(write({{"parquet.enable.dictionary", "false"}})->has_dictionary_page());
  EXPECT_FALSE(write({{"dictionaryPageSize", "0"}})->has_dictionary_page());
}

TEST(ParquetEncoder, BloomFiltersTellWhatIsThere) {
  auto schema =
      arrow::schema({arrow::field("id", arrow::int64()),
                     arrow::field("geo", arrow::struct_({arrow::field("city", arrow::utf8())}))});
  auto rows = Rows(schema, R"([{"id": 7, "geo": {"city": "Rome"}}, {"id": null, "geo": null},
                               {"id": -9, "geo": {"city": ""}}])");
  Options options = MustParse({{"bloomFilterColumns", "id,geo.city"}, {"bloomFilterNdv", "1000"}});
  ASSERT_TRUE(ParquetEncoderEntry().check(options, schema).ok());
  StringSink out;
  auto encoder = MustMake(options, schema, &out);
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(encoder->Write(rows).ok());
    ASSERT_TRUE(encoder->Flush().ok());
  }
  ASSERT_TRUE(encoder->Finish().ok());
  auto reader = Open(out.bytes);
  for (int group = 0; group < 2; ++group) {
    auto filters = reader->parquet_reader()->GetBloomFilterReader().RowGroup(group);
    ASSERT_NE(filters, nullptr);
    auto ids = filters->GetColumnBloomFilter(0);
    ASSERT_NE(ids, nullptr);
    EXPECT_TRUE(ids->FindHash(ids->Hash(std::int64_t{7})));
    EXPECT_TRUE(ids->FindHash(ids->Hash(std::int64_t{-9})));
    EXPECT_FALSE(ids->FindHash(ids->Hash(std::int64_t{8})));
    ASSERT_NE(filters->GetColumnBloomFilter(1), nullptr);
  }
}

TEST(ParquetEncoder, BloomFiltersThatWaitForTheFooterAreCounted) {
  auto schema = arrow::schema({arrow::field("id", arrow::int64())});
  auto rows = Rows(schema, R"([{"id": 7}])");
  StringSink out;
  auto encoder = MustMake(MustParse({{"bloomFilterColumns", "id"}}), schema, &out);
  const auto used = [] {
    return static_cast<double>(arrow::default_memory_pool()->bytes_allocated());
  };
  const double before = used();
  const auto held = static_cast<double>(encoder->held());
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(encoder->Write(rows).ok());
    ASSERT_TRUE(encoder->Flush().ok());
  }
  const double grown = used() - before;
  EXPECT_GT(static_cast<double>(encoder->held()) - held, 0.6 * grown) << grown;
  EXPECT_LT(static_cast<double>(encoder->held()) - held, 1.6 * grown) << grown;
}

TEST(ParquetEncoder, RefusesBloomFiltersThatCannotBe) {
  const auto refused = [](const std::vector<std::pair<std::string, std::string>>& pairs) {
    auto checked = ParquetEncoderEntry().check(MustParse(pairs), EveryType());
    EXPECT_FALSE(checked.ok());
    return checked.ok() ? "" : checked.error().message;
  };
  EXPECT_NE(refused({{"bloomFilterColumns", "datte"}}).find("did you mean date?"),
            std::string::npos);
  EXPECT_NE(refused({{"bloomFilterColumns", "st"}}).find("'st'"), std::string::npos);
  EXPECT_NE(refused({{"bloomFilterColumns", "b"}}).find("boolean"), std::string::npos);
  EXPECT_NE(refused({{"bloomFilterFpp", "1.5"}}).find("bloomFilterFpp"), std::string::npos);
  for (const char* path : {"st.lat", "l.list.element", "m.key_value.value"}) {
    EXPECT_TRUE(
        ParquetEncoderEntry().check(MustParse({{"bloomFilterColumns", path}}), EveryType()).ok());
  }
}

TEST(ParquetEncoder, ASinkThatFailsIsReportedAsItself) {
  StringSink out;
  out.limit = 100;
  auto encoder = MustMake(MustParse({}), EveryType(), &out);
  ASSERT_TRUE(encoder->Write(Rows(EveryType(), kRows)).ok());
  auto finished = encoder->Finish();
  ASSERT_FALSE(finished.ok());
  EXPECT_EQ(finished.error().code, "storage.full");
  std::size_t size = out.bytes.size();
  out.limit = 1 << 20;
  encoder.reset();
  EXPECT_EQ(out.bytes.size(), size) << "an abandoned file gets no footer";
}

TEST(ParquetEncoder, RefusesWhatParquetCannotHold) {
  Options options = MustParse({});
  auto check = ParquetEncoderEntry().check;
  auto empty =
      arrow::schema({arrow::field("g", arrow::struct_({arrow::field("e", arrow::struct_({}))}))});
  auto refused = check(options, empty);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().blame, Blame::kUser);
  EXPECT_NE(refused.error().message.find("g.e"), std::string::npos);
  auto twice = arrow::schema({arrow::field("a", arrow::int64()), arrow::field("a", arrow::utf8())});
  EXPECT_NE(check(options, twice).error().message.find("'a'"), std::string::npos);
  EXPECT_FALSE(check(options, arrow::schema(arrow::FieldVector{})).ok());
  auto lzo = ParseOptions(ParquetEncoderEntry().options,
                          RawOptionsFromPairs({{"compression", "lzo"}}), "sink lake");
  ASSERT_FALSE(lzo.ok());
  EXPECT_NE(lzo.error().message.find("lzo"), std::string::npos);
}

TEST(ParquetEncoder, ExtensionTellsTheCodec) {
  auto extension = ParquetEncoderEntry().extension;
  EXPECT_EQ(extension(MustParse({})), ".snappy.parquet");
  EXPECT_EQ(extension(MustParse({{"compression", "zstd"}})), ".zstd.parquet");
  EXPECT_EQ(extension(MustParse({{"compression", "none"}})), ".parquet");
}

}  // namespace
}  // namespace sluice
