#include "encode/csv/csv_encoder.h"

#include <arrow/builder.h>
#include <arrow/memory_pool.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "decode/csv/csv_testing.h"
#include "encode/encode_testing.h"

namespace sluice {
namespace {

using Pairs = OptionPairs;

std::string Csv(const Pairs& pairs, const std::string& ddl, const std::string& json) {
  SchemaPtr schema = *ParseDdl(ddl);
  return Encoded(CsvEncoderEntry(), pairs, schema, {RowsFromJson(schema, json)});
}

std::string Refused(const Pairs& pairs, const std::string& ddl) {
  return Refusal(CsvEncoderEntry(), pairs, *ParseDdl(ddl));
}

/// The rows of `file` as our own decoder reads them with the same options.
DecodedRows ReadBack(const SchemaPtr& schema, const std::string& file, const Pairs& pairs) {
  const Options options = ParsedOptions(CsvEncoderEntry(), pairs);
  CsvReaderOptions reader;
  reader.dialect = *ParseCsvDialect(options.String("separator"), options.String("quoteChar"),
                                    options.String("escaper"));
  reader.dialect.multi_line = true;
  reader.with_header = options.Bool("writeHeader");
  reader.null_text = options.String("nullValue");
  auto decoder = *MakeCsvDecoder(schema, reader, arrow::default_memory_pool());
  return DecodeMessages(decoder.get(), {file});
}

TEST(CsvEncoder, CellsAreQuotedWhereTheyMustBe) {
  EXPECT_EQ(Csv({}, "id int, s string",
                R"([{"id": 1, "s": "plain"}, {"id": 2, "s": "a,b"}, {"id": 3, "s": "say \"hi\""},
                    {"id": 4, "s": "two\nlines"}, {"id": 5, "s": " blank "}, {"id": 6, "s": ""},
                    {"id": null, "s": null}])"),
            "id,s\n1,plain\n2,\"a,b\"\n3,\"say \"\"hi\"\"\"\n4,\"two\nlines\"\n5,\" blank \"\n"
            "6,\"\"\n,\n");
  EXPECT_EQ(Csv({{"separator", "tab"}, {"quoteChar", "'"}, {"writeHeader", "false"}},
                "a string, b string", R"([{"a": "x\ty", "b": "it's"}, {"a": "a,b", "b": "\""}])"),
            "'x\ty'\t'it''s'\na,b\t\"\n");
  EXPECT_EQ(Csv({{"escaper", "\\"}}, "a string, b string", R"([{"a": "\"\\", "b": "c\\d"}])"),
            "a,b\n\"\\\"\\\\\",\"c\\\\d\"\n");
  EXPECT_EQ(Csv({{"quoteChar", "-1"}, {"escaper", "\\"}}, "a string, b string",
                R"([{"a": "x,\"y\"\n\\", "b": ""}, {"a": null, "b": "\r"}])"),
            "a,b\nx\\,\"y\"\\n\\\\,\n,\\r\n");
}

TEST(CsvEncoder, NamesAreCellsToo) {
  SchemaPtr schema = arrow::schema(
      {arrow::field("a,b", arrow::int32()), arrow::field("say \"x\"", arrow::int32())});
  EXPECT_EQ(Encoded(CsvEncoderEntry(), {}, schema, {}), "\"a,b\",\"say \"\"x\"\"\"\n")
      << "a file without rows has its header";
  EXPECT_EQ(Encoded(CsvEncoderEntry(), {{"writeHeader", "false"}}, schema, {}), "");
}

TEST(CsvEncoder, ValuesAreTheTextsOfJson) {
  EXPECT_EQ(Csv({{"writeHeader", "false"}},
                "b boolean, i tinyint, l bigint, f float, d double, dec decimal(20,10), day date, "
                "ts timestamp, ntz timestamp_ntz",
                R"([{"b": true, "i": -128, "l": -9223372036854775808, "f": 0.1, "d": NaN,
               "dec": "-0.0000000001", "day": -1, "ts": -1, "ntz": 1767225600120000},
              {"b": false, "i": 127, "l": 9223372036854775807, "f": -Inf, "d": 3,
               "dec": "1.0000000000", "day": 11016, "ts": 0, "ntz": -1}])"),
            "true,-128,-9223372036854775808,0.1,NaN,-0.0000000001,1969-12-31,"
            "1969-12-31T23:59:59.999999Z,2026-01-01T00:00:00.12\n"
            "false,127,9223372036854775807,-Infinity,3.0,1.0000000000,2000-02-29,"
            "1970-01-01T00:00:00Z,1969-12-31T23:59:59.999999\n");
}

