#include "job/yaml_loader.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace sluice {
namespace {

std::string MessageOf(std::string_view yaml) {
  Result<RawOptions> result = LoadYaml(yaml, "job.yaml");
  if (result.ok()) return "accepted";
  EXPECT_EQ(result.error().blame, Blame::kUser);
  EXPECT_EQ(result.error().code, "job.yaml");
  return result.error().message;
}

TEST(YamlLoaderTest, KeepsTextOrderAndPlaces) {
  auto root =
      LoadYaml("name: clicks  # a comment\nbootstrap.servers: 'h:1'\nlist:\n  - 007\n  - {a: no}\n",
               "job.yaml");
  ASSERT_TRUE(root.ok()) << root.error().message;
  ASSERT_EQ(root->size(), 3u);
  EXPECT_EQ((*root)[0].name, "name");
  EXPECT_EQ((*root)[0].value.text, "clicks");
  EXPECT_EQ((*root)[1].name, "bootstrap.servers");
  EXPECT_EQ((*root)[1].value.text, "h:1");
  EXPECT_EQ((*root)[1].value.key_place.ToString(), "job.yaml:2:1");
  EXPECT_EQ((*root)[1].value.place.ToString(), "job.yaml:2:20");
  const RawValue& list = (*root)[2].value;
  ASSERT_EQ(list.items.size(), 2u);
  EXPECT_EQ(list.items[0].text, "007");
  EXPECT_EQ(list.items[1].entries[0].value.text, "no");
}

TEST(YamlLoaderTest, EmptyAndNullValuesAreEmptyText) {
  auto root = LoadYaml("a:\nb: ~\nc: null\nd: ''\n", "job.yaml");
  ASSERT_TRUE(root.ok());
  for (const auto& [key, value] : *root) EXPECT_EQ(value.text, "") << key;
}

TEST(YamlLoaderTest, RefusesWithPlaceAndReason) {
  struct Case {
    const char* yaml;
    const char* message;
  };
  for (const Case& c : {
           Case{"a: 1\nb: 2\na: 3\n",
                "job.yaml:3:1: 'a' is given twice; the first one is at line 1, column 1"},
           {"a: &x 1\n", "job.yaml:1:4: anchors"},
           {"a: !!int 1\n", "job.yaml:1:4: tags"},
           {"a: !x {b: 1}\n", "job.yaml:1:4: tags"},
           {"? [a]\n: 1\n", "job.yaml:1:3: a key must be text"},
           {"'': 1\n", "job.yaml:1:1: a key is empty"},
           {"- a\n", "job.yaml:1:1: a job file is a map of options (name: value), not a list"},
           {"a\n", "job.yaml:1:1: a job file is a map"},
           {"", "job.yaml: the file is empty"},
           {"# only this\n", "job.yaml: the file is empty"},
           {"a: 1\n---\nb: 2\n", "job.yaml:2:1: a job file is one YAML document"},
           {"a: 1\n  b: 2\n", "job.yaml:2:4: not valid YAML"},
           {"a:\n\tb: 2\n", "not valid YAML"},
           {"a: b: c\n", "job.yaml:1:5: not valid YAML"},
           {"a: [1, 2\n", "not valid YAML"},
           {"a: *x\n", "job.yaml:1:4: "},
           {"a: \"x\n", "job.yaml:1:4: this quote is never closed"},
           {"a: 1\nb: \xff\n", "job.yaml:2:4: a byte that is neither UTF-8"},
           {"a: \xed\xa0\x80\n", "job.yaml:1:4: a byte that is neither UTF-8"},
           {"a: \x1b[31m\n", "job.yaml:1:4: a byte that is neither"},
       }) {
    std::string message = MessageOf(c.yaml);
    EXPECT_NE(message.find(c.message), std::string::npos) << c.yaml << "\n" << message;
  }
}

TEST(YamlLoaderTest, DepthAndSizeAreCapped) {
  std::string nested(kMaxYamlDepth - 1, '[');
  EXPECT_EQ(MessageOf("a: " + nested + std::string(nested.size(), ']')), "accepted");
  nested += '[';
  EXPECT_NE(MessageOf("a: " + nested + std::string(nested.size(), ']')).find("nested more than 50"),
            std::string::npos);
  EXPECT_NE(MessageOf("a: " + std::string(kMaxJobFileBytes, 'x')).find("at most 1 MiB"),
            std::string::npos);
  // Neither may these crash or take long.
  for (const char* unit : {"[", "{a: ", "- ", "? ", "&", ":", "!", "'"}) {
    std::string text;
    while (text.size() < kMaxJobFileBytes / 4) text += unit;
    EXPECT_NE(MessageOf(text), "accepted") << unit;
  }
}

TEST(YamlLoaderTest, PlaceInsideScalarsOfEveryStyle) {
  struct Case {
    const char* yaml;
    const char* place;
  };
  for (const Case& c : {
           Case{"sql: SELECT a, HERE FROM t\n", "job.yaml:1:16"},
           {"sql: SELECT a,\n  HERE FROM t\n", "job.yaml:2:3"},
           {"sql: |\n  SELECT a,\n\n    HERE\n", "job.yaml:4:5"},
           {"sql: |2\n    SELECT a,\n   HERE\n", "job.yaml:3:4"},
           {"sql: >-  # folded\n  SELECT a,\n  HERE FROM t\n", "job.yaml:3:3"},
           {"sql: 'SELECT ''x'' AS y,\n  HERE'\n", "job.yaml:2:3"},
           {"sql: \"SELECT \\\"x\\\" AS y, HERE\"\n", "job.yaml:1:26"},
           {"a: 1\r\nsql: |\r\n  SELECT\r\n  HERE\r\n", "job.yaml:4:3"},
           {"sql: HERE\n", "job.yaml:1:6"},
       }) {
    auto root = LoadYaml(c.yaml, "job.yaml");
    ASSERT_TRUE(root.ok()) << root.error().message;
    const RawValue& sql = root->back().value;
    EXPECT_EQ(PlaceInScalar(c.yaml, sql, sql.text.find("HERE")).ToString(), c.place) << c.yaml;
  }
}

TEST(ReadJobFileTest, SaysWhatIsWrongWithTheFile) {
  auto absent = ReadJobFile("no/such.yaml");
  ASSERT_FALSE(absent.ok());
  EXPECT_NE(absent.error().message.find("no/such.yaml: No such file"), std::string::npos);
  auto folder = ReadJobFile(std::filesystem::temp_directory_path().string());
  ASSERT_FALSE(folder.ok());
  EXPECT_NE(folder.error().message.find("it is a folder"), std::string::npos);
  std::string path = testing::TempDir() + "large.yaml";
  std::ofstream(path) << std::string(kMaxJobFileBytes + 1, '#');
  auto large = ReadJobFile(path);
  std::filesystem::remove(path);
  ASSERT_FALSE(large.ok());
  EXPECT_NE(large.error().message.find("larger than 1 MiB"), std::string::npos);
}

}  // namespace
}  // namespace sluice
