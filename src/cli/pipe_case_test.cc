#include "cli/pipe_case.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

constexpr char kText[] =
    "# Sales by city.\n"
    "source clicks json\n"
    "schema id bigint,\n"
    "       city string\n"
    "set badRecords=skip\n"
    "source users\n"
    "sql sales SELECT c.id\n"
    "          FROM clicks c\n"
    "mapping small sales\n"
    "map id, decimal(10,2), `the key`, struct<a:int,b:int>\n"
    "sink lake\n"
    "sink raw clicks\n"
    "ordered raw\n"
    "epoch\n"
    "in clicks {\"id\": 1}\n"
    "in.hex users 7b 7d\n"
    "expect lake {\"id\": 1}\n"
    "reject clicks 2.1: no number\n"
    "epoch\n"
    "error sql.\n";

std::string Refused(const std::string& text) {
  auto test = ParsePipeCase("a.pipe", text);
  return test.ok() ? "accepted" : test.error().message;
}

TEST(PipeCase, ReadsTheWholeExample) {
  auto parsed = ParsePipeCase("a.pipe", kText);
  ASSERT_TRUE(parsed.ok()) << ToString(parsed.error());
  const PipeCase& test = *parsed;
  ASSERT_EQ(test.sources.size(), 2u);
  EXPECT_EQ(test.sources[0].name, "clicks");
  EXPECT_EQ(test.sources[0].schema, "id bigint,\ncity string");
  EXPECT_EQ(test.sources[0].options[0].second, "skip");
  EXPECT_EQ(test.sources[1].classification, "json");
  EXPECT_FALSE(test.sources[1].schema.has_value());
  ASSERT_EQ(test.steps.size(), 2u);
  EXPECT_EQ(test.steps[0].sql, "SELECT c.id\nFROM clicks c");
  EXPECT_EQ(test.steps[1].from, "sales");
  ASSERT_EQ(test.steps[1].mapping.size(), 1u);
  EXPECT_EQ(test.steps[1].mapping[0],
            (std::vector<std::string>{"id", "decimal(10,2)", "`the key`", "struct<a:int,b:int>"}));
  ASSERT_EQ(test.sinks.size(), 2u);
  EXPECT_EQ(test.sinks[0].from, "");
  EXPECT_EQ(test.sinks[1].from, "clicks");
  EXPECT_TRUE(test.sinks[1].ordered);
  ASSERT_EQ(test.epochs.size(), 2u);
  ASSERT_EQ(test.epochs[0].messages.size(), 2u);
  EXPECT_EQ(test.epochs[0].messages[1].first, "users");
  EXPECT_EQ(test.epochs[0].messages[1].second.bytes, "{}");
  EXPECT_EQ(test.epochs[0].rows.at("lake").size(), 1u);
  EXPECT_EQ(test.epochs[0].rejects.at("clicks")[0].row, 1);
  EXPECT_EQ(test.epochs[1].error->text, "sql.");
}

TEST(PipeCase, TablesHaveRowsFromTheBeginningOrFromAnEpochOn) {
  auto test = ParsePipeCase("t.pipe",
                            "source a\ntable users csv\nset withHeader=true\nschema id int\n"
                            "row users id\nsink out\nepoch\nepoch\nrow users 7\n");
  ASSERT_TRUE(test.ok()) << test.error().message;
  ASSERT_EQ(test->tables.size(), 1u);
  const PipeTable& users = test->tables[0];
  EXPECT_EQ(users.format, "csv");
  EXPECT_EQ(users.schema, "id int");
  EXPECT_EQ(users.options.size(), 1u);
  EXPECT_FALSE(test->sources[0].schema.has_value());
  EXPECT_EQ(users.rows, (std::vector<std::string>{"id"}));
  EXPECT_TRUE(test->epochs[0].table_rows.empty());
  EXPECT_EQ(test->epochs[1].table_rows.at("users"), (std::vector<std::string>{"7"}));
  EXPECT_FALSE(ParsePipeCase("t.pipe", "source a\nrow users 1\nsink out\nepoch\n").ok());
}