/// Every dialect, and texts that mean something in one of them.
const std::vector<Pairs>& Dialects() {
  static const auto& dialects = *new std::vector<Pairs>{
      {},
      {{"nullValue", "\\N"}},
      {{"nullValue", "1"}},
      {{"escaper", "\\"}},
      {{"escaper", "\\"}, {"nullValue", "\\N"}},
      {{"separator", "."}, {"quoteChar", "'"}},
      {{"separator", "1"}, {"quoteChar", "a"}},
      {{"separator", "-"}, {"quoteChar", "-1"}, {"escaper", "/"}, {"nullValue", "/N"}},
      {{"separator", "ctrla"}, {"quoteChar", "-1"}, {"escaper", "\\"}, {"nullValue", "\\N"}},
      {{"separator", "\""}, {"quoteChar", "'"}, {"escaper", "'"}},
      {{"separator", ";"}, {"writeHeader", "false"}},
  };
  return dialects;
}

constexpr char kHardRows[] = R"([
  {"s": null, "t": null, "l": null, "d": null, "dec": null, "day": null, "ts": null},
  {"s": "", "t": "\\N", "l": 1, "d": 1, "dec": "1.00", "day": 1, "ts": 1},
  {"s": "1", "t": "\\", "l": -9223372036854775808, "d": -0.0, "dec": "-99999999.99", "day": -719162,
   "ts": -62135596800000000},
  {"s": "s", "t": "t", "l": 9223372036854775807, "d": 1e300, "dec": "0.01", "day": 2932896,
   "ts": 253402300799999999},
  {"s": "\"\"", "t": "\"", "l": 0, "d": 5e-324, "dec": "0.00", "day": 0, "ts": 0},
  {"s": "\r\n", "t": "\n\n", "l": 10, "d": Inf, "dec": "11.11", "day": -1, "ts": -1},
  {"s": "\r", "t": " x ", "l": 11, "d": -Inf, "dec": "10.00", "day": 10957, "ts": 946684799000001},
  {"s": "a,b;c\td|e", "t": "'it''s'", "l": -1, "d": 0.1, "dec": "7.50", "day": 11, "ts": 1000},
  {"s": "\\n", "t": "\\\\n/N/", "l": 7, "d": 0.3, "dec": "7.50", "day": 11, "ts": 1000},
  {"s": "\u0001\\\u0001", "t": "\ufeffmark", "l": 7, "d": 0.3, "dec": "7.50", "day": 11, "ts": 1},
  {"s": "a", "t": "äöü ☃ 🦆", "l": 7, "d": 0.3, "dec": "7.50", "day": 11, "ts": 10000000},
  {"s": "NULL", "t": ",", "l": 7, "d": 0.3, "dec": "7.50", "day": 11, "ts": 1}])";

TEST(CsvEncoder, EveryDialectReadsBack) {
  SchemaPtr schema = *ParseDdl(
      "s string, t string, l bigint, d double, dec decimal(10,2), day date, ts timestamp");
  auto rows = RowsFromJson(schema, kHardRows);
  for (const Pairs& pairs : Dialects()) {
    std::string title;
    for (const auto& [name, value] : pairs) title += name + "=" + value + " ";
    SCOPED_TRACE(title);
    for (const auto& batches :
         {arrow::RecordBatchVector{rows},
          arrow::RecordBatchVector{rows->Slice(0, 3), rows->Slice(3, 0), rows->Slice(3)}}) {
      const std::string file = Encoded(CsvEncoderEntry(), pairs, schema, batches);
      auto read = ReadBack(schema, file, pairs);
      EXPECT_EQ(Rejects(read), "") << file;
      auto expected = rows;
      if (ParsedOptions(CsvEncoderEntry(), pairs).String("quoteChar") == "-1") {
        // Without quotes an empty text is an empty cell, and that is null.
        auto texts = RowsFromJson(schema, kHardRows)->column(0);
        auto with_null = std::static_pointer_cast<arrow::StringArray>(texts);
        arrow::StringBuilder builder;
        for (std::int64_t i = 0; i < with_null->length(); ++i) {
          const bool none = with_null->IsNull(i) || with_null->GetView(i).empty();
          ASSERT_TRUE((none ? builder.AppendNull() : builder.Append(with_null->GetView(i))).ok());
        }
        expected = *rows->SetColumn(0, schema->field(0), *builder.Finish());
      }
      EXPECT_TRUE(read.rows->Equals(*expected)) << file << "\n"
                                                << read.rows->ToString() << expected->ToString();
    }
  }
}

TEST(CsvEncoder, ATextThatBeginsLikeAByteOrderMarkKeepsIt) {
  SchemaPtr schema = *ParseDdl("s string, t string");
  const OptionPairs bare = {{"writeHeader", "false"}};
  auto rows = RowsFromJson(schema, "[{\"s\": \"\ufeffx\", \"t\": \"y\"}]");
  auto read = ReadBack(schema, Encoded(CsvEncoderEntry(), bare, schema, {rows}), bare);
  EXPECT_TRUE(read.rows->Equals(*rows)) << read.rows->ToString();
}

TEST(CsvEncoder, ARowLikeTheHeaderIsNoHeader) {
  SchemaPtr schema = *ParseDdl("a string, b string");
  const std::string file =
      Encoded(CsvEncoderEntry(), {}, schema, {RowsFromJson(schema, R"([{"a": "a", "b": "b"}])")});
  EXPECT_EQ(file, "a,b\n\"a\",\"b\"\n");
  auto read = ReadBack(schema, file, {});
  EXPECT_EQ(Rejects(read), "");
  EXPECT_EQ(read.rows->num_rows(), 1);
}

