#include "cli/test_command.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "cli/fake_format.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

/// Answers a pipeline case with what it is told.
class ScriptedPipes final : public PipeRunner {
 public:
  std::vector<std::string> Modes(const PipeCase&) override { return {"straight", "twice"}; }
  Result<ObservedPipe> Run(const PipeCase&, const std::string& mode) override {
    return mode == "straight" ? straight : twice;
  }
  std::string Remarks() const override { return "kill modes need a build with failpoints"; }
  ObservedPipe straight, twice;
};

class TestCommandTest : public testing::Test {
 protected:
  TestCommandTest() {
    std::string pattern = (fs::temp_directory_path() / "sluice_cases_XXXXXX").string();
    root_ = mkdtemp(pattern.data());
  }
  ~TestCommandTest() override { fs::remove_all(root_); }

  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(root_ / name) << text;
    return (root_ / name).string();
  }
  std::string ReadBack(const std::string& name) {
    std::ifstream in(root_ / name);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  /// The exit code; the report is in report_.
  int Run(bool rebaseline = false, PipeRunner* pipes = nullptr) {
    std::ostringstream out;
    auto code = RunTests({{root_.string()}, rebaseline}, {&formats_, &encoders_, pipes}, out);
    report_ = out.str();
    EXPECT_TRUE(code.ok()) << ToString(code.error());
    return code.ok() ? *code : -1;
  }

  std::string LastLine() const {
    const std::string text = report_.substr(0, report_.size() - 1);
    return text.substr(text.rfind('\n') + 1);
  }

  fs::path root_;
  FormatRegistry formats_ = FakeFormats();
  EncoderRegistry encoders_ = FakeEncoders();
  std::string report_;
};

constexpr char kGood[] =
    "classification words\n"
    "set prefix=<\n"
    "in a b\n"
    "out {\"word\": \"<a\"}\n"
    "out {\"word\":\"<b\"}\n"
    "in.null\n"
    "in ?\n"
    "reject 3: must not ask\n"
    "in c !d\n"
    "out { \"word\" : \"<c\" }\n"
    "reject 4.2: words.shout word: a word must not shout (byte 2)\n";

TEST_F(TestCommandTest, GoodCasePasses) {
  Write("good.case", kGood);
  EXPECT_EQ(Run(), 0) << report_;
  EXPECT_EQ(report_, "1 passed, 0 failed\n");
}

TEST_F(TestCommandTest, WrongRowShowsPlaceExpectedAndActual) {
  const std::string path = Write("bad.case",
                                 "classification words\n"
                                 "in a b\n"
                                 "out {\"word\": \"a\"}\n"
                                 "out {\"word\": \"x\"}\n");
  Write("good.case", kGood);
  EXPECT_EQ(Run(), 1);
  EXPECT_EQ(report_, path +
                         ":4: row 2 differs (straight)\n"
                         "  expected  {\"word\": \"x\"}\n"
                         "  actual    {\"word\": \"b\"}\n"
                         "1 passed, 1 failed\n");
}

TEST_F(TestCommandTest, MissingAndUnexpectedRowsAndRejectsFail) {
  Write("a.case", "classification words\nin a\n");
  Write("b.case", "classification words\nin a\nout {\"word\":\"a\"}\nout {\"word\":\"b\"}\n");
  Write("c.case", "classification words\nin !a\n");
  Write("d.case", "classification words\nin !a\nreject 1: quiet\n");
  Write("e.case", "classification words\nin ?\nreject 1.1: ask\n");
  EXPECT_EQ(Run(), 1);
  EXPECT_NE(report_.find("a.case:2: row 1 was not expected"), std::string::npos) << report_;
  EXPECT_NE(report_.find("b.case:4: row 2 is missing"), std::string::npos);
  EXPECT_NE(report_.find("c.case:2: a reject was not expected"), std::string::npos);
  EXPECT_NE(report_.find("d.case:3: the reject's reason differs"), std::string::npos);
  EXPECT_NE(report_.find("e.case:3: the reject is missing"), std::string::npos);
  EXPECT_EQ(LastLine(), "0 passed, 5 failed");
}

