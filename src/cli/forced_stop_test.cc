#include "cli/forced_stop.h"

#include <gtest/gtest.h>

#include <future>

namespace sluice {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(ForcedStop, ASecondSignalThatIsNotHeardEndsTheProcess) {
  StopRequest stop{0};
  std::promise<void> ended;
  ForcedStop forced(stop, milliseconds(10), [&ended] { ended.set_value(); });
  stop = 2;
  EXPECT_EQ(ended.get_future().wait_for(seconds(30)), std::future_status::ready);
}

TEST(ForcedStop, OneSignalOrAnEndInTimeEndsNothing) {
  std::atomic<int> ends{0};
  for (int signals : {0, 1, 2}) {
    StopRequest stop{signals};
    ForcedStop forced(stop, seconds(60), [&ends] { ++ends; });
  }
  EXPECT_EQ(ends, 0);
}

}  // namespace
}  // namespace sluice
