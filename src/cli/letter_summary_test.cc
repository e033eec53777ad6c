#include "cli/letter_summary.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

Letter MakeLetter(const std::string& reason, const std::string& origin, const std::string& time) {
  Letter letter;
  letter.code = "convert.type";
  letter.field = "id";
  letter.reason = reason;
  letter.time = time;
  letter.epoch = 3;
  letter.about.step = "decode";
  letter.about.source = "clicks";
  letter.about.origin = origin;
  return letter;
}

TEST(LetterSummaryTest, LettersThatDifferByValueAndPlaceAreOneGroup) {
  LetterSummary summary({LetterColumn::kReason, LetterColumn::kOrigin});
  summary.Add(MakeLetter("'a' at 17", R"({"topic":"t","partition":1,"offset":5})", "2026-02"));
  summary.Add(MakeLetter("'it's' at 4", R"({"topic":"t","partition":1,"offset":9})", "2026-01"));
  summary.Add(MakeLetter("'a' at 17", R"({"topic":"t","partition":2,"offset":5})", "2026-03"));
  std::int64_t others = 0;
  auto groups = summary.Groups(10, &others);
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[0].key, (std::vector<std::string>{"'...' at N", "t/1"}));
  EXPECT_EQ(groups[0].letters, 2);
  EXPECT_EQ(groups[0].first, "2026-01");
  EXPECT_EQ(groups[0].last, "2026-02");
  EXPECT_EQ(others, 0);
  groups = summary.Groups(1, &others);
  EXPECT_EQ(groups.size(), 1u);
  EXPECT_EQ(others, 1);
}

TEST(LetterSummaryTest, ThereIsABoundToTheGroups) {
  LetterSummary summary({LetterColumn::kOrigin});
  const auto most = static_cast<std::int64_t>(LetterSummary::kMostGroups);
  for (std::int64_t i = 0; i < most + 7; ++i) {
    summary.Add(MakeLetter("r", R"({"path":"f)" + std::to_string(i) + R"("})", "2026"));
  }
  std::int64_t others = 0;
  EXPECT_EQ(summary.Groups(LetterSummary::kMostGroups, &others).size(), LetterSummary::kMostGroups);
  EXPECT_EQ(others, 7);
  EXPECT_EQ(summary.letters(), most + 7);
}

TEST(LetterSummaryTest, NumbersWithinNamesStay) {
  EXPECT_EQ(ReasonWithoutValues("expected INT32, found 12 of float4"),
            "expected INT32, found N of float4");
  EXPECT_EQ(ReasonWithoutValues("an open ' quote"), "an open ' quote");
}

TEST(LetterSummaryTest, OriginsOfAnyKind) {
  EXPECT_EQ(OriginWithoutPlace(R"({"path":"in/a.json","line":3,"byte":7})"), "in/a.json");
  EXPECT_EQ(OriginWithoutPlace(R"({"shard":"s-1","sequence":"49"})"), "s-1");
  EXPECT_EQ(OriginWithoutPlace(""), "");
  EXPECT_EQ(OriginWithoutPlace("torn {"), "");
}

}  // namespace
}  // namespace sluice
