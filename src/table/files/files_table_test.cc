#include "table/files/files_table.h"

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <arrow/json/from_string.h>
#include <gtest/gtest.h>
#include <parquet/arrow/writer.h>

#include <filesystem>
#include <fstream>

#include "decode/csv/csv_format.h"
#include "decode/json/json_format.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

const FormatRegistry& Formats() {
  static const auto& formats = *[] {
    auto* filled = new FormatRegistry("format");
    filled->Add(CsvFormat());
    filled->Add(JsonFormat());
    return filled;
  }();
  return formats;
}

class FilesTable : public ::testing::Test {
 protected:
  FilesTable() {
    std::string name = (fs::temp_directory_path() / "sluice-table-XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~FilesTable() override { fs::remove_all(folder_); }

  std::string Path(const std::string& name) const { return (folder_ / name).string(); }

  void Write(const std::string& name, const std::string& text) const {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }

  void WriteParquet(const std::string& name, const std::shared_ptr<arrow::Table>& table) const {
    auto out = arrow::io::FileOutputStream::Open(Path(name)).ValueOrDie();
    auto keep = parquet::ArrowWriterProperties::Builder().store_schema()->build();
    ASSERT_TRUE(parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), out, 2,
                                           parquet::default_writer_properties(), keep)
                    .ok());
    ASSERT_TRUE(out->Close().ok());
  }

  Result<std::unique_ptr<Table>> Open(
      const std::vector<std::pair<std::string, std::string>>& options,
      const std::string& ddl = "") const {
    const TableEntry entry = FilesTableEntry(&Formats());
    TRY(Options parsed, ParseOptions(entry.options, RawOptionsFromPairs(options), "table t"));
    SchemaPtr declared;
    if (!ddl.empty()) {
      TRY(declared, ParseDdl(ddl));
    }
    return entry.open(parsed, declared);
  }

  /// All rows, one JSON-like array per line, or the error.
  static std::string RowsOf(const Table& table) {
    auto reader = table.Read([] { return false; });
    if (!reader.ok()) return ToString(reader.error());
    std::string text;
    while (true) {
      auto rows = (*reader)->Next();
      if (!rows.ok()) return ToString(rows.error());
      if (*rows == nullptr) return text;
      EXPECT_TRUE((*rows)->ValidateFull().ok());
      EXPECT_TRUE((*rows)->schema()->Equals(*table.schema()));
      for (std::int64_t row = 0; row < (*rows)->num_rows(); ++row) {
        for (const auto& column : (*rows)->columns()) {
          text += column->GetScalar(row).ValueOrDie()->ToString() + " ";
        }
        text += "\n";
      }
    }
  }

  fs::path folder_;
};

TEST_F(FilesTable, FindsColumnsOfCsv) {
  Write("users.csv", "id,name,since\n1,Ada,2020-02-29\n2,,2021-01-01\n");
  auto table = Open({{"path", Path("users.csv")}, {"format", "csv"}, {"withHeader", "true"}});
  ASSERT_TRUE(table.ok()) << ToString(table.error());
  EXPECT_EQ(FormatDdl(*(*table)->schema()), "id bigint, name string, since date");
  EXPECT_EQ(RowsOf(**table), "1 Ada 2020-02-29 \n2 null 2021-01-01 \n");
}