TEST(CsvEncoder, OneColumnHasNoEmptyLines) {
  const std::string rows = R"([{"x": null}, {"x": 7}])";
  EXPECT_EQ(Csv({}, "x int", rows), "x\n\"\"\n7\n");
  auto read = ReadBack(*ParseDdl("x int"), Csv({}, "x int", rows), {});
  EXPECT_EQ(Rows(read), "null\n7\n");
  EXPECT_NE(Refused({}, "x string").find("column x is the only one"), std::string::npos);
  const std::string texts = R"([{"x": null}, {"x": ""}, {"x": "\\N"}])";
  EXPECT_EQ(Csv({{"nullValue", "\\N"}}, "x string", texts), "x\n\\N\n\"\"\n\"\\N\"\n");
  EXPECT_EQ(Csv({}, "x string NOT NULL", R"([{"x": ""}])"), "x\n\"\"\n");
  EXPECT_NE(Refused({{"quoteChar", "-1"}}, "x int").find("nullValue"), std::string::npos);
  EXPECT_NE(Refused({{"quoteChar", "-1"}, {"escaper", "\\"}, {"nullValue", "\\N"}}, "x string")
                .find("empty line"),
            std::string::npos);
}

TEST(CsvEncoder, RefusesWhatCsvCannotHold) {
  EXPECT_EQ(Refused({}, "id int, tags array<string>"),
            "csv.type: column tags is array<string>, and a CSV cell holds one value; write it as "
            "text in the SQL (to_json), take it apart there, or leave it out");
  EXPECT_NE(Refused({}, "id int, g struct<a:int>").find("struct<a:int>"), std::string::npos);
  EXPECT_NE(Refused({}, "id int, m map<string,int>").find("map<string,int>"), std::string::npos);
  EXPECT_NE(Refused({}, "id int, raw binary").find("column raw is binary"), std::string::npos);
  EXPECT_NE(Refused({{"quoteChar", "-1"}}, "id int, s string").find("column s is text"),
            std::string::npos);
  EXPECT_NE(Refused({{"separator", ","}, {"quoteChar", ","}}, "id int").find("quoteChar"),
            std::string::npos);
  EXPECT_NE(Refused({{"escaper", "0"}}, "a int, b int").find("escaper"), std::string::npos);
  EXPECT_NE(Refused({{"quoteChar", "-1"}, {"separator", "n"}}, "a int, b int").find("separator"),
            std::string::npos);
  EXPECT_NE(Refused({{"quoteChar", "-1"}, {"separator", "."}}, "a int, b int").find("separator"),
            std::string::npos);
  for (const char* bad : {"a,b", "\"", "x\ny"}) {
    EXPECT_NE(Refused({{"nullValue", bad}}, "a int, b int").find("nullValue"), std::string::npos);
  }
  EXPECT_NE(Refused({{"nullValue", "\\"}, {"escaper", "\\"}}, "a int, b int").find("nullValue"),
            std::string::npos);
  EXPECT_NE(Refused({{"nullValue", "NULL"}, {"quoteChar", "-1"}}, "a int, b int").find("nullValue"),
            std::string::npos);
  EXPECT_NE(Refused({{"quoteChar", "-1"}}, "`a,b` int, b int").find("a,b"), std::string::npos);
  auto twice = arrow::schema({arrow::field("a", arrow::int64()), arrow::field("a", arrow::utf8())});
  EXPECT_NE(Refusal(CsvEncoderEntry(), {}, twice).find("'a'"), std::string::npos);
  EXPECT_NE(Refusal(CsvEncoderEntry(), {}, arrow::schema(arrow::FieldVector{})).find("no column"),
            std::string::npos);
}

TEST(CsvEncoder, MemoryDoesNotGrowWithTheFile) {
  SchemaPtr schema = *ParseDdl("id bigint, s string");
  auto rows = RowsFromJson(schema, R"([{"id": 1, "s": "x"}, {"id": null, "s": "a long, text"}])");
  for (const char* codec : {"none", "gzip", "zstd", "bzip2"}) {
    StringSink out;
    const EncoderEntry entry = CsvEncoderEntry();
    const Options options = ParsedOptions(entry, {{"compression", codec}});
    auto encoder = *entry.make(options, schema, &out);
    for (int i = 0; i < 40'000; ++i) ASSERT_TRUE(encoder->Write(rows).ok());
    EXPECT_LT(encoder->memory(), 1u << 20);
    ASSERT_TRUE(encoder->Flush().ok());
    EXPECT_EQ(encoder->memory(), 0u);
    EXPECT_EQ(encoder->buffered(), 0u);
    ASSERT_TRUE(encoder->Finish().ok());
    EXPECT_EQ(encoder->rows(), 80'000);
  }
  EXPECT_EQ(
      CsvEncoderEntry().extension(ParsedOptions(CsvEncoderEntry(), {{"compression", "zstd"}})),
      ".csv.zst");
}

}  // namespace
}  // namespace sluice
