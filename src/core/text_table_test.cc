#include "core/text_table.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(TextTableTest, AlignsCutsAndEscapes) {
  TextTable table;
  table.names = {"id", "name"};
  table.types = {"bigint", "string"};
  table.right = {true, false};
  table.rows = {{"7", "M\xc3\xbcnchen"}, {"12345", "a\n\x1b[31m"}, {"", "0123456789abc"}};
  EXPECT_EQ(PrintTable(table, 10),
            "    id  name\n"
            "bigint  string\n"
            "------  ----------\n"
            "     7  M\xc3\xbcnchen\n"
            " 12345  a\\n\\x1b[3…\n"
            "        012345678…\n");
}

TEST(TextTableTest, NoRowsStillHaveAHeader) {
  TextTable table;
  table.names = {"a"};
  table.types = {"int"};
  table.right = {true};
  EXPECT_EQ(PrintTable(table, 10), "  a\nint\n---\n");
  table.types = {""};
  EXPECT_EQ(PrintTable(table, 10), "a\n-\n");
}

}  // namespace
}  // namespace sluice
