#include "record/schema_changes.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

std::string Changes(const std::string& from, const std::string& to) {
  auto a = ParseDdl(from);
  auto b = ParseDdl(to);
  std::string out;
  if (!a.ok() || !b.ok()) return "bad DDL";
  for (const SchemaChange& change : SchemaChanges(**a, **b)) {
    out += (out.empty() ? "" : "; ") + change.text + (change.readable ? "" : " !");
  }
  return out;
}

TEST(SchemaChanges, NameEveryPlace) {
  EXPECT_EQ(Changes("id int, a string", "a string, id int"), "");
  EXPECT_EQ(Changes("id int NOT NULL COMMENT 'x'", "id int"), "");
  EXPECT_EQ(Changes("id int, a string", "id bigint, b double"),
            "id: int -> bigint; + b double; - a string");
  EXPECT_EQ(Changes("g struct<lat:int,x:int>", "g struct<lat:double,lon:double>"),
            "g.lat: int -> double; + g.lon double; - g.x int");
  EXPECT_EQ(Changes("l array<struct<a:int>>, m map<string,date>",
                    "l array<struct<a:int,b:int>>, m map<string,timestamp_ntz>"),
            "+ l[].b int; m[]: date -> timestamp_ntz");
}

TEST(SchemaChanges, SayWhetherOldFilesAreReadWithNewOnes) {
  EXPECT_EQ(Changes("a bigint, b int", "a double, b string"),
            "a: bigint -> double !; b: int -> string !");
  EXPECT_EQ(Changes("a struct<x:int>, m map<int,int>", "a string, m map<string,int>"),
            "a: struct<x:int> -> string !; m: map<int,int> -> map<string,int> !");
}

}  // namespace
}  // namespace sluice
