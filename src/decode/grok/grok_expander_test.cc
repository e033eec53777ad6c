// Patterns to expressions: what is rewritten, what is refused and where, and the limits.
#include "decode/grok/grok_expander.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice {
namespace {

std::string Repeat(const std::string& text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

Result<ExpandedGrok> Expand(const std::string& pattern, const std::string& custom = "") {
  TRY(const GrokLibrary library, GrokLibrary::ParseCustom(custom));
  return ExpandGrok(pattern, {&library, &GrokLibrary::Legacy()}, {});
}

std::string RegexOf(const std::string& pattern, const std::string& custom = "") {
  auto expanded = Expand(pattern, custom);
  return expanded.ok() ? expanded->regex() : "error: " + expanded.error().message;
}

/// The error without the "error: " in front.
std::string Refusal(const std::string& pattern, const std::string& custom = "") {
  auto expanded = Expand(pattern, custom);
  EXPECT_FALSE(expanded.ok()) << expanded->regex();
  if (expanded.ok()) return "";
  EXPECT_EQ(expanded.error().blame, Blame::kUser);
  return expanded.error().message;
}

TEST(GrokExpander, ReplacesReferences) {
  EXPECT_EQ(RegexOf("a%{A}b", "A x|y"), "a(?:x|y)b");
  EXPECT_EQ(RegexOf("%{A:one} %{A:two:int}", "A x"), "(?<g0>x) (?<g1>x)");
  EXPECT_EQ(RegexOf("%{B}", "A x\nB %{A:a}-%{A}"), "(?:(?<g0>x)-(?:x))");
  EXPECT_EQ(RegexOf("%{A:UNWANTED}", "A x"), "(?:x)");
  EXPECT_EQ(RegexOf("%{a} %{ A", "A x"),
            "error: grokPattern, character 6: '%{' begins a reference, "
            "as in %{WORD:field}; for the characters themselves write "
            "%\\{");
}

TEST(GrokExpander, NamesOfGroupsAreFields) {
  auto expanded = Expand("(?<a>x)(?'b'y)(?P<c:int>z)%{INT:[d][e]:long}%{INT:f.g}%{INT:@v}");
  ASSERT_TRUE(expanded.ok()) << expanded.error().message;
  std::string names;
  for (const GrokField& field : expanded->fields()) {
    names += field.name + "/" + std::to_string(field.path.size()) + " ";
  }
  EXPECT_EQ(names, "a/1 b/1 c/1 d.e/2 f.g/1 @v/1 ");
  EXPECT_EQ(expanded->fields()[2].type, ColumnKind::kInt32);
  EXPECT_EQ(expanded->fields()[3].type, ColumnKind::kInt64);
  EXPECT_EQ(expanded->fields()[0].type, std::nullopt);
}

TEST(GrokExpander, OneFieldOfSeveralGroups) {
  auto expanded = Expand("%{INT:a}|%{WORD:b}|%{WORD:a:long}");
  ASSERT_TRUE(expanded.ok()) << expanded.error().message;
  ASSERT_EQ(expanded->fields().size(), 2U);
  EXPECT_EQ(expanded->fields()[0].groups, (std::vector<int>{0, 2}));
  EXPECT_EQ(expanded->fields()[0].type, ColumnKind::kInt64);
}

TEST(GrokExpander, RewritesWhatPcre2SpellsDifferently) {
  EXPECT_EQ(RegexOf("\\h\\H\\v\\O"), "[0-9A-Fa-f][^0-9A-Fa-f]\\x0b(?s:.)");
  EXPECT_EQ(RegexOf("[\\h\\v]"), "[0-9A-Fa-f\\x0b]");
  EXPECT_EQ(RegexOf("\\u00e9[\\u00e9]"), "\\x{00e9}[\\x{00e9}]");
  EXPECT_EQ(RegexOf("(?m)a(?mi:b)(?i-m)"), "(?s)a(?si:b)(?i-s)");
  EXPECT_EQ(RegexOf("a{,3}b{2}c{2,}d{2,3}e{f"), "a{0,3}b{2}c{2,}d{2,3}e\\{f");
  EXPECT_EQ(RegexOf("a{}b{,}c{x}"), "a\\{}b\\{,}c\\{x}");
  EXPECT_EQ(RegexOf("a?*b+*c**d?+"), "a*b*c*d?+");
  EXPECT_EQ(RegexOf("[[abc][:digit:]x]"), "[abc[:digit:]x]");
  EXPECT_EQ(RegexOf("[[[:alnum:]]_-]"), "[[:alnum:]_-]");
  EXPECT_EQ(RegexOf("[[a]-z]"), "[a\\-z]");
  EXPECT_EQ(RegexOf("[]a]"), "[\\]a]");
  EXPECT_EQ(RegexOf("[^[:^alpha:]]"), "[^[:^alpha:]]");
  EXPECT_EQ(RegexOf("(?<q>a)\\k<q>"), "(?<g0>a)\\k<g0>");
  EXPECT_EQ(RegexOf("a(?#no %{NAME})b"), "ab");
}

TEST(GrokExpander, PassesTheRest) {
  for (const char* same :
       {"a.b|c", "(?:a)(?=b)(?!c)(?<=d)(?<!e)(?>f)(g)", "a*+b++c?+d*?e+?f??", "[a-z\\d\\]^-]",
        "\\d\\D\\w\\W\\s\\S\\b\\B\\A\\z\\Z\\t\\\\\\.\\x41\\x{e4}\\p{L}\\P{Lu}", "(?i)x(?-i)",
        "%a{b}", "%\\{x}", "\\Q[%{(\\E", "é[ä-ü]", "[%{]", "^$", "\\cA\\e"}) {
    EXPECT_EQ(RegexOf(same), same == std::string("%a{b}")    ? "%a\\{b}"
                             : same == std::string("%\\{x}") ? "%\\{x}"
                                                             : same);
  }
}

/// Where the pattern is refused.
std::string RefusalPlace(const std::string& pattern) {
  const std::string message = Refusal(pattern);
  return message.substr(0, message.find(':'));
}

TEST(GrokExpander, RefusesWithThePlace) {
  const auto at = [](int character) {
    return "grokPattern, character " + std::to_string(character);
  };
  EXPECT_EQ(RefusalPlace("é(?R)"), at(2));
  for (const char* group : {"(?1)", "(?+1)", "(?&a)", "(?P>a)", "(?P=a)", "(?(1)a)", "(?|a)",
                            "(?~a)", "(?C1)", "(?U)", "(?J)", "(?n)", "(?", "(?i"}) {
    EXPECT_EQ(RefusalPlace(std::string("ab") + group), at(3)) << group;
  }
  for (const char* escape : {"\\C", "\\y", "\\g<1>", "\\E", "\\L", "\\M-a", "\\1", "\\9", "\\u12",
                             "\\k<x>", "\\kx", "\\x{12", "\\"}) {
    EXPECT_EQ(RefusalPlace(std::string("ab") + escape), at(3)) << escape;
  }
  EXPECT_EQ(RefusalPlace("[a"), at(1));
  EXPECT_EQ(RefusalPlace("x[a&&b]"), at(4));
  EXPECT_EQ(RefusalPlace("[a[^b]]"), at(3));
  EXPECT_EQ(RefusalPlace("[a-[b]]"), at(4));
  EXPECT_EQ(RefusalPlace("[%{INT}]"), at(2));
  EXPECT_EQ(RefusalPlace("[\\H]"), at(2));
  EXPECT_EQ(RefusalPlace("a{2}+"), at(5));
  EXPECT_EQ(RefusalPlace("a{2}?"), at(5));
  EXPECT_EQ(RefusalPlace("(?x)a b"), at(3));
  EXPECT_EQ(RefusalPlace("(?#a"), at(1));
  EXPECT_EQ(RefusalPlace("a\nb"), at(2));
  EXPECT_EQ(RefusalPlace("%{INT:}"), at(7));
  EXPECT_EQ(RefusalPlace("%{INT:a b}"), at(8));
  EXPECT_EQ(RefusalPlace("%{INT:[a]b}"), at(10));
  EXPECT_EQ(RefusalPlace("%{INT:a:}"), at(9));
  EXPECT_EQ(RefusalPlace("%{INT=x}"), at(1));
  EXPECT_EQ(RefusalPlace("%{INT"), at(1));
  EXPECT_EQ(RefusalPlace("(?<>a)"), at(4));
  EXPECT_EQ(RefusalPlace("(?<a"), at(5));
}

TEST(GrokExpander, FieldsMustNotClash) {
  EXPECT_NE(Refusal("%{INT:a:int}%{INT:a:long}"), "");
  EXPECT_NE(Refusal("%{INT:[a]}%{INT:[a][b]}"), "");
  EXPECT_NE(Refusal("%{INT:[a][b]}%{INT:a}"), "");
  EXPECT_NE(Refusal("%{INT:[a][b]}%{INT:a.b}"), "");
  EXPECT_TRUE(Expand("%{INT:[a][b]}%{INT:[a][c]}").ok());
}

TEST(GrokExpander, CirclesAreRefused) {
  EXPECT_EQ(
      Refusal("%{A}", "A %{A}"),
      "grokCustomPatterns, line 1, character 3 (through grokPattern, character 1): 'A' refers "
      "to itself: A -> A");
  EXPECT_NE(Refusal("%{INT}", "INT %{BASE10NUM}\nBASE10NUM %{NUMBER}").find("BASE10NUM -> NUMBER"),
            std::string::npos);
  // Unused circles harm nobody.
  EXPECT_EQ(RegexOf("x", "A %{B}\nB %{A}"), "x");
}

TEST(GrokExpander, BombsAreRefused) {
  std::string doubling = "P0 aaaaaaaaaa\n";
  std::string nothing = "P0 (?#)\n";
  for (int i = 1; i < 60; ++i) {
    const std::string inner = "%{P" + std::to_string(i - 1) + "}";
    doubling += "P" + std::to_string(i) + " " + inner + inner + "\n";
    nothing += "P" + std::to_string(i) + " " + inner + inner + "\n";
  }
  EXPECT_NE(Refusal("%{P59}", doubling), "");
  EXPECT_NE(Refusal("%{P59}", nothing), "");
  const std::string comment = "C (?#" + Repeat("x", 60'000) + ")";
  EXPECT_NE(Refusal(Repeat("%{C}", 1000), comment), "");
  EXPECT_NE(Refusal(Repeat("a", 65'537)), "");
  EXPECT_NE(Refusal(Repeat("[", 1000)), "");
}

TEST(GrokExpander, DepthIsBounded) {
  std::string chain = "P0 a\n";
  for (int i = 1; i <= 10'000; ++i) {
    chain += "P" + std::to_string(i) + " %{P" + std::to_string(i - 1) + "}\n";
  }
  EXPECT_TRUE(Expand("%{P99:x}", chain).ok());
  EXPECT_NE(Refusal("%{P100:x}", chain).find("more than 100 deep"), std::string::npos);
  EXPECT_NE(Refusal("%{P10000:x}", chain).find("more than 100 deep"), std::string::npos);
}

TEST(GrokExpander, FieldsAreCounted) {
  std::string pattern;
  for (int i = 0; i < 1001; ++i) pattern += "(?<f" + std::to_string(i) + ">a)";
  EXPECT_NE(Refusal(pattern).find("more than 1000 fields"), std::string::npos);
}

TEST(GrokExpander, PartsAreWhatAPersonSees) {
  auto expanded = Expand("ab%{NUMBER} %{B}", "B x%{INT:n}");
  ASSERT_TRUE(expanded.ok()) << expanded.error().message;
  const std::string& regex = expanded->regex();
  // Inside a reference that captures nothing it is the reference.
  EXPECT_EQ(expanded->DescribePart(expanded->PartOf(regex.find("0-9"))),
            "'%{NUMBER}' at character 3 of grokPattern");
  EXPECT_EQ(expanded->DescribePart(expanded->PartOf(1)), "'b' at character 2 of grokPattern");
  // Inside one that holds a field, it is what stands there.
  EXPECT_EQ(
      expanded->DescribePart(expanded->PartOf(regex.find("x(?<g0>"))),
      "'x' at character 3 of line 1 of grokCustomPatterns, which grokPattern has at character "
      "13");
  EXPECT_EQ(expanded->DescribePart(expanded->PartOf(regex.size() - 3)),
            "'%{INT:n}' at character 4 of line 1 of grokCustomPatterns, which grokPattern has at "
            "character 13");
}

}  // namespace
}  // namespace sluice
