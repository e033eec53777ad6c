#include "storage/s3/upload_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>

namespace sluice {
namespace {

TEST(UploadPool, RunsAsManyAtOnceAsItHasThreads) {
  UploadPool pool(3);
  std::latch together(3);
  std::atomic<int> done{0};
  auto ran = pool.ForEach(3, [&](std::size_t) -> Result<void> {
    together.arrive_and_wait();
    ++done;
    return {};
  });
  EXPECT_TRUE(ran.ok());
  EXPECT_EQ(done, 3);
}

TEST(UploadPool, GivesTheFirstErrorAndBeginsNoMore) {
  UploadPool pool(2);
  std::atomic<int> begun{0};
  auto ran = pool.ForEach(1000, [&](std::size_t i) -> Result<void> {
    ++begun;
    if (i >= 5) return RemoteError("test.error", std::to_string(i));
    return {};
  });
  ASSERT_FALSE(ran.ok());
  EXPECT_EQ(ran.error().message, "5");
  EXPECT_LT(begun, 1000);
  EXPECT_TRUE(pool.ForEach(0, [](std::size_t) { return Result<void>(); }).ok());
}

TEST(UploadPool, WhatWasSubmittedIsRunBeforeItEnds) {
  std::atomic<int> done{0};
  {
    UploadPool pool(2);
    for (int i = 0; i < 100; ++i) pool.Submit([&] { ++done; });
  }
  EXPECT_EQ(done, 100);
}

}  // namespace
}  // namespace sluice
