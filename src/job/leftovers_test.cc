#include "job/leftovers.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

const std::string kOwn = "5b9028015aec7b74e9fe1e00b19b8471";
const std::string kOld = "00112233445566778899aabbccddeeff";

Leftover Of(const std::string& checkpoint, AttemptId attempt, bool kept = false) {
  Leftover leftover;
  leftover.checkpoint = checkpoint;
  leftover.attempt = attempt;
  leftover.kept = kept;
  return leftover;
}

TEST(Leftovers, OnlyLowerAttemptsThatNoDecisionNamesAreGarbage) {
  const LeftoverRule rule{kOwn, {9, 2}, ""};
  for (const std::string& id : {kOwn, kOwn.substr(0, 8)}) {
    EXPECT_EQ(JudgeLeftover(rule, Of(id, {9, 1})), LeftoverState::kGarbage);
    EXPECT_EQ(JudgeLeftover(rule, Of(id, {4, 70})), LeftoverState::kGarbage);
    EXPECT_EQ(JudgeLeftover(rule, Of(id, {4, 70}, /*kept=*/true)), LeftoverState::kKept);
    EXPECT_EQ(JudgeLeftover(rule, Of(id, {9, 2})), LeftoverState::kOpen);
    EXPECT_EQ(JudgeLeftover(rule, Of(id, {11, 1})), LeftoverState::kOpen);
  }
}

TEST(Leftovers, OtherCheckpointsStayUnlessNamed) {
  for (const std::string& id : {kOld, kOld.substr(0, 8)}) {
    EXPECT_EQ(JudgeLeftover({kOwn, {9, 2}, ""}, Of(id, {1, 1})), LeftoverState::kOther);
    EXPECT_EQ(JudgeLeftover({"", {}, ""}, Of(id, {1, 1})), LeftoverState::kOther);
    EXPECT_EQ(JudgeLeftover({kOwn, {9, 2}, kOld}, Of(id, {99, 1})), LeftoverState::kGarbage);
    EXPECT_EQ(JudgeLeftover({"", {}, kOld.substr(0, 8)}, Of(id, {99, 1})), LeftoverState::kGarbage);
    EXPECT_EQ(JudgeLeftover({"", {}, kOwn}, Of(id, {1, 1})), LeftoverState::kOther);
  }
}

}  // namespace
}  // namespace sluice
