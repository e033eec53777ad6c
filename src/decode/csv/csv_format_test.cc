// What text cases cannot say: options, batches, positions, headers that change, windows.
#include "decode/csv/csv_format.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "decode/csv/csv_testing.h"

namespace sluice {
namespace {

Result<std::unique_ptr<Decoder>> Make(const std::vector<std::pair<std::string, std::string>>& pairs,
                                      const char* ddl = "a string") {
  const FormatEntry format = CsvFormat();
  auto options = ParseOptions(format.options, RawOptionsFromPairs(pairs), "format csv");
  if (!options.ok()) return options.error();
  return format.make(*options, ddl == nullptr ? nullptr : *ParseDdl(ddl), DecodeLimits());
}

std::string CodeOf(const std::vector<std::pair<std::string, std::string>>& pairs,
                   const char* ddl = "a string") {
  auto made = Make(pairs, ddl);
  return made.ok() ? "" : made.error().code;
}

TEST(CsvFormat, OptionsHaveGluesNamesAndForms) {
  EXPECT_EQ(CodeOf({}), "");
  EXPECT_EQ(CodeOf({{"separator", ";"}, {"quoteChar", "'"}, {"escaper", "\\"}}), "");
  EXPECT_EQ(CodeOf({{"quoteChar", "-1"}, {"escaper", "none"}}), "");
  EXPECT_EQ(CodeOf({{"delimiter", "\t"}, {"multiline", "true"}, {"withHeader", "True"}}), "");
  EXPECT_EQ(CodeOf({{"skipFirst", "true"},
                    {"strictCheckForQuoting", "true"},
                    {"optimizePerformance", "true"},
                    {"writeHeader", "false"}}),
            "");
  EXPECT_EQ(CodeOf({}, nullptr), "csv.schema");
}

TEST(CsvFormat, CharactersMayBeWrittenInManyWays) {
  auto fields = [](const std::string& separator, const std::string& message) {
    auto decoder = Make({{"separator", separator}}, "a string, b string");
    EXPECT_TRUE(decoder.ok()) << decoder.error().message;
    return Rows(DecodeMessages(decoder->get(), {message}));
  };
  EXPECT_EQ(fields("\t", "x\ty"), "x | y\n");
  EXPECT_EQ(fields("\\t", "x\ty"), "x | y\n");
  EXPECT_EQ(fields("tab", "x\ty"), "x | y\n");
  EXPECT_EQ(fields("\\u0001", "x\x01y"), "x | y\n");
  EXPECT_EQ(fields("\\x01", "x\x01y"), "x | y\n");
  EXPECT_EQ(fields("ctrla", "x\x01y"), "x | y\n");
  EXPECT_EQ(fields("pipe", "x|y"), "x | y\n");
  EXPECT_EQ(fields("|", "x|y"), "x | y\n");
  EXPECT_EQ(fields("semicolon", "x;y"), "x | y\n");
  EXPECT_EQ(fields(" ", "x y"), "x | y\n");
  EXPECT_EQ(fields("\\", "x\\y"), "x | y\n");
}

TEST(CsvFormat, WrongCharactersAreUserErrors) {
  EXPECT_EQ(CodeOf({{"separator", "\""}}), "csv.dialect");
  EXPECT_EQ(CodeOf({{"separator", "'"}, {"quoteChar", "'"}}), "csv.dialect");
  EXPECT_EQ(CodeOf({{"separator", "\\"}, {"escaper", "\\"}}), "csv.dialect");
  EXPECT_EQ(CodeOf({{"separator", ""}}), "csv.dialect");
  EXPECT_EQ(CodeOf({{"separator", "||"}}), "csv.dialect");
  EXPECT_EQ(CodeOf({{"separator", "\n"}}), "csv.dialect");
  EXPECT_EQ(CodeOf({{"separator", "\\u000a"}}), "csv.dialect");
  EXPECT_EQ(CodeOf({{"quoteChar", "\r"}}), "csv.dialect");
  EXPECT_EQ(CodeOf({{"separator", std::string(1, '\0')}}), "csv.dialect");
  EXPECT_EQ(CodeOf({{"separator", "\\u0000"}}), "csv.dialect");
  EXPECT_EQ(CodeOf({{"separator", "\xc2\xa6"}}), "csv.dialect");
  EXPECT_EQ(CodeOf({{"separator", "\\u00a6"}}), "csv.dialect");
  EXPECT_EQ(CodeOf({{"raggedRows", "pad"}}), "job.option");
  auto message = Make({{"separator", "\""}}).error().message;
  EXPECT_NE(message.find("quoteChar"), std::string::npos) << message;
  EXPECT_NE(message.find("-1"), std::string::npos) << message;
}

TEST(CsvFormat, NestedTypesAreRefusedWithTheColumn) {
  for (const char* ddl : {"i int, a array<int>", "a map<string,int>", "a struct<x:int>"}) {
    auto made = Make({}, ddl);
    ASSERT_FALSE(made.ok()) << ddl;
    EXPECT_EQ(made.error().code, "decode.nested_type");
    EXPECT_NE(made.error().message.find("'a'"), std::string::npos) << made.error().message;
  }
}

TEST(CsvFormat, RejectsSayWhereAndKeepTheRow) {
  const DecodedRows decoded = DecodeCsv("a int, b string", {"1,x\n2\nq,z\n4,y\n", "q,z\n"});
  EXPECT_EQ(Rows(decoded), "1 | x\n4 | y\n");
  EXPECT_EQ(Rejects(decoded),
            "csv.cells @5 #0.1\nconvert.format a@6 #0.2\nconvert.format a@0 #1.0\n");
  EXPECT_EQ(decoded.rejects[0].bytes, "2");
  EXPECT_EQ(decoded.rejects[1].bytes, "q,z");
  EXPECT_EQ(decoded.rejects[2].bytes, "");  // the message says it all
  EXPECT_EQ(decoded.row_in_message, (std::vector<std::int32_t>{0, 3}));
}

TEST(CsvFormat, TheHeaderMayChangeFromMessageToMessage) {
  CsvReaderOptions options;
  options.with_header = true;
  const DecodedRows decoded = DecodeCsv("a int, b string",
                                        {"a,b\n1,x\n", "b,a\ny,2\n", "b,a\nz,3\n",
                                         "x,b,y,a\n0,u,0,4\n", "a,b\n5,v\n", "a\n6\n", "a,b"},
                                        options);
  EXPECT_EQ(Rows(decoded), "1 | x\n2 | y\n3 | z\n4 | u\n5 | v\n6 | null\n");
  EXPECT_EQ(Rejects(decoded), "");
}

TEST(CsvFormat, ABadHeaderSpoilsItsOwnMessageOnly) {
  CsvReaderOptions options;
  options.with_header = true;
  const std::string good = "a,b\n1,x\n";
  for (const auto& [message, code] : std::vector<std::pair<std::string, std::string>>{
           {"c,d\n1,x\n", "csv.header"},
           {"A, a\n1,x\n", "csv.header"},
           {"a,a\n1,x\n", "csv.header"},
           {"a,\"b\n1,x\n", "csv.quote"},
           {"a,b\xff\n1,x\n", "csv.utf8"},
           {std::string("a,b\0\n1,x\n", 9), "csv.nul"}}) {
    const DecodedRows decoded = DecodeCsv("a int, b string", {good, message, good}, options);
    EXPECT_EQ(Rows(decoded), "1 | x\n1 | x\n") << message;
    ASSERT_EQ(decoded.rejects.size(), 1U) << message;
    EXPECT_EQ(decoded.rejects[0].code, code) << message;
    EXPECT_EQ(decoded.rejects[0].row, Reject::kWholeMessage) << message;
  }
}

TEST(CsvFormat, IntegersAreTimesInTheUnitAskedFor) {
  CsvReaderOptions options;
  options.timestamp_unit = EpochUnit::kMillis;
  EXPECT_EQ(
      Rows(DecodeCsv("t timestamp", {"1700000000123\n-1\n2026-11-23"}, options)),
      "2023-11-14 22:13:20.123000Z\n1969-12-31 23:59:59.999000Z\n2026-11-23 00:00:00.000000Z\n");
  const DecodedRows refused = DecodeCsv("t timestamp", {"1700000000"});
  ASSERT_EQ(refused.rejects.size(), 1U);
  EXPECT_NE(refused.rejects[0].reason.find("timestampUnit"), std::string::npos);
}

TEST(CsvFormat, RowsAreTheSameWhereverTheWindowsEnd) {
  // Rows with everything in them, shifted byte by byte over the border of a window (16 KiB).
  const std::string row = "\"a \"\"b\"\", c\r\n\\\"d\",e\\,f,\"\",\xc3\xa9\r\n";
  CsvReaderOptions options;
  options.dialect.multi_line = true;
  options.dialect.escaper = '\\';
  const std::string expected =
      Rows(DecodeCsv("a string, b string, c string, d string", {row}, options));
  EXPECT_EQ(expected, "a \"b\", c\r\n\"d | e,f |  | \xc3\xa9\n");
  for (std::size_t shift = 0; shift <= row.size(); ++shift) {
    const std::string first = "x,y,z," + std::string((16 << 10) - 7 - shift, 'w') + "\n";
    const DecodedRows decoded =
        DecodeCsv("a string, b string, c string, d string", {first + row + row}, options);
    ASSERT_EQ(Rejects(decoded), "") << shift;
    ASSERT_EQ(Rows({decoded.rows->Slice(1), {}, {}, {}}), expected + expected) << shift;
  }
}

TEST(CsvFormat, OneDecoderReadsBatchAfterBatch) {
  auto decoder = MakeCsvDecoder(*ParseDdl("a int, s string, d decimal(10,2)"), {},
                                arrow::default_memory_pool());
  const std::string message = "1,\"a \"\"b\"\"\",2.5\nx,y,z\n2,,";
  for (const std::uint32_t count : {0U, 1U, 1000U, 3U}) {
    std::vector<Payload> payloads;
    for (std::uint32_t i = 0; i < count; ++i)
      payloads.push_back({message.data(), message.size(), i});
    auto decoded = (*decoder)->Decode(payloads);
    ASSERT_TRUE(decoded.ok());
    ASSERT_TRUE(decoded->rows->ValidateFull().ok());
    ASSERT_EQ(decoded->rows->num_rows(), 2 * count);
    ASSERT_EQ(decoded->rejects.size(), count);
    ASSERT_EQ(decoded->row_in_message.size(), 2 * count);
  }
}

TEST(CsvFormat, EveryPrefixOfAMessageIsReadOrRejected) {
  CsvReaderOptions options;
  options.dialect.escaper = '\\';
  for (const bool multi_line : {false, true}) {
    options.dialect.multi_line = multi_line;
    const std::string message = "1,\"x \"\"y\"\"\",\xf0\x9f\x98\x80\r\n2,\\,,\"a\nb\"\r3,,\n";
    for (std::size_t size = 1; size <= message.size(); ++size) {
      const DecodedRows decoded =
          DecodeCsv("a int, b string, c string", {"7,,", message.substr(0, size), "8,,"}, options);
      ASSERT_EQ(decoded.record_of_row.front(), 0U);
      ASSERT_EQ(decoded.record_of_row.back(), 2U);
      for (const Reject& reject : decoded.rejects) {
        ASSERT_EQ(reject.record, 1U);
        ASSERT_LE(reject.byte, static_cast<std::int64_t>(size));
      }
    }
  }
}

}  // namespace
}  // namespace sluice
