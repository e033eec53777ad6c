// Hostile input: each must be rejected or decoded, in bounded memory, its neighbours unharmed.
#include <arrow/memory_pool.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "decode/csv/csv_testing.h"

namespace sluice {
namespace {

std::string Repeat(const std::string& text, std::size_t times) {
  std::string out;
  out.reserve(text.size() * times);
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

/// Decodes `message` between two good ones and returns the rejects' codes.
std::string CodesOf(const std::string& ddl, const std::string& message, const std::string& good,
                    CsvReaderOptions options = {}) {
  const DecodedRows decoded = DecodeCsv(ddl, {good, message, good}, std::move(options));
  EXPECT_EQ(decoded.record_of_row.front(), 0U);
  EXPECT_EQ(decoded.record_of_row.back(), 2U);
  std::string codes;
  for (const Reject& reject : decoded.rejects) {
    EXPECT_EQ(reject.record, 1U);
    codes += (codes.empty() ? "" : " ") + reject.code;
  }
  return codes;
}

CsvReaderOptions MultiLine() {
  CsvReaderOptions options;
  options.dialect.multi_line = true;
  return options;
}

TEST(CsvHostile, AQuoteThatIsNeverClosed) {
  const std::string large(16 << 20, 'x');
  EXPECT_EQ(CodesOf("a string", "\"" + large.substr(1), "g"), "csv.quote");
  EXPECT_EQ(CodesOf("a string", "\"" + large.substr(1), "g", MultiLine()), "csv.quote");
  const std::string lines = Repeat("a line of text\n", 1 << 20);
  EXPECT_EQ(CodesOf("a string", "\"" + lines, "g", MultiLine()), "csv.quote");
  // One row, so that memory does not grow with the lines that it swallows.
  const DecodedRows decoded = DecodeCsv("a string", {"good\n\"" + lines}, MultiLine());
  EXPECT_EQ(Rows(decoded), "good\n");
  EXPECT_EQ(Rejects(decoded), "csv.quote @5 #0.1\n");
}

TEST(CsvHostile, OpenQuotesOverManyLines) {
  // Each cell is closed on the next line, where another one opens: one row, to the last line.
  const DecodedRows chain =
      DecodeCsv("a string, b string", {"\"a\n" + Repeat("b\",\"c\n", 1'000'000) + "d,e\n"});
  EXPECT_EQ(Rows(chain), "d | e\n");
  EXPECT_EQ(Rejects(chain), "csv.quote @0 #0.0\n");
  // Each is open to the next line that has a quote, and that does not close it.
  const std::string open = "\"x\n" + Repeat("fine\n", 4000);
  const DecodedRows far = DecodeCsv("a string", {Repeat(open, 200)});
  EXPECT_EQ(far.rows->num_rows(), 200 * 4000);
  EXPECT_EQ(far.rejects.size(), 200U);
  EXPECT_EQ(CodesOf("a string", Repeat("\"x\n", 1'000'000), "g"), "limit.rejects");
  // Doubled quotes never close.
  EXPECT_EQ(CodesOf("a string", Repeat("\"\"\"x\n", 1'000'000), "g"), "limit.rejects");
}

TEST(CsvHostile, OnlyQuotes) {
  for (const bool multi_line : {false, true}) {
    CsvReaderOptions options;
    options.dialect.multi_line = multi_line;
    arrow::ProxyMemoryPool pool(arrow::default_memory_pool());
    for (const std::size_t size : {std::size_t{16} << 20, (std::size_t{16} << 20) - 1}) {
      const std::string quotes(size, '"');
      auto decoder = MakeCsvDecoder(*ParseDdl("a string"), options, &pool);
      auto decoded = (*decoder)->Decode({{quotes.data(), quotes.size(), 0}});
      ASSERT_TRUE(decoded.ok());
      EXPECT_EQ(decoded->rows->num_rows() + static_cast<std::int64_t>(decoded->rejects.size()), 1);
    }
    EXPECT_LT(pool.max_memory(), 20 << 20);
  }
}

TEST(CsvHostile, AMillionCells) {
  const std::string commas(1'000'000, ',');
  EXPECT_EQ(CodesOf("a string", commas, "g"), "limit.cells");
  CsvReaderOptions options;
  options.ragged = CsvRagged::kFillAndCut;
  EXPECT_EQ(CodesOf("a string", commas, "g", options), "limit.cells");
  EXPECT_EQ(CodesOf("a string", std::string(9'999, ','), "g", options), "");
  options = {};
  options.with_header = true;
  EXPECT_EQ(CodesOf("a string", "a" + commas + "\n1\n", "a\ng", options), "limit.cells");
}

TEST(CsvHostile, RowsThatStandForFarMoreThanTheirBytes) {
  std::string ddl = "c0 string";
  for (int i = 1; i < 1000; ++i) ddl += ",c" + std::to_string(i) + " int";
  CsvReaderOptions options;
  options.ragged = CsvRagged::kFill;
  EXPECT_EQ(CodesOf(ddl, Repeat("x\n", 20'000), "g", options), "limit.missing");
  options = {};
  options.with_header = true;
  EXPECT_EQ(CodesOf(ddl, "c0\n" + Repeat("x\n", 20'000), "c0\ng", options), "limit.missing");
}

TEST(CsvHostile, MoreRowsOrRejectsThanTheLimit) {
  EXPECT_EQ(CodesOf("a int", Repeat("x\n", 100'000), "1"), "limit.rejects");
  EXPECT_EQ(CodesOf("a int", Repeat("1\n", 1'000'001), "1"), "limit.items");
  EXPECT_EQ(CodesOf("a int", Repeat("\n", 10'000'000) + "1", "1"), "");
}

TEST(CsvHostile, CellsOverTheLimit) {
  CsvReaderOptions options;
  options.limits.string_bytes = 1000;
  const std::string fits(1000, 's');
  EXPECT_EQ(CodesOf("a string", fits, "g", options), "");
  EXPECT_EQ(CodesOf("a string", "\"" + fits + "\"", "g", options), "");
  EXPECT_EQ(CodesOf("a string", fits + "s", "g", options), "limit.string");
  EXPECT_EQ(CodesOf("a string", "\"" + fits + "s\"", "g", options), "limit.string");
}

TEST(CsvHostile, LineEndsOfAllKinds) {
  const DecodedRows decoded = DecodeCsv("a int", {"1\r2\r\r3\n\r4\r\n\r\n5\n\n6\r"});
  EXPECT_EQ(Rows(decoded), "1\n2\n3\n4\n5\n6\n");
  EXPECT_EQ(Rejects(decoded), "");
  EXPECT_EQ(CodesOf("a int", "\r\n\r\r\n\n", "1"), "csv.empty");
}

TEST(CsvHostile, BytesThatAreNoText) {
  EXPECT_EQ(CodesOf("a string", std::string("a\0b", 3), "g"), "csv.nul");
  EXPECT_EQ(CodesOf("a string", std::string("a\0", 2), "g"), "csv.nul");
  EXPECT_EQ(CodesOf("a string",
                    "\xff\xfe"
                    "a",
                    "g"),
            "csv.encoding");
  EXPECT_EQ(CodesOf("a string", std::string("\xfe\xff\0a", 4), "g"), "csv.encoding");
  EXPECT_EQ(CodesOf("a string", std::string("a\0,\0b\0", 6), "g"), "csv.nul");
  EXPECT_EQ(CodesOf("a string", "\xef\xbb\xbf", "g"), "csv.empty");
  EXPECT_EQ(CodesOf("a string", "\xef\xbb", "g"), "csv.utf8");
  // Bad bytes spoil their row only, also in a column that nobody wants.
  CsvReaderOptions options;
  options.with_header = true;
  const DecodedRows decoded =
      DecodeCsv("a int", {"a,x\n1,\xc3\xa9\n2,\xc3\n3,\xed\xa0\x80\n4,ok\n"}, options);
  EXPECT_EQ(Rows(decoded), "1\n4\n");
  EXPECT_EQ(Rejects(decoded), "csv.utf8 @11 #0.1\ncsv.utf8 @15 #0.2\n");
}

TEST(CsvHostile, HeadersThatAreRowsAndRowsThatAreHeaders) {
  CsvReaderOptions options;
  options.with_header = true;
  const DecodedRows twice =
      DecodeCsv("a string, b string", {"a,b\n1,2\na,b\n3,4\n", "1,2\n"}, options);
  EXPECT_EQ(Rows(twice), "1 | 2\n3 | 4\n");
  EXPECT_EQ(Rejects(twice), "csv.header @8 #0.1\ncsv.header @0 #1\n");
}

TEST(CsvHostile, NumbersAndDatesOfOtherPlaces) {
  for (const char* number : {"1.234,5", "1,5", "1 000", "1'000", "\xd9\xa1\xd9\xa2", "1_000", "$5",
                             "5%", "0x10", "1.5d", "(5)", "1e", "--1",
                             "\xe2\x88\x92"
                             "5"}) {
    for (const char* type : {"int", "double", "decimal(10,2)"}) {
      EXPECT_EQ(CodesOf(std::string("a ") + type, "\"" + std::string(number) + "\"", "1"),
                "convert.format")
          << number << " as " << type;
    }
  }
  EXPECT_EQ(CodesOf("a date", "0000-01-01\n10000-01-01\n2026-02-29\n31/12/2026", "2026-01-01"),
            "convert.overflow convert.format convert.format convert.format");
  EXPECT_EQ(CodesOf("a timestamp", "2026-11-23T25:00:00Z\n0001-01-01T00:00:00+01:00", "2026-01-01"),
            "convert.format convert.overflow");
}

TEST(CsvHostile, ALargeMessageLeavesNoMemoryBehind) {
  arrow::ProxyMemoryPool pool(arrow::default_memory_pool());
  {
    auto decoder = MakeCsvDecoder(*ParseDdl("a string"), {}, &pool);
    const std::string large = "\"" + Repeat("s\"\"", 3 << 20) + "\"";
    const std::string small = "s";
    for (const std::string* message : {&large, &small, &small}) {
      auto decoded = (*decoder)->Decode({{message->data(), message->size(), 0}});
      ASSERT_TRUE(decoded.ok());
      ASSERT_EQ(decoded->rows->num_rows(), 1);
    }
    EXPECT_LT(pool.bytes_allocated(), 1 << 20);
  }
  EXPECT_EQ(pool.bytes_allocated(), 0);
}

}  // namespace
}  // namespace sluice