TEST_F(FilesTable, EveryChunkOfCsvHasTheHeaderAndNoFirstLineIsDroppedTwice) {
  std::string text = "id;name\nnot;data\n";
  for (int i = 0; i < 200'000; ++i) text += std::to_string(i) + ";somebody\n";
  Write("users/a.csv", text);
  Write("users/b.csv", "name;id\nx;y\nlast;200000");
  Write("users/_unfinished.csv", "garbage");
  auto table = Open({{"path", Path("users")},
                     {"format", "csv"},
                     {"withHeader", "true"},
                     {"skipFirst", "true"},
                     {"separator", ";"}});
  ASSERT_TRUE(table.ok()) << ToString(table.error());
  EXPECT_EQ(FormatDdl(*(*table)->schema()), "id bigint, name string");
  const std::string rows = RowsOf(**table);
  EXPECT_EQ(std::count(rows.begin(), rows.end(), '\n'), 200'001);
  EXPECT_TRUE(rows.ends_with("200000 last \n")) << rows.substr(rows.size() - 100);
}

TEST_F(FilesTable, ColumnsAreThoseThatAllRowsFill) {
  Write("t.json", "{\"id\": 1}\n\n{\"id\": 2.5, \"tags\": [\"a\"]}\n");
  auto table = Open({{"path", Path("*.json")}, {"format", "json"}});
  ASSERT_TRUE(table.ok()) << ToString(table.error());
  EXPECT_EQ(FormatDdl(*(*table)->schema()), "id double, tags array<string>");
  EXPECT_EQ(RowsOf(**table), "1 null \n2.5 list<element: string>[a] \n");
}

TEST_F(FilesTable, MultiLineReadsAFileAsAWhole) {
  Write("t.json", "[{\"id\": 1},\n {\"id\":\n 2}]");
  auto table = Open({{"path", Path("t.json")}, {"format", "json"}, {"multiLine", "true"}});
  ASSERT_TRUE(table.ok()) << ToString(table.error());
  EXPECT_EQ(RowsOf(**table), "1 \n2 \n");
}

TEST_F(FilesTable, ARowThatCannotBeReadIsAnErrorWithItsPlace) {
  Write("t.csv", "id,name\n1,Ada\nx,Eve\n");
  auto table = Open({{"path", Path("t.csv")}, {"format", "csv"}, {"withHeader", "true"}},
                    "id int, name string");
  ASSERT_FALSE(table.ok());
  EXPECT_EQ(table.error().blame, Blame::kUser);
  EXPECT_NE(table.error().message.find("t.csv, line 3: id: "), std::string::npos)
      << table.error().message;
  Write("t.json", "{\"id\": 1}\n{\"id\": \n");
  table = Open({{"path", Path("t.json")}, {"format", "json"}}, "id int");
  ASSERT_FALSE(table.ok());
  EXPECT_NE(table.error().message.find("t.json, line 2: "), std::string::npos)
      << table.error().message;
}

TEST_F(FilesTable, WhatGoesWrongLaterMayPass) {
  Write("t.json", "{\"id\": 1}\n");
  auto table = Open({{"path", Path("t.json")}, {"format", "json"}});
  ASSERT_TRUE(table.ok()) << ToString(table.error());
  fs::remove(Path("t.json"));
  auto reader = (*table)->Read([] { return false; });
  ASSERT_FALSE(reader.ok());
  EXPECT_EQ(reader.error().blame, Blame::kRemote);
  EXPECT_EQ(reader.error().retry, Retry::kLater);
  Write("t.json", "{\"id\": \"text\"}\n");
  reader = (*table)->Read([] { return false; });
  ASSERT_TRUE(reader.ok());
  auto rows = (*reader)->Next();
  ASSERT_FALSE(rows.ok());
  EXPECT_EQ(rows.error().retry, Retry::kLater);
  Write("t.json", "{\"id\": 2, \"new\": 3}\n");
  EXPECT_EQ(RowsOf(**table), "2 \n");
}

TEST_F(FilesTable, ParquetOfEveryKindBecomesColumns) {
  auto schema =
      arrow::schema({arrow::field("u", arrow::uint32()), arrow::field("large", arrow::large_utf8()),
                     arrow::field("kind", arrow::dictionary(arrow::int32(), arrow::utf8())),
                     arrow::field("at", arrow::timestamp(arrow::TimeUnit::NANO, "Europe/Berlin")),
                     arrow::field("price", arrow::decimal128(10, 2), false),
                     arrow::field("tags", arrow::list(arrow::utf8())),
                     arrow::field("geo", arrow::struct_({arrow::field("lat", arrow::float64()),
                                                         arrow::field("n", arrow::uint8())})),
                     arrow::field("map", arrow::map(arrow::utf8(), arrow::int64()))});
  const auto plain = [](const std::shared_ptr<arrow::DataType>& type, const std::string& json) {
    return arrow::json::ArrayFromJSONString(type, json).ValueOrDie();
  };
  auto kinds = arrow::json::DictArrayFromJSONString(schema->field(2)->type(), "[0, 1, null]",
                                                    "[\"x\", \"y\"]");
  ASSERT_TRUE(kinds.ok());
  WriteParquet("t.parquet",
               arrow::Table::Make(
                   schema, {plain(arrow::uint32(), "[4294967295, null, 1]"),
                            plain(arrow::large_utf8(), "[\"a\", \"\", null]"),
                            arrow::MakeArray((*kinds)->data()),
                            plain(schema->field(3)->type(), "[1500, 1000, null]"),
                            plain(schema->field(4)->type(), "[\"1.25\", \"2.00\", \"-3.10\"]"),
                            plain(schema->field(5)->type(), "[[\"a\", null], [], null]"),
                            plain(schema->field(6)->type(), "[[1.5, 7], null, [null, 1]]"),
                            plain(schema->field(7)->type(), "[[[\"k\", 1]], [], null]")}));
  auto table = Open({{"path", Path("t.parquet")}, {"format", "parquet"}});
  ASSERT_TRUE(table.ok()) << ToString(table.error());
  EXPECT_EQ(FormatDdl(*(*table)->schema()),
            "u bigint, large string, kind string, at timestamp, price decimal(10,2), tags "
            "array<string>, geo struct<lat:double,n:smallint>, map map<string,bigint>");
  const std::string rows = RowsOf(**table);
  EXPECT_TRUE(rows.starts_with("4294967295 a x 1970-01-01 00:00:00.000001Z 1.25 ")) << rows;
  EXPECT_EQ(std::count(rows.begin(), rows.end(), '\n'), 3);
}

TEST_F(FilesTable, ParquetColumnsAreFoundByName) {
  auto one = arrow::Table::Make(
      arrow::schema({arrow::field("id", arrow::int64()), arrow::field("name", arrow::utf8())}),
      {arrow::json::ArrayFromJSONString(arrow::int64(), "[1]").ValueOrDie(),
       arrow::json::ArrayFromJSONString(arrow::utf8(), "[\"a\"]").ValueOrDie()});
  auto two = arrow::Table::Make(
      arrow::schema({arrow::field("more", arrow::int64()), arrow::field("id", arrow::int64())}),
      {arrow::json::ArrayFromJSONString(arrow::int64(), "[9]").ValueOrDie(),
       arrow::json::ArrayFromJSONString(arrow::int64(), "[2]").ValueOrDie()});
  WriteParquet("1.parquet", one);
  WriteParquet("2.parquet", two);
  auto table = Open({{"path", Path("")}, {"format", "parquet"}});
  ASSERT_TRUE(table.ok()) << ToString(table.error());
  EXPECT_EQ(RowsOf(**table), "1 a \n2 null \n");
  table = Open({{"path", Path("2.parquet")}, {"format", "parquet"}}, "id bigint");
  ASSERT_TRUE(table.ok()) << ToString(table.error());
  EXPECT_EQ(RowsOf(**table), "2 \n");
  table = Open({{"path", Path("2.parquet")}, {"format", "parquet"}}, "id string");
  ASSERT_FALSE(table.ok());
  EXPECT_EQ(table.error().code, "table.columns");
}

TEST_F(FilesTable, ATornParquetFileIsAnError) {
  Write("t.parquet", "PAR1 and not much more");
  auto table = Open({{"path", Path("t.parquet")}, {"format", "parquet"}});
  ASSERT_FALSE(table.ok());
  EXPECT_EQ(table.error().code, "table.file");
  EXPECT_EQ(ExitCode(table.error()), 2);
}

TEST_F(FilesTable, MistakesAreToldAtTheStart) {
  const std::vector<std::pair<std::vector<std::pair<std::string, std::string>>, std::string>>
      cases = {
          {{{"path", Path("none.csv")}, {"format", "csv"}}, "table.no_file"},
          {{{"path", Path("*.csv")}, {"format", "csv"}}, "table.no_file"},
          {{{"path", Path("")}, {"format", "csv"}}, "table.no_file"},
          {{{"path", Path("x")}, {"format", "json"}, {"withHeader", "true"}}, "table.option"},
          {{{"path", Path("x")}, {"format", "avro"}}, "job.option"},
      };
  for (const auto& [options, code] : cases) {
    auto table = Open(options);
    ASSERT_FALSE(table.ok()) << code;
    EXPECT_EQ(table.error().code, code) << ToString(table.error());
    EXPECT_EQ(table.error().blame, Blame::kUser);
  }
  Write("t.csv.gz", "id\n1\n");
  EXPECT_EQ(Open({{"path", Path("t.csv.gz")}, {"format", "csv"}}).error().code, "table.compressed");
  Write("empty.json", "\n\n");
  EXPECT_EQ(Open({{"path", Path("empty.json")}, {"format", "json"}}).error().code, "table.columns");
}

}  // namespace
}  // namespace sluice
