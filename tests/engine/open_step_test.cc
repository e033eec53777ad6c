#include "engine/open_step.h"

#include <gtest/gtest.h>

#include "engine/first_error.h"
#include "engine/stage.h"
#include "test_parts.h"

namespace sluice {
namespace {

/// A reader may still hand on rows when the session is being taken apart.
TEST(OpenStepTest, RowsThatComeAfterAnAbortLeaveNoEpochBehind) {
  FirstError errors([] {});
  Stage stage;
  stage.errors = &errors;
  OpenStep step(&stage, 0, {}, nullptr, {});
  errors.Abort();
  EXPECT_FALSE(step.Push({1, 0}, 0, nullptr).ok());
  EXPECT_FALSE(step.Begun({1, 0}));
  step.Wake();
}

}  // namespace
}  // namespace sluice