TEST(PipeCase, MistakesNameFileAndLine) {
  EXPECT_NE(Refused("source a\nsink k\nepoch\nin b {}\n").find("a.pipe:4: there is no source 'b'"),
            std::string::npos);
  EXPECT_NE(
      Refused("source a\nsink k\nepoch\nexpect l {}\n").find("a.pipe:4: there is no sink 'l'"),
      std::string::npos);
  EXPECT_NE(Refused("source a\nsink k\nin a {}\n").find("behind an 'epoch' line"),
            std::string::npos);
  EXPECT_NE(Refused("schema id int\n").find("behind a 'source' or 'table' line"),
            std::string::npos);
  EXPECT_NE(Refused("source a\nmap a, b, c, d\n").find("behind a 'mapping' line"),
            std::string::npos);
  EXPECT_NE(Refused("source a\nmapping m a\nmap a, b\n").find("a.pipe:3: write 'map"),
            std::string::npos);
  EXPECT_NE(Refused("sink k\nepoch\n").find("no 'source' line"), std::string::npos);
  EXPECT_NE(Refused("source a\nsink k\n").find("no 'epoch' line"), std::string::npos);
}

TEST(PipeCase, RowsCompareAsSetsUnlessOrdered) {
  auto test = ParsePipeCase("a.pipe",
                            "source s\nsink k\nepoch\n"
                            "expect k {\"n\":1}\nexpect k {\"n\":2}\nexpect k {\"n\":2}\n");
  ASSERT_TRUE(test.ok());
  ObservedPipe observed;
  observed.epochs.resize(1);
  observed.epochs[0].rows["k"] = {"{\"n\":2}", "{\"n\":1}", "{\"n\":2}"};
  EXPECT_TRUE(CheckPipeCase(*test, observed).empty());
  test->sinks[0].ordered = true;
  EXPECT_EQ(CheckPipeCase(*test, observed).size(), 2u);
  test->sinks[0].ordered = false;
  observed.epochs[0].rows["k"].pop_back();
  ASSERT_EQ(CheckPipeCase(*test, observed).size(), 1u);
  EXPECT_EQ(CheckPipeCase(*test, observed)[0].what, "row of k is missing");
}

TEST(PipeCase, ErrorBelongsToTheFirstEpochThatWasNotCommitted) {
  auto test = ParsePipeCase("a.pipe", "source s\nsink k\nepoch\nin s {}\nepoch\nerror division\n");
  ASSERT_TRUE(test.ok());
  ObservedPipe observed;
  observed.epochs.resize(1);
  observed.error = UserError("sql.error", "division by zero");
  EXPECT_TRUE(CheckPipeCase(*test, observed).empty());
  observed.error = UserError("sql.error", "out of range");
  ASSERT_EQ(CheckPipeCase(*test, observed).size(), 1u);
  EXPECT_EQ(CheckPipeCase(*test, observed)[0].line, 6);
  observed.error.reset();
  EXPECT_FALSE(CheckPipeCase(*test, observed).empty());
  observed.epochs.resize(2);
  EXPECT_EQ(CheckPipeCase(*test, observed)[0].what, "the error is missing");
}

TEST(PipeCase, RebaselineRewritesEveryEpoch) {
  const std::string text =
      "source s\nsink k\nepoch\nin s {}\nexpect k {\"n\":0}\n\nepoch\nin s {}\n";
  auto test = ParsePipeCase("a.pipe", text);
  ASSERT_TRUE(test.ok());
  ObservedPipe observed;
  observed.epochs.resize(2);
  observed.epochs[0].rows["k"] = {"{\"n\":2}", "{\"n\":1}"};
  observed.epochs[1].rejects["s"] = {{1, -1, "json.syntax: bad (byte 0)"}};
  EXPECT_EQ(RebaselinePipeCase(text, *test, observed),
            "source s\nsink k\nepoch\nin s {}\nexpect k {\"n\": 1}\nexpect k {\"n\": 2}\n\n"
            "epoch\nin s {}\nreject s 1: json.syntax: bad (byte 0)\n");
}

}  // namespace
}  // namespace sluice