TEST_F(TestCommandTest, MistakesInACaseFailItOnly) {
  const std::string path = Write("bad.case", "classification words\nnonsense\n");
  Write("unknown.case", "classification sentences\nin a\n");
  Write("good.case", kGood);
  EXPECT_EQ(Run(), 1);
  EXPECT_NE(report_.find(path + ":2: 'nonsense' means nothing here"), std::string::npos) << report_;
  EXPECT_NE(report_.find("no format called 'sentences'"), std::string::npos);
  EXPECT_EQ(LastLine(), "1 passed, 2 failed");
}

TEST_F(TestCommandTest, ExpectedErrorOfTheDecoderPasses) {
  Write("a.case", "classification words\nschema id int\nerror have no schema\n");
  EXPECT_EQ(Run(), 0) << report_;
}

TEST_F(TestCommandTest, RebaselineWritesWhatCameOutAndKeepsTheRest) {
  Write("a.case",
        "# Comment.\n"
        "classification words\n"
        "\n"
        "in     a !b\n"
        "out    {\"word\": \"old\"}\n"
        "reject 1: shout\n"
        "in     c\n"
        "out    {\"word\": \"c\"}\n");
  EXPECT_EQ(Run(/*rebaseline=*/true), 0);
  EXPECT_EQ(report_, "1 case rewritten\n1 passed, 0 failed\n");
  EXPECT_EQ(ReadBack("a.case"),
            "# Comment.\n"
            "classification words\n"
            "\n"
            "in     a !b\n"
            "out    {\"word\": \"a\"}\n"
            "reject 1: shout\n"
            "in     c\n"
            "out    {\"word\": \"c\"}\n");
  EXPECT_EQ(Run(), 0);
}

TEST_F(TestCommandTest, RebaselineFillsANewCaseAtItsEnd) {
  Write("a.case", "classification words\nin a\nin ?\n");
  EXPECT_EQ(Run(/*rebaseline=*/true), 0);
  EXPECT_EQ(ReadBack("a.case"),
            "classification words\nin a\nin ?\n"
            "out    {\"word\": \"a\"}\n"
            "reject 2: words.question: a message must not ask (byte 0)\n");
}

TEST_F(TestCommandTest, PathsWithoutCasesAreTheUsersMistake) {
  std::ostringstream out;
  auto code = RunTests({{root_.string()}, false}, {&formats_, &encoders_, nullptr}, out);
  ASSERT_FALSE(code.ok());
  EXPECT_EQ(code.error().code, "test.path");
  code = RunTests({{(root_ / "nowhere").string()}, false}, {&formats_, &encoders_, nullptr}, out);
  ASSERT_FALSE(code.ok());
}

constexpr char kPipe[] =
    "source s words\n"
    "sink k s\n"
    "epoch\n"
    "in s b a\n"
    "expect k {\"word\": \"a\"}\n"
    "expect k {\"word\": \"b\"}\n";

TEST_F(TestCommandTest, PipelineCasesPassInEveryMode) {
  Write("a.pipe", kPipe);
  ScriptedPipes pipes;
  pipes.straight.epochs.resize(1);
  pipes.straight.epochs[0].rows["k"] = {R"({"word":"b"})", R"({"word":"a"})"};
  pipes.twice = pipes.straight;
  EXPECT_EQ(Run(false, &pipes), 0) << report_;
  EXPECT_EQ(report_, "kill modes need a build with failpoints\n1 passed, 0 failed\n");
  pipes.twice.epochs[0].rows["k"].push_back(R"({"word":"b"})");
  EXPECT_EQ(Run(false, &pipes), 1);
  EXPECT_NE(report_.find("a.pipe:6: row of k was not expected (twice)"), std::string::npos)
      << report_;
}

TEST_F(TestCommandTest, PipelineCasesWithoutAnEngineAreSaidNotToHaveRun) {
  Write("a.pipe", kPipe);
  EXPECT_EQ(Run(), 0);
  EXPECT_NE(report_.find("1 pipeline cases were not run"), std::string::npos) << report_;
  EXPECT_EQ(LastLine(), "0 passed, 0 failed");
}

}  // namespace
}  // namespace sluice
