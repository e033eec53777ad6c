#include "engine/sink_lane.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>

#include "test_parts.h"

namespace sluice {
namespace {

TEST(SinkLaneTest, ASealAfterAnAbortIsAnswered) {
  for (int round = 0; round < 200; ++round) {
    auto sink = testing_parts::MakeTableSink(std::make_shared<testing_parts::Table>());
    FirstError errors([] {});
    SinkLane lane("out", sink.get(), {1, 1}, 1 << 20, &errors,
                  [](auto, const auto&, const auto&) -> Result<void> { return {}; });
    errors.Abort();
    lane.Wake();
    // Half of the rounds give the lane's thread time to end first.
    if (round % 2 == 0) std::this_thread::yield();
    auto sealed = lane.Seal(1);
    ASSERT_EQ(sealed.wait_for(std::chrono::seconds(30)), std::future_status::ready);
    EXPECT_FALSE(sealed.get().ok());
  }
}

}  // namespace
}  // namespace sluice
