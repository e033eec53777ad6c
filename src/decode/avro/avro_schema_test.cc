#include "decode/avro/avro_schema.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "decode/avro/avro_columns.h"
#include "record/schema.h"

namespace sluice {
namespace {

struct PublishedSchema {
  std::string input;
  std::string canonical;
  std::string fingerprint;
};

/// The format of Avro's share/test/data/schema-tests.txt: `<<NAME value`, or `<<NAME`, lines and
/// `NAME`.
std::vector<PublishedSchema> ReadPublished(const std::filesystem::path& path) {
  std::vector<PublishedSchema> out;
  std::ifstream in(path);
  std::string line;
  while (std::getline(in, line)) {
    if (line.substr(0, 2) != "<<") continue;
    const std::size_t space = line.find(' ');
    const std::string name = line.substr(2, space == std::string::npos ? space : space - 2);
    std::string value;
    if (space != std::string::npos) {
      value = line.substr(space + 1);
    } else {
      while (std::getline(in, line) && line != name) value += line + "\n";
    }
    if (name == "INPUT") out.push_back({value, "", ""});
    if (name == "canonical") out.back().canonical = value;
    if (name == "fingerprint") out.back().fingerprint = value;
  }
  return out;
}

/// Needs no corpus: those of Avro's own test suites.
TEST(AvroSchema, FingerprintsOfPrimitives) {
  EXPECT_EQ((*AvroSchema::Parse(R"("null")"))->Fingerprint(), 0x63dd24e7cc258f8aU);
  EXPECT_EQ((*AvroSchema::Parse(R"("int")"))->Fingerprint(), 0x7275d51a3f395c8fU);
  EXPECT_EQ((*AvroSchema::Parse(R"({"type": "string"})"))->Fingerprint(), 0x8f014872634503c7U);
}

TEST(AvroSchema, PublishedCanonicalFormsAndFingerprints) {
  const std::filesystem::path path = "../shared/corpora/avro/schema-tests.txt";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "NOT TESTED: there is no " << path;
  int fingerprints = 0;
  const auto published = ReadPublished(path);
  for (const PublishedSchema& one : published) {
    const auto schema = AvroSchema::Parse(one.input);
    ASSERT_TRUE(schema.ok()) << one.input << ": " << schema.error().message;
    EXPECT_EQ((*schema)->CanonicalForm(), one.canonical) << one.input;
    if (one.fingerprint.empty()) continue;
    EXPECT_EQ(std::to_string(static_cast<std::int64_t>((*schema)->Fingerprint())), one.fingerprint)
        << one.input;
    ++fingerprints;
  }
  EXPECT_EQ(published.size(), 34U);
  EXPECT_GE(fingerprints, 20);
}

std::string ErrorOf(const std::string& json) {
  const auto schema = AvroSchema::Parse(json);
  return schema.ok() ? "" : schema.error().message;
}

TEST(AvroSchema, MistakesAreNamedWithTheirPlace) {
  const struct {
    const char* json;
    const char* error;
  } cases[] = {
      {R"("strin")", "there is no type 'strin' here"},
      {R"({"type":"record","name":"R","fields":[{"name":"a","type":"intt"}]})",
       "null, boolean, int, long, float, double, bytes, string, record, enum, array, map, fixed, "
       "and names defined before, at column 58"},
      {R"({"type":"record","name":"R"})", "the record 'R' needs \"fields\", an array, at column 1"},
      {R"({"type":"record","fields":[]})", "this type has no \"name\""},
      {R"({"type":"record","name":"a-b","fields":[]})", "each part of a name must begin with"},
      {R"({"type":"record","name":"R","namespace":"a..b","fields":[]})",
       "each part of a namespace"},
      {R"({"type":"record","name":"R","fields":[{"name":"9","type":"int"}]})", "a field's name"},
      {R"({"type":"record","name":"R","fields":[{"name":"a","type":"int"},
           {"name":"a","type":"int"}]})",
       "the record 'R' has two fields 'a'"},
      {R"({"type":"record","name":"R","fields":[{"name":"a"}]})", "a field needs"},
      {R"(["int","int"])", "this union has int twice"},
      {R"(["int",["null"]])", "a union cannot stand directly in a union"},
      {R"({"type":"fixed","name":"F","size":-1})", "whole number from 0 to 16777216"},
      {R"({"type":"fixed","name":"F","size":2147483648})", "whole number from 0 to 16777216"},
      {R"({"type":"fixed","name":"F"})", "needs \"size\""},
      {R"({"type":"enum","name":"E","symbols":["A","A"]})", "has 'A' twice"},
      {R"({"type":"enum","name":"E","symbols":["A B"]})", "a symbol of an enum"},
      {R"({"type":"enum","name":"E","symbols":["A"],"default":"B"})", "none of its symbols"},
      {R"({"type":"array"})", "this array has no \"items\""},
      {R"({"type":"map"})", "this map has no \"values\""},
      {R"({"type":"record","name":"int","fields":[]})", "'int' is a type of Avro's own"},
      {R"([{"type":"fixed","name":"F","size":1},{"type":"fixed","name":"F","size":2}])",
       "the type 'F' is defined twice"},
      {R"({"type":"int","type":"long"})", "the key \"type\" is repeated, at column 15"},
      {R"({"type":"int")", "expected ',' or '}' in an object"},
      {R"("int" x)", "expected the end of the schema, at column 7"},
      {"", "the schema ends too early"},
      {"12", "expected a type"},
      {"{}", "this type has no \"type\""},
      {"\"a\xff\"", "not valid UTF-8"},
      {R"("\ud800")", "half of a surrogate pair"},
      {R"({"type":"record","name":"R","fields":[{"name":"a","type":"int","default":"1"}]})",
       "a default of type int cannot be a string, at column 74"},
      {R"({"type":"record","name":"R","fields":[{"name":"a","type":"int","default":2147483648}]})",
       "a default of type int cannot be a number like this one"},
      {R"({"type":"record","name":"R","fields":[{"name":"a","type":["int","null"],"default":"x"}]})",
       "no type of this union can have a string as its default"},
      {R"({"type":"record","name":"R","fields":[{"name":"a","type":
           {"type":"fixed","name":"F","size":2},"default":"abc"}]})",
       "a default of type fixed F cannot be a string"},
  };
  for (const auto& one : cases) {
    EXPECT_NE(ErrorOf(one.json).find(one.error), std::string::npos)
        << one.json << " gives: " << ErrorOf(one.json);
  }
}

