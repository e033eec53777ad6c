#include "decode/envelope/schema_lookup.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <semaphore>
#include <string>

namespace sluice {
namespace {

constexpr std::int64_t kLong = 60'000'000;
constexpr std::int64_t kShort = 1'000;

using Found = Result<std::shared_ptr<const RegisteredSchema>>;

SchemaId Number(std::uint8_t id) { return {SchemaId::Kind::kConfluentId, {0, 0, 0, id}}; }

/// Answers when it is let, and ends with its token.
class SlowFinder final : public SchemaFinder {
 public:
  explicit SlowFinder(std::stop_token stop) : stop_(std::move(stop)) {}

  Found Find(const SchemaId& id) override {
    ++asked;
    while (!let.try_acquire_for(std::chrono::milliseconds(5))) {
      if (stop_.stop_requested()) return RemoteError("net.stopped", "stopped", Retry::kNo);
    }
    if (down) return RemoteError("net.connect", "nobody is there");
    if (id == Number(0)) return std::shared_ptr<const RegisteredSchema>();
    return std::make_shared<const RegisteredSchema>();
  }
  Found FindLatest(const std::string&) override {
    return std::shared_ptr<const RegisteredSchema>();
  }
  bool Understands(SchemaId::Kind) const override { return true; }

  std::counting_semaphore<> let{0};
  std::atomic<bool> down = false;
  std::atomic<int> asked = 0;

 private:
  const std::stop_token stop_;
};

class SchemaLookupTest : public testing::Test {
 protected:
  void Make(bool refuse) {
    std::stop_source stop;
    auto finder = std::make_unique<SlowFinder>(stop.get_token());
    finder_ = finder.get();
    LookupSettings settings;
    settings.refuse = refuse;
    lookup_ = std::make_unique<SchemaLookup>(std::move(finder), stop, settings);
  }
  SlowFinder* finder_ = nullptr;
  std::unique_ptr<SchemaLookup> lookup_;
};

TEST_F(SchemaLookupTest, AQuestionGoesOnWithoutThoseWhoAskedIt) {
  Make(false);
  const auto early = lookup_->Find(Number(7), kShort);
  ASSERT_FALSE(early.ok());
  EXPECT_EQ(early.error().code, kRegistryUnavailable);
  finder_->let.release();
  const auto answer = lookup_->Find(Number(7), kLong);
  ASSERT_TRUE(answer.ok());
  EXPECT_NE(answer->schema, nullptr);
  EXPECT_EQ(finder_->asked, 1);
}

TEST_F(SchemaLookupTest, WhatWasFoundDoesNotWaitBehindWhatIsAsked) {
  Make(false);
  finder_->let.release();
  ASSERT_TRUE(lookup_->Find(Number(7), kLong).ok());
  ASSERT_FALSE(lookup_->Find(Number(8), kShort).ok());
  EXPECT_TRUE(lookup_->Find(Number(7), 0).ok());
}

TEST_F(SchemaLookupTest, ItEndsWhileTheRegistryIsSilent) {
  Make(false);
  ASSERT_FALSE(lookup_->Find(Number(7), kShort).ok());
  lookup_.reset();
}

TEST_F(SchemaLookupTest, AFailureStandsForOtherQuestionsUntilOneIsAnswered) {
  Make(true);
  finder_->down = true;
  finder_->let.release();
  auto answer = lookup_->Find(Number(1), kLong);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->unavailable, "nobody is there");
  // Nobody waits for long again.
  for (std::uint8_t id = 2; id < 10; ++id) {
    answer = lookup_->Find(Number(id), kLong);
    ASSERT_TRUE(answer.ok());
    EXPECT_EQ(answer->unavailable, "nobody is there");
  }
  finder_->down = false;
  finder_->let.release(100);
  answer = lookup_->Find(Number(2), kLong);
  while (answer.ok() && answer->schema == nullptr) answer = lookup_->Find(Number(2), kLong);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->unavailable, "");
}

TEST_F(SchemaLookupTest, NothingIsAnAnswerAndAskedForAgain) {
  Make(false);
  finder_->let.release(2);
  for (int i = 0; i < 2; ++i) {
    const auto answer = lookup_->Find(Number(0), kLong);
    ASSERT_TRUE(answer.ok());
    EXPECT_EQ(answer->schema, nullptr);
    EXPECT_EQ(answer->unavailable, "");
  }
  EXPECT_EQ(finder_->asked, 2) << "what is not there now may be there later; the finder remembers";
}

}  // namespace
}  // namespace sluice
