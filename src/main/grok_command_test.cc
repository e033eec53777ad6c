// `sluice grok` with the real format.
#include "cli/grok_command.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/command_line.h"
#include "main/built_in_parts.h"

namespace sluice {
namespace {

struct Outcome {
  int code = 0;
  std::string out;
  std::string error;
};

Outcome Try(const GrokTrialOptions& options, const std::string& lines) {
  std::istringstream in(lines);
  std::ostringstream out;
  const Parts& parts = BuiltInParts();
  auto code = TryGrok(options, parts.formats, parts.encoders, in, out);
  if (!code.ok()) return {ExitCode(code.error()), out.str(), code.error().message};
  return {*code, out.str(), ""};
}

GrokTrialOptions Pattern(const std::string& pattern) {
  GrokTrialOptions options;
  options.pattern = pattern;
  return options;
}

TEST(GrokCommand, ShowsFieldsAndWhereALineFails) {
  const Outcome outcome =
      Try(Pattern("^%{IP:client} %{NUMBER:bytes:long}$"), "10.0.0.1 7\n\né 10.0.0.1 x\n");
  EXPECT_EQ(outcome.code, 3);
  EXPECT_EQ(outcome.out,
            "line 1 matches\n"
            "  client = 10.0.0.1\n"
            "  bytes  = 7\n"
            "line 3: the line does not match grokPattern: at byte 0 of 13 it has no match for "
            "'%{IP:client}' at character 2 of grokPattern [grok.mismatch]\n"
            "  é 10.0.0.1 x\n"
            "  ^\n");
}

TEST(GrokCommand, TheMarkStandsUnderTheCharacter) {
  const Outcome outcome = Try(Pattern("^%{WORD:a} (?<b>é+)%{INT:c}"), "ab éé\tx\n");
  EXPECT_NE(outcome.out.find("\n  ab éé?x\n       ^\n"), std::string::npos) << outcome.out;
}

TEST(GrokCommand, LongLinesAreCutAroundTheMark) {
  const Outcome outcome =
      Try(Pattern("^(?<a>x+)%{INT:b}"), std::string(500, 'x') + "!" + std::string(500, 'y') + "\n");
  std::istringstream lines(outcome.out);
  std::string reason, line, mark;
  std::getline(lines, reason);
  std::getline(lines, line);
  std::getline(lines, mark);
  EXPECT_LT(line.size(), 180U);
  EXPECT_EQ(line[mark.size() - 1], '!') << outcome.out;
}

TEST(GrokCommand, JsonLines) {
  GrokTrialOptions options = Pattern("^%{WORD:[a][b]} %{INT:n:int}$");
  options.json = true;
  const Outcome outcome = Try(options, "x 1\nx y\n");
  EXPECT_EQ(outcome.code, 3);
  EXPECT_EQ(
      outcome.out,
      "{\"line\":1,\"fields\":{\"a\":{\"b\":\"x\"},\"n\":1}}\n"
      "{\"line\":2,\"byte\":2,\"code\":\"grok.mismatch\",\"field\":\"\",\"reason\":\"the line "
      "does not match grokPattern: at byte 2 of 3 it has no match for '%{INT:n:int}' "
      "at character 17 of grokPattern\"}\n");
}

TEST(GrokCommand, CustomPatternsAreTextOrAFile) {
  GrokTrialOptions options = Pattern("%{DIGIT:n:int}");
  options.custom = "DIGIT \\d";
  EXPECT_EQ(Try(options, "7\n").code, 0);
  const std::string path = testing::TempDir() + "grok_custom_patterns";
  std::ofstream(path) << "# mine\nDIGIT \\d\n";
  options.custom = path;
  EXPECT_EQ(Try(options, "7\n").out, "line 1 matches\n  n = 7\n");
  std::filesystem::remove(path);
  const Outcome missing = Try(options, "7\n");
  EXPECT_EQ(missing.code, 2);
  EXPECT_NE(missing.error.find("cannot read " + path), std::string::npos) << missing.error;
}

TEST(GrokCommand, WrongPatternsAreTheUsersMistake) {
  const Outcome outcome = Try(Pattern("%{NOPE:a}"), "x\n");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.error.substr(0, 26), "grokPattern, character 1: ");
  GrokTrialOptions schema = Pattern("%{INT:a}");
  schema.schema = "a it";
  EXPECT_EQ(Try(schema, "x\n").error.substr(0, 10), "--schema: ");
}

TEST(GrokCommand, ListsPatternsByName) {
  std::ostringstream out;
  EXPECT_EQ(*ListGrok("legacy", "month?um*", out), 0);
  EXPECT_EQ(out.str(),
            "MONTHNUM   (?:0?[1-9]|1[0-2])\n"
            "MONTHNUM2  (?:0[1-9]|1[0-2])\n");
  auto none = ListGrok("ecs", "MONTHNUM3", out);
  ASSERT_FALSE(none.ok());
  EXPECT_NE(none.error().message.find("did you mean 'MONTHNUM"), std::string::npos);
}

TEST(GrokCommand, IsACommand) {
  const auto run = [](std::vector<const char*> args) {
    args.insert(args.begin(), {"sluice", "grok"});
    std::ostringstream out, err;
    const int code =
        RunCommandLine(static_cast<int>(args.size()), args.data(), BuiltInParts(), out, err);
    return std::pair{code, out.str() + err.str()};
  };
  EXPECT_EQ(run({"--help"}).first, 0);
  EXPECT_EQ(run({}).first, 2);
  EXPECT_EQ(run({"--list"}).first, 0);
  EXPECT_EQ(run({"--list", "NUMBER"}).second, "NUMBER  (?:%{BASE10NUM})\n");
  EXPECT_EQ(run({"--list", "--library", "other"}).first, 2);
  EXPECT_EQ(run({"%{INT:a}", "/no/such/file"}).first, 2);
}

}  // namespace
}  // namespace sluice