TEST(AvroSchema, HostileSchemasAreRefusedInTime) {
  std::string deep;
  for (int i = 0; i < 20'000; ++i) deep += R"({"type":"array","items":)";
  EXPECT_NE(ErrorOf(deep).find("nested more than"), std::string::npos);
  std::string nested = "\"int\"";
  for (int i = 0; i < 101; ++i) nested = R"({"type":"array","items":)" + nested + "}";
  EXPECT_NE(ErrorOf(nested).find("types are nested more than 100 deep"), std::string::npos);
  std::string brackets(1 << 20, '[');
  EXPECT_NE(ErrorOf(brackets).find("nested more than 400 deep"), std::string::npos);
  std::string wide = R"({"type":"record","name":"R","fields":[)";
  for (int i = 0; i < 20'000; ++i) {
    wide += (i == 0 ? "" : ",") + (R"({"name":"f)" + std::to_string(i) + R"(","type":"int"})");
  }
  EXPECT_NE(ErrorOf(wide + "]}").find("more than 10000 types"), std::string::npos);
  EXPECT_NE(ErrorOf("\"" + std::string(2 << 20, 'a') + "\"").find("the limit is"),
            std::string::npos);
  const std::string name(256, 'n');
  EXPECT_NE(ErrorOf(R"({"type":"record","name":")" + name + R"(","fields":[]})").find("255 bytes"),
            std::string::npos);
  // Each record's default stands for two of the next one's: 2^30 values from 30 records.
  std::string doubling =
      "{\"type\":\"record\",\"name\":\"R30\",\"fields\":[{\"name\":\"x\","
      "\"type\":\"int\",\"default\":1}]}";
  for (int i = 29; i >= 0; --i) {
    const std::string next = "R" + std::to_string(i + 1);
    doubling = R"({"type":"record","name":"R)" + std::to_string(i) +
               R"(","fields":[{"name":"a","type":)" + doubling +
               R"(,"default":{}},{"name":"b","type":")" + next + R"(","default":{}}]})";
  }
  EXPECT_NE(ErrorOf(doubling).find("the defaults of this schema take more than"),
            std::string::npos);
}

TEST(AvroSchema, NamesAreResolvedInTheirNamespace) {
  const auto schema = AvroSchema::Parse(R"({"type":"record","name":"a.b.Outer","fields":[
      {"name":"x","type":{"type":"fixed","name":"Inner","size":2,"aliases":["Old","z.Older"]}},
      {"name":"y","type":"Inner"},{"name":"z","type":"a.b.Inner"}]})");
  ASSERT_TRUE(schema.ok()) << schema.error().message;
  const AvroNode& root = (*schema)->root();
  EXPECT_EQ(root.fields[0].type, root.fields[1].type);
  EXPECT_EQ(root.fields[0].type, root.fields[2].type);
  EXPECT_EQ(root.fields[0].type->name, "a.b.Inner");
  EXPECT_EQ(root.fields[0].type->aliases, (std::vector<std::string>{"a.b.Old", "z.Older"}));
}

