// Matching within bounds: whatever the pattern and the line, an answer comes soon.
#include "decode/grok/grok_regex.h"

#include <gtest/gtest.h>

#include <ctime>
#include <string>

namespace sluice {
namespace {

using Outcome = GrokRegex::Outcome;

std::string Repeat(const std::string& text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

/// A pattern and what it is compiled to.
struct Compiled {
  explicit Compiled(const std::string& pattern, const GrokWorkLimits& limits = {}) {
    auto expanded = ExpandGrok(pattern, {nullptr, &GrokLibrary::Legacy()}, {});
    EXPECT_TRUE(expanded.ok()) << expanded.error().message;
    grok = *std::move(expanded);
    auto made = GrokRegex::Compile(grok, limits);
    EXPECT_TRUE(made.ok()) << made.error().message;
    regex = *std::move(made);
  }
  std::string Capture(const std::string& line, int group) const {
    const std::size_t* offsets = regex->offsets() + 2 * regex->slot_of_group(group);
    if (offsets[0] == GrokRegex::kUnset) return "unset";
    return line.substr(offsets[0], offsets[1] - offsets[0]);
  }
  ExpandedGrok grok;
  std::unique_ptr<GrokRegex> regex;
};

double CpuSeconds() {
  std::timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

TEST(GrokRegex, CapturesByGroup) {
  Compiled c("(x)%{INT:a}(?:;%{WORD:b})?(?<c>)");
  const std::string line = "..x17";
  ASSERT_EQ(c.regex->Match(line), Outcome::kMatch);
  EXPECT_EQ(c.Capture(line, 0), "17");
  EXPECT_EQ(c.Capture(line, 1), "unset");
  EXPECT_EQ(c.Capture(line, 2), "");
  EXPECT_EQ(c.regex->Match("x"), Outcome::kNoMatch);
  EXPECT_EQ(c.regex->Match(""), Outcome::kNoMatch);
}

TEST(GrokRegex, CatastrophicPatternsEnd) {
  for (const char* pattern :
       {"(?:a+)+[bd]", "(?:a|a)*[bd]", "(?:a|aa)+$", "^(?:(?:a+)+)+[!?]", "(?:.*)*x[!?]",
        ".*.*.*.*.*.*[=!]", "(?:\\w*a?)*\\d", "(?<x>(?:a*)*)\\k<x>[bd]", "(?=(?:a+)+[bd])a",
        "(?:a?){50}a{50}[bd]"}) {
    Compiled c(pattern);
    for (const std::size_t size : {20U, 100U, 1000U, 1001U, 20'000U, 1'000'000U}) {
      const double begin = CpuSeconds();
      const std::string line = Repeat("a", size) + "c";
      EXPECT_NE(c.regex->Match(line), Outcome::kMatch) << pattern;
      GrokReach reach;
      c.regex->Reach(line, &reach);
      EXPECT_LE(reach.byte, line.size());
      // The bound is one of steps; under a sanitizer or on a busy machine a step takes its time.
      EXPECT_LT(CpuSeconds() - begin, 20) << pattern << " " << size;
    }
  }
}

TEST(GrokRegex, WorksWithoutMachineCode) {
  GrokWorkLimits limits;
  limits.machine_code = false;
  Compiled log("%{COMBINEDAPACHELOG}", limits);
  const std::string line =
      "127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] \"GET / HTTP/1.0\" 200 23 \"-\" \"x\"";
  ASSERT_EQ(log.regex->Match(line), Outcome::kMatch);
  EXPECT_EQ(log.Capture(line, 0), "127.0.0.1");
  EXPECT_EQ(log.regex->Match(line.substr(0, 50)), Outcome::kNoMatch);
  for (const char* pattern : {"(?:a+)+[bd]", "(?:.*)*x[!?]", "(?:a?){50}a{50}[bd]"}) {
    Compiled c(pattern, limits);
    EXPECT_NE(c.regex->Match(Repeat("a", 60)), Outcome::kMatch) << pattern;
    EXPECT_NE(c.regex->Match(Repeat("a", 100'000)), Outcome::kMatch) << pattern;
  }
}

TEST(GrokRegex, CubicPatternsEnd) {
  // Each is natural enough, and takes the cube of the line's length.
  for (const char* pattern :
       {"\\w*(?:\\S*;|\\S*,)", ".*(?:.*x|.*y)[!?]", "%{DATA:a}=%{DATA:b}=%{DATA:c}=[!?]",
        "%{GREEDYDATA:a} %{GREEDYDATA:b} %{GREEDYDATA:c} [!?]"}) {
    Compiled c(pattern);
    for (const std::size_t size : {1000U, 10'000U, 1'000'000U}) {
      const double begin = CpuSeconds();
      EXPECT_NE(c.regex->Match(Repeat("w", size)), Outcome::kMatch) << pattern;
      EXPECT_NE(c.regex->Match(Repeat("= ", size / 2)), Outcome::kMatch) << pattern;
      EXPECT_LT(CpuSeconds() - begin, 30) << pattern << " " << size;
    }
  }
}

TEST(GrokRegex, TheSameLineHasTheSameOutcome) {
  Compiled c("(?:a+)+[bd]");
  const std::string hard = Repeat("a", 60);
  EXPECT_EQ(c.regex->Match(hard), Outcome::kTooMuch);
  EXPECT_EQ(c.regex->Match(hard + "b"), Outcome::kMatch);
  EXPECT_EQ(c.regex->Match(hard), Outcome::kTooMuch);
  Compiled fresh("(?:a+)+[bd]");
  EXPECT_EQ(fresh.regex->Match(hard + "b"), Outcome::kMatch);
}

TEST(GrokRegex, LongLinesMatch) {
  Compiled c("%{SYSLOGTIMESTAMP:t} %{IPORHOST:h} %{DATA:p}: %{GREEDYDATA:m}end");
  for (const std::size_t size : {900U, 1100U, 10'000U, 1'000'000U, 16'000'000U}) {
    const std::string line = "May 11 15:17:02 host prog: " + Repeat("message ", size / 8) + "end";
    ASSERT_EQ(c.regex->Match(line), Outcome::kMatch) << size;
    EXPECT_EQ(c.Capture(line, 1), "host");
    EXPECT_EQ(c.regex->Match(line + "x"), Outcome::kMatch) << size;
    if (size > 10'000) continue;
    EXPECT_EQ(c.regex->Match("Maj" + line), Outcome::kNoMatch) << size;
    // Not at the beginning.
    EXPECT_EQ(c.regex->Match(">> " + line), Outcome::kMatch) << size;
  }
}

TEST(GrokRegex, LeftmostMatchInLongLines) {
  Compiled c("%{INT:n}");
  const std::string line = Repeat("x ", 2000) + "7 8" + Repeat(" y", 2000);
  ASSERT_EQ(c.regex->Match(line), Outcome::kMatch);
  EXPECT_EQ(c.Capture(line, 0), "7");
}

TEST(GrokRegex, SmallLimitsAreMetNotPassed) {
  GrokWorkLimits limits;
  limits.search_steps = 100;
  limits.search_bytes = 1'000;
  limits.exact_steps = 1'000;
  Compiled c("%{DATA:a};%{DATA:b};%{INT:c}", limits);
  // Too hard for the quick search, easy enough for the exact one.
  EXPECT_EQ(c.regex->Match(Repeat("x", 50) + ";" + Repeat("y", 50) + ";5"), Outcome::kMatch);
  EXPECT_EQ(c.regex->Match(Repeat(";", 50)), Outcome::kTooMuch);
}

TEST(GrokRegex, LookAroundIsBounded) {
  Compiled c("(?<=user=)(?<u>\\w+)(?! root)(?>a*)$");
  const std::string line = "x user=joe";
  ASSERT_EQ(c.regex->Match(line), Outcome::kMatch);
  EXPECT_EQ(c.Capture(line, 0), "joe");
}

TEST(GrokRegex, ReachNamesThePartThatFails) {
  Compiled c("^%{IP:ip} \\[%{HTTPDATE:t}\\] %{INT:n}$");
  const auto reach = [&](const std::string& line) {
    EXPECT_EQ(c.regex->Match(line), Outcome::kNoMatch);
    GrokReach out;
    EXPECT_TRUE(c.regex->Reach(line, &out));
    return std::to_string(out.byte) + " " + c.grok.DescribePart(out.part);
  };
  EXPECT_EQ(reach("10.0.0.1 [10/Oct/2000:13:55:36 -0700] x"),
            "38 '%{INT:n}' at character 29 of grokPattern");
  EXPECT_EQ(reach("10.0.0.1 (10/Oct/2000"), "9 '\\[' at character 11 of grokPattern");
  EXPECT_EQ(reach("10.0.0.1 [10/Oct/2000:13"), "24 '%{HTTPDATE:t}' at character 13 of grokPattern");
  EXPECT_EQ(reach("host").substr(2), "'%{IP:ip}' at character 2 of grokPattern");
}

TEST(GrokRegex, ReachIsTheFirstOfEqualTries) {
  Compiled c("%{WORD:a} %{INT:b}");
  const std::string line = "foo bar baz";
  ASSERT_EQ(c.regex->Match(line), Outcome::kNoMatch);
  GrokReach reach;
  ASSERT_TRUE(c.regex->Reach(line, &reach));
  EXPECT_EQ(reach.byte, 4U);
}

TEST(GrokRegex, ErrorsOfTheLibraryNameThePlace) {
  const auto error = [](const std::string& pattern, const std::string& custom) {
    auto library = GrokLibrary::ParseCustom(custom);
    auto expanded = ExpandGrok(pattern, {&*library, &GrokLibrary::Legacy()}, {});
    EXPECT_TRUE(expanded.ok()) << expanded.error().message;
    auto regex = GrokRegex::Compile(*expanded, {});
    return regex.ok() ? "" : regex.error().message;
  };
  EXPECT_EQ(error("%{INT:a}(b", ""), "grokPattern, character 11: missing closing parenthesis");
  EXPECT_EQ(error("a**?*", "").substr(0, 25), "grokPattern, character 5:");
  EXPECT_EQ(error("x%{A}", "A a(?<=b+)").substr(0, 36), "grokCustomPatterns, line 1, characte");
  EXPECT_NE(error("[z-a]", ""), "");
  EXPECT_NE(error("\\p{Nothing}", ""), "");
  EXPECT_NE(error("a{70000}", ""), "");
  EXPECT_NE(error("(?:(?:(?:a{1000}){1000}){1000}){1000}", "").find("too large"),
            std::string::npos);
  EXPECT_NE(error(Repeat("(", 300) + Repeat(")", 300), ""), "");
}

}  // namespace
}  // namespace sluice
