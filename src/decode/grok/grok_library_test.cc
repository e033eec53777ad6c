// The built-in patterns, all of them, and definitions of one's own.
#include "decode/grok/grok_library.h"

#include <gtest/gtest.h>

#include <string>

#include "decode/grok/grok_testing.h"

namespace sluice {
namespace {

TEST(GrokLibrary, HasThePatternsOfThePackage) {
  // logstash-patterns-core has 317 and 362 names; Glue's five that it lacks are added.
  EXPECT_EQ(GrokLibrary::Legacy().definitions().size(), 322U);
  EXPECT_EQ(GrokLibrary::Ecs().definitions().size(), 367U);
  const GrokDefinition* number = GrokLibrary::Legacy().Find("NUMBER");
  ASSERT_NE(number, nullptr);
  EXPECT_EQ(number->regex, "(?:%{BASE10NUM})");
  EXPECT_EQ(number->file, "grok-patterns");
  EXPECT_EQ(GrokLibrary::Legacy().Find("number"), nullptr);
  EXPECT_EQ(GrokLibrary::Legacy().FindAnyCase("nUmber"), std::vector{number});
}

TEST(GrokLibrary, EveryLineOfThePackageIsReadAsADefinition) {
  for (const GrokPatternFile& file : GrokPatternFiles()) {
    std::string_view text = file.text;
    while (!text.empty()) {
      const std::string_view line = text.substr(0, text.find('\n'));
      text.remove_prefix(std::min(text.size(), line.size() + 1));
      const std::size_t begin = line.find_first_not_of(" \t\r");
      if (begin == std::string_view::npos || line[begin] == '#') continue;
      const std::string_view name = line.substr(begin, line.find_first_of(" \t", begin) - begin);
      const GrokLibrary& library =
          file.folder == "ecs" ? GrokLibrary::Ecs() : GrokLibrary::Legacy();
      EXPECT_NE(library.Find(name), nullptr) << file.folder << "/" << file.name << ": " << name;
    }
  }
}

TEST(GrokLibrary, EveryPatternCompiles) {
  for (const bool ecs : {false, true}) {
    const GrokLibrary& library = ecs ? GrokLibrary::Ecs() : GrokLibrary::Legacy();
    for (const GrokDefinition& definition : library.definitions()) {
      GrokDecoderOptions options = Grok("%{" + std::string(definition.name) + "}(?<rest>.*)");
      options.ecs = ecs;
      EXPECT_EQ(ErrorOf(options), "") << definition.name;
    }
  }
}

TEST(GrokLibrary, CustomDefinitionsKnowTheirPlace) {
  auto library = GrokLibrary::ParseCustom("A a\r\n\n# B b\n \t C-1.x \t c d \n");
  ASSERT_TRUE(library.ok()) << library.error().message;
  ASSERT_EQ(library->definitions().size(), 2U);
  EXPECT_EQ(library->definitions()[0].regex, "a");
  EXPECT_EQ(library->definitions()[1].name, "C-1.x");
  EXPECT_EQ(library->definitions()[1].regex, "c d ");
  EXPECT_EQ(library->definitions()[1].line, 4);
  EXPECT_EQ(library->definitions()[1].column, 12);
}

TEST(GrokLibrary, WrongDefinitionsAreRefusedWithTheirLine) {
  const auto error = [](const std::string& text) {
    auto library = GrokLibrary::ParseCustom(text);
    return library.ok() ? "" : library.error().message;
  };
  EXPECT_EQ(error("A a\nB%{C} x").substr(0, 40), "grokCustomPatterns, line 2: expected a n");
  EXPECT_EQ(error("=x y").substr(0, 40), "grokCustomPatterns, line 1: expected a n");
  EXPECT_EQ(error("A \t").substr(0, 45), "grokCustomPatterns, line 1: 'A' has no regula");
  EXPECT_EQ(error("A a\nB b\nA a"), "grokCustomPatterns, line 3: 'A' is defined in line 1 already");
  EXPECT_NE(error(std::string(256, 'A') + " a"), "");
}

TEST(GrokLibrary, TenThousandDefinitionsAreNoBurden) {
  std::string custom;
  for (int i = 0; i < 10'000; ++i)
    custom += "P" + std::to_string(i) + " p" + std::to_string(i) + "\n";
  const DecodedRows decoded = DecodeLines(Grok("%{P0:a} %{p9999:b}", custom), {"p0 p9999"});
  EXPECT_EQ(Rows(decoded), "p0 | p9999\n");
  EXPECT_NE(ErrorOf(Grok("%{P10000:a}", custom)).find("did you mean 'P1000'?"), std::string::npos)
      << ErrorOf(Grok("%{P10000:a}", custom));
}

}  // namespace
}  // namespace sluice