std::string ColumnsOf(const std::string& json) {
  const auto schema = AvroSchema::Parse(json);
  if (!schema.ok()) return schema.error().message;
  const auto columns = AvroColumns(**schema);
  return columns.ok() ? FormatDdl(**columns) : columns.error().message;
}

TEST(AvroSchema, ColumnsOfEveryType) {
  EXPECT_EQ(ColumnsOf(R"({"type":"record","name":"R","fields":[
      {"name":"n","type":"null"},{"name":"b","type":"boolean"},{"name":"i","type":"int"},
      {"name":"l","type":["null","long"]},{"name":"f","type":["float","null"]},
      {"name":"d","type":"double"},{"name":"y","type":"bytes"},{"name":"s","type":"string"},
      {"name":"e","type":{"type":"enum","name":"E","symbols":["A"]}},
      {"name":"x","type":{"type":"fixed","name":"X","size":4}},
      {"name":"a","type":{"type":"array","items":"int"}},
      {"name":"m","type":{"type":"map","values":["null","string"]}},
      {"name":"u","type":["null","int","string"]},
      {"name":"dec","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}},
      {"name":"wide","type":{"type":"bytes","logicalType":"decimal","precision":39}},
      {"name":"odd","type":{"type":"bytes","logicalType":"decimal","precision":2,"scale":3}},
      {"name":"day","type":{"type":"int","logicalType":"date"}},
      {"name":"tm","type":{"type":"int","logicalType":"time-millis"}},
      {"name":"tu","type":{"type":"long","logicalType":"time-micros"}},
      {"name":"ts","type":{"type":"long","logicalType":"timestamp-nanos"}},
      {"name":"lt","type":{"type":"long","logicalType":"local-timestamp-millis"}},
      {"name":"uu","type":{"type":"fixed","name":"U","size":16,"logicalType":"uuid"}},
      {"name":"du","type":{"type":"fixed","name":"D","size":12,"logicalType":"duration"}},
      {"name":"unknown","type":{"type":"string","logicalType":"country"}}]})"),
            "n string, b boolean NOT NULL, i int NOT NULL, l bigint, f float, "
            "d double NOT NULL, y binary NOT NULL, s string NOT NULL, e string NOT NULL, "
            "x binary NOT NULL, a array<int> NOT NULL, m map<string,string> NOT NULL, "
            "u struct<member0:int,member1:string>, dec decimal(9,2) NOT NULL, "
            "wide binary NOT NULL, odd binary NOT NULL, day date NOT NULL, tm int NOT NULL, "
            "tu bigint NOT NULL, ts timestamp NOT NULL, lt timestamp_ntz NOT NULL, "
            "uu string NOT NULL, "
            "du struct<months:bigint NOT NULL,days:bigint NOT NULL,milliseconds:bigint NOT NULL> "
            "NOT NULL, unknown string NOT NULL");
}

TEST(AvroSchema, ColumnsOfOtherRoots) {
  EXPECT_EQ(ColumnsOf(R"("long")"), "value bigint NOT NULL");
  EXPECT_EQ(ColumnsOf(R"({"type":"map","values":"int"})"), "value map<string,int> NOT NULL");
  EXPECT_EQ(ColumnsOf(R"(["null","string"])"), "value string");
  EXPECT_EQ(ColumnsOf(R"({"type":"array","items":"string"})"), "value array<string> NOT NULL");
  EXPECT_EQ(ColumnsOf(R"({"type":"array","items":{"type":"record","name":"R",
      "fields":[{"name":"a","type":"int"}]}})"),
            "a int NOT NULL");
}

TEST(AvroSchema, RecursiveTypesAreRefusedByName) {
  EXPECT_EQ(
      ColumnsOf(R"({"type":"record","name":"s.List","fields":[
      {"name":"v","type":"int"},{"name":"next","type":["null","List"]}]})"),
      "the record 's.List' contains itself (as 'next'), which no column can hold; declare the "
      "columns that are wanted with a `schema` like: id bigint, name string");
  EXPECT_NE(ColumnsOf(R"({"type":"record","name":"R","fields":[]})").find("no columns"),
            std::string::npos);
}

}  // namespace
}  // namespace sluice
