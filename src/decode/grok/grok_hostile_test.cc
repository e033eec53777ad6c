// Hostile input: each must be rejected or decoded, in bounded memory and time, its neighbours
// unharmed.
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "decode/grok/grok_testing.h"

namespace sluice {
namespace {

std::string Repeat(const std::string& text, std::size_t times) {
  std::string out;
  out.reserve(text.size() * times);
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

/// Decodes `message` between two good ones and returns the rejects' codes, repeated ones once.
std::string CodesOf(const GrokDecoderOptions& options, const std::string& good,
                    const std::string& message) {
  const DecodedRows decoded = DecodeLines(options, {good, message, good});
  if (decoded.record_of_row.empty()) return "no rows";
  EXPECT_EQ(decoded.record_of_row.front(), 0U);
  EXPECT_EQ(decoded.record_of_row.back(), 2U);
  std::string codes;
  for (const Reject& reject : decoded.rejects) {
    EXPECT_EQ(reject.record, 1U);
    EXPECT_LE(reject.byte, static_cast<std::int64_t>(message.size()));
    if (!codes.ends_with(reject.code)) codes += (codes.empty() ? "" : " ") + reject.code;
  }
  return codes;
}

TEST(GrokHostile, CatastrophicLines) {
  const GrokDecoderOptions options = Grok("^(?:(?:a+)+)+(?<e>[bd])$");
  EXPECT_EQ(CodesOf(options, "ab", Repeat("a", 50) + "c"), "grok.work");
  EXPECT_EQ(CodesOf(options, "ab", Repeat("a", 100'000)), "grok.work");
  // Some such lines are refused, a message of nothing else as a whole.
  const DecodedRows decoded = DecodeLines(options, {Repeat(Repeat("a", 50) + "c\n", 1000)});
  EXPECT_EQ(Rejects(decoded), "grok.work @520 #0\n");
}

TEST(GrokHostile, LinesOfSixteenMebibytes) {
  const GrokDecoderOptions options = Grok("^%{WORD:a} %{GREEDYDATA:b}$");
  EXPECT_EQ(CodesOf(options, "x y", "x " + Repeat("y ", 8'000'000)), "");
  EXPECT_EQ(CodesOf(options, "x y", Repeat(" ", 16'000'000)), "grok.mismatch");
  EXPECT_EQ(CodesOf(Grok("%{COMBINEDAPACHELOG}|^(?<all>x)$"), "x", Repeat("1", 1'000'000)),
            "grok.work");
  EXPECT_EQ(CodesOf(Grok("%{EMAILADDRESS:mail}"), "ab@b", Repeat("a", 1'000'000)), "grok.work");
}

TEST(GrokHostile, MillionsOfLines) {
  EXPECT_EQ(CodesOf(Grok("(?<a>a)"), "a", Repeat("\n", 16'000'000)), "grok.empty");
  EXPECT_EQ(CodesOf(Grok("(?<a>a)"), "a", Repeat("a\n", 1'000'001)), "limit.items");
  EXPECT_EQ(CodesOf(Grok("(?<a>a)"), "a", Repeat("b\n", 1'000'001)), "limit.rejects");
  std::string wide = "x";
  for (int i = 0; i < 500; ++i) wide += "(?<f" + std::to_string(i) + ">y)?";
  EXPECT_EQ(CodesOf(Grok(wide), "x", Repeat("x\n", 100'000)), "limit.items");
}

TEST(GrokHostile, BytesThatAreNoText) {
  const GrokDecoderOptions options = Grok("^(?<a>.+)$");
  for (const char* bad :
       {"\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "a\xc3", "\x80"}) {
    EXPECT_EQ(CodesOf(options, "x", bad), "grok.utf8");
  }
  EXPECT_EQ(CodesOf(options, "x", std::string("\0\0\0", 3)), "");
  EXPECT_EQ(CodesOf(options, "x", "\xf4\x8f\xbf\xbf"), "");
  std::mt19937_64 random(11);
  for (int i = 0; i < 2000; ++i) {
    std::string bytes(random() % 40, '\0');
    for (char& c : bytes) c = static_cast<char>(random() % (i % 2 == 0 ? 256 : 128));
    DecodeLines(options, {bytes});
  }
}

TEST(GrokHostile, RandomPatternsAreRefusedOrWork) {
  std::mt19937_64 random(12);
  const std::string pieces[] = {"a",    "b",   "(",   ")",    "[",    "]",         "{",    "}",
                                "*",    "+",   "?",   "|",    "\\",   "%{INT}",    "^",    "$",
                                "%{IP", "{2,", "(?:", "(?<n", ">",    "%{WORD:w}", "\\h",  "[^",
                                ".",    "-",   ":",   "é",    "(?<=", "%{DATA:d}", "\\k<", "&&"};
  int usable = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string pattern;
    for (std::size_t n = random() % 12; n > 0; --n) pattern += pieces[random() % std::size(pieces)];
    auto decoder = MakeGrokDecoder(Grok(pattern + "(?<x>)"), nullptr, arrow::default_memory_pool());
    if (!decoder.ok()) {
      EXPECT_EQ(decoder.error().blame, Blame::kUser) << pattern << ": " << decoder.error().message;
      continue;
    }
    ++usable;
    const std::string line = "ab1 é{2,aab::b]";
    auto decoded = (*decoder)->Decode({{line.data(), line.size(), 0}});
    ASSERT_TRUE(decoded.ok());
    EXPECT_TRUE(decoded->rows->ValidateFull().ok()) << pattern;
  }
  EXPECT_GT(usable, 1000);
}

TEST(GrokHostile, LinesNeverHarmEachOther) {
  std::mt19937_64 random(13);
  const GrokDecoderOptions options =
      Grok("^%{WORD:a}(?:=%{NUMBER:b:double})?(?: %{IP:c})?(?: (?<d>x+)+y)?$");
  const std::string lines[] = {"k=1",
                               "k",
                               "k=1 10.0.0.1",
                               "k 10.0.0.1 xxxy",
                               "=",
                               "k=",
                               "k=1e5",
                               "k xxxxxxxxxxxxxxxxxxxxxxxxxxxz",
                               "k=5 ::",
                               " ",
                               "k=1 10.0.0.1 xy zzz",
                               "k=.5"};
  for (int round = 0; round < 15; ++round) {
    std::vector<std::string> messages;
    std::string rows;
    for (std::size_t i = 0; i < 1 + random() % 20; ++i) {
      messages.push_back(lines[random() % std::size(lines)]);
      rows += Rows(DecodeLines(options, {messages.back()}));
    }
    EXPECT_EQ(Rows(DecodeLines(options, messages)), rows);
  }
}

}  // namespace
}  // namespace sluice
