#include "record/row_table.h"

#include <arrow/array.h>
#include <arrow/json/from_string.h>
#include <arrow/table.h>
#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(RowTable, ShowsValuesAsTheyAre) {
  auto schema = ParseDdl(
      "id bigint, name string, seen timestamp, price decimal(30,2), rate double, "
      "geo struct<lat:double>, tags array<string>, raw binary");
  ASSERT_TRUE(schema.ok());
  std::vector<std::shared_ptr<arrow::Array>> columns;
  const std::vector<std::string> texts = {
      R"([7, null])",
      R"(["say \"hi\"", null])",
      R"(["2026-11-23 05:29:06.5", null])",
      R"(["1234567890123456789012345678.90", null])",
      R"([0.1, null])",
      R"([{"lat": 2.5}, null])",
      R"([["a", null], null])",
      R"(["a", null])",
  };
  for (int i = 0; i < (*schema)->num_fields(); ++i) {
    auto column = arrow::json::ArrayFromJSONString((*schema)->field(i)->type(),
                                                   texts[static_cast<std::size_t>(i)]);
    ASSERT_TRUE(column.ok()) << column.status().ToString();
    columns.push_back(*column);
  }
  const auto rows = arrow::RecordBatch::Make(*schema, 2, columns);
  EXPECT_EQ(RowCells(*rows, 0),
            (std::vector<std::string>{"7", "say \"hi\"", "2026-11-23T05:29:06.5Z",
                                      "1234567890123456789012345678.90", "0.1", R"({"lat":2.5})",
                                      R"(["a",null])", "YQ=="}));
  EXPECT_EQ(RowCells(*rows, 1), std::vector<std::string>(8, "null"));
  const TextTable table = TableOfColumns(**schema, /*typed=*/true);
  EXPECT_EQ(table.names[1], "name");
  EXPECT_EQ(table.types[0], "bigint");
  EXPECT_TRUE(table.right[0] && table.right[3] && table.right[4]);
  EXPECT_FALSE(table.right[1] || table.right[2] || table.right[5]);
  EXPECT_EQ(TableOfColumns(**schema, /*typed=*/false).types[0], "");
}

}  // namespace
}  // namespace sluice
