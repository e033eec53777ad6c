#include "registry/cached_registry.h"

#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

namespace sluice {
namespace {

constexpr std::int64_t kSecond = 1'000'000;

SchemaId Number(std::uint8_t number) { return {SchemaId::Kind::kConfluentId, {0, 0, 0, number}}; }

std::shared_ptr<const RegisteredSchema> Schema(std::string text) {
  RegisteredSchema schema;
  schema.text = std::move(text);
  return std::make_shared<const RegisteredSchema>(std::move(schema));
}

/// A registry made of a function, and what was asked of it.
class FakeClient final : public SchemaClient {
 public:
  using Handler = std::function<SchemaAnswer(const std::string& name, std::int64_t timeout)>;
  explicit FakeClient(Handler handler, std::atomic<int>* asked)
      : handler_(std::move(handler)), asked_(asked) {}

  SchemaAnswer Ask(const SchemaId& id, std::int64_t timeout, const std::stop_token&) override {
    ++*asked_;
    return handler_(ToString(id), timeout);
  }
  SchemaAnswer AskLatest(const std::string& name, std::int64_t timeout,
                         const std::stop_token&) override {
    ++*asked_;
    return handler_(name, timeout);
  }
  bool Understands(SchemaId::Kind kind) const override {
    return kind == SchemaId::Kind::kConfluentId;
  }

 private:
  Handler handler_;
  std::atomic<int>* asked_;
};

/// Time passes only when the registry sleeps, or the test says so.
class CachedRegistryTest : public testing::Test {
 protected:
  class TestClock final : public Clock {
   public:
    std::int64_t WallMicros() const override { return now; }
    std::int64_t MonotonicMicros() const override { return now; }
    std::atomic<std::int64_t> now{1000 * kSecond};
  };

  CachedRegistry Make(FakeClient::Handler handler) {
    CacheSettings settings;
    settings.stop = stop_.get_token();
    settings.clock = &clock_;
    settings.sleep = [this](std::int64_t micros, const std::stop_token& stop) {
      slept_.push_back(micros);
      clock_.now += micros;
      return !stop.stop_requested();
    };
    return CachedRegistry(std::make_unique<FakeClient>(std::move(handler), &asked_), settings);
  }

  TestClock clock_;
  std::stop_source stop_;
  std::vector<std::int64_t> slept_;
  std::atomic<int> asked_{0};
};

SchemaAnswer Away() { return RemoteError("net.connect", "https://registry cannot be reached"); }

TEST_F(CachedRegistryTest, AnIdIsAskedForOnce) {
  auto registry = Make([](const auto& name, auto) { return Schema("schema " + name); });
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ((**registry.Find(Number(7))).text, "schema 7");
    clock_.now += 24 * 3600 * kSecond;
  }
  EXPECT_EQ((**registry.Find(Number(8))).text, "schema 8");
  EXPECT_EQ(asked_, 2);
}

TEST_F(CachedRegistryTest, AWrongIdIsNotAskedForEachRecordButLaterAgain) {
  bool registered = false;
  auto registry = Make(
      [&](const auto& name, auto) -> SchemaAnswer { return registered ? Schema(name) : nullptr; });
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(*registry.Find(Number(7)), nullptr);
  EXPECT_EQ(asked_, 1);
  registered = true;
  clock_.now += 29 * kSecond;
  EXPECT_EQ(*registry.Find(Number(7)), nullptr);
  clock_.now += kSecond;
  EXPECT_NE(*registry.Find(Number(7)), nullptr);
  EXPECT_EQ(asked_, 2);
}

TEST_F(CachedRegistryTest, TheNewestIsAskedForAgainAfterAWhile) {
  auto registry =
      Make([&](const auto& name, auto) { return Schema(name + std::to_string(asked_)); });
  EXPECT_EQ((**registry.FindLatest("clicks")).text, "clicks1");
  clock_.now += 59 * kSecond;
  EXPECT_EQ((**registry.FindLatest("clicks")).text, "clicks1");
  clock_.now += kSecond;
  EXPECT_EQ((**registry.FindLatest("clicks")).text, "clicks2");
}

TEST_F(CachedRegistryTest, OneOfManyThreadsAsksAndAllTakeItsAnswer) {
  constexpr int kThreads = 8;
  std::mutex mutex;
  std::condition_variable changed;
  bool answered = false;
  auto registry = Make([&](const auto& name, auto) {
    std::unique_lock lock(mutex);
    if (name == "7") changed.wait(lock, [&] { return answered; });
    return Schema(name);
  });
  std::atomic<int> got{0};
  std::vector<std::thread> threads;
  std::barrier start(kThreads + 1);
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      start.arrive_and_wait();
      if ((**registry.Find(Number(7))).text == "7") ++got;
    });
  }
  start.arrive_and_wait();
  EXPECT_EQ((**registry.Find(Number(8))).text, "8") << "another id does not wait for it";
  {
    std::lock_guard lock(mutex);
    answered = true;
  }
  changed.notify_all();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(got, kThreads);
  EXPECT_EQ(asked_, 2);
}

TEST_F(CachedRegistryTest, ARegistryThatIsAwayIsAskedAgainLessAndLessOften) {
  auto registry = Make(
      [&](const auto& name, auto) -> SchemaAnswer { return asked_ < 9 ? Away() : Schema(name); });
  EXPECT_EQ((**registry.Find(Number(7))).text, "7");
  ASSERT_EQ(slept_.size(), 8u);
  std::int64_t most = kSecond / 10;
  for (const std::int64_t micros : slept_) {
    EXPECT_GE(micros, most / 2);
    EXPECT_LE(micros, most);
    most = std::min(2 * most, 5 * kSecond);
  }
}

TEST_F(CachedRegistryTest, PatienceEndsWithTheTimeout) {
  const std::int64_t start = clock_.now;
  std::int64_t shortest = INT64_MAX;
  auto registry = Make([&](const auto&, std::int64_t timeout) {
    shortest = std::min(shortest, timeout);
    EXPECT_LE(timeout, start + 60 * kSecond - clock_.now);
    return Away();
  });
  auto found = registry.Find(Number(7));
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().code, "net.connect");
  EXPECT_EQ(found.error().retry, Retry::kLater);
  EXPECT_NE(found.error().message.find("https://registry cannot be reached"), std::string::npos);
  EXPECT_NE(found.error().message.find("registryTimeout"), std::string::npos);
  EXPECT_GT(clock_.now, start + 50 * kSecond);
  EXPECT_LE(clock_.now, start + 60 * kSecond);
  EXPECT_GT(shortest, 0);
}

TEST_F(CachedRegistryTest, ARequestThatTakesAllTheTimeIsTheLast) {
  auto registry = Make([&](const auto&, std::int64_t timeout) {
    clock_.now += timeout;
    return Away();
  });
  EXPECT_FALSE(registry.Find(Number(7)).ok());
  EXPECT_EQ(asked_, 1);
}

TEST_F(CachedRegistryTest, WhatCannotMendIsNotTriedAgain) {
  auto registry = Make(
      [](const auto&, auto) -> SchemaAnswer { return UserError("registry.auth", "status 401"); });
  EXPECT_EQ(registry.Find(Number(7)).error().blame, Blame::kUser);
  EXPECT_EQ(asked_, 1);
  EXPECT_TRUE(slept_.empty());
}

TEST_F(CachedRegistryTest, ASchemaThatCannotBeUsedDoesNotStopTheJob) {
  auto registry = Make([](const auto& name, auto) -> SchemaAnswer {
    if (name == "8") return Schema(name);
    return RemoteError("registry.type", "neither AVRO, JSON nor PROTOBUF", Retry::kNo);
  });
  for (int i = 0; i < 100; ++i) {
    auto found = registry.Find(Number(7));
    ASSERT_TRUE(found.ok());
    EXPECT_EQ(*found, nullptr);
  }
  EXPECT_EQ(asked_, 1);
  EXPECT_TRUE(registry.Find(Number(8)).ok());
  auto latest = registry.FindLatest("clicks");
  ASSERT_FALSE(latest.ok()) << "the job itself names this one";
  EXPECT_EQ(latest.error().code, "registry.type");
}

TEST_F(CachedRegistryTest, AnErrorIsNotRemembered) {
  bool away = true;
  auto registry =
      Make([&](const auto& name, auto) -> SchemaAnswer { return away ? Away() : Schema(name); });
  EXPECT_FALSE(registry.Find(Number(7)).ok());
  away = false;
  EXPECT_TRUE(registry.Find(Number(7)).ok());
}

TEST_F(CachedRegistryTest, AStopEndsTheWaitOfAllThreads) {
  std::mutex mutex;
  std::condition_variable changed;
  bool asked = false;
  // As the clients do: the request ends at the stop.
  auto registry = Make([&](const auto&, auto) -> SchemaAnswer {
    std::unique_lock lock(mutex);
    asked = true;
    changed.notify_all();
    std::stop_callback wake(stop_.get_token(), [&] { changed.notify_all(); });
    changed.wait(lock, [&] { return stop_.stop_requested(); });
    return RemoteError("net.stopped", "cut short", Retry::kNo);
  });
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] { EXPECT_EQ(registry.Find(Number(7)).error().code, "net.stopped"); });
  }
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return asked; });
  }
  stop_.request_stop();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(registry.Find(Number(8)).error().code, "net.stopped");
}

TEST_F(CachedRegistryTest, AStopEndsABackOff) {
  CacheSettings settings;  // With the clock and the sleep that jobs have.
  settings.timeout = 3600 * kSecond;
  settings.stop = stop_.get_token();
  CachedRegistry registry(std::make_unique<FakeClient>(
                              [&](const auto&, auto) -> SchemaAnswer {
                                if (asked_ == 2) stop_.request_stop();
                                return Away();
                              },
                              &asked_),
                          settings);
  EXPECT_EQ(registry.Find(Number(7)).error().code, "net.stopped");
  EXPECT_EQ(asked_, 2);
}

TEST_F(CachedRegistryTest, MemoryIsBounded) {
  auto registry = Make([](const auto&, auto) { return Schema(std::string(1 << 20, 'x')); });
  for (int i = 0; i < 100; ++i)
    ASSERT_TRUE(registry.Find(Number(static_cast<std::uint8_t>(i))).ok());
  EXPECT_EQ(asked_, 100);
  ASSERT_TRUE(registry.Find(Number(99)).ok());
  EXPECT_EQ(asked_, 100) << "the newest are kept";
  ASSERT_TRUE(registry.Find(Number(0)).ok());
  EXPECT_EQ(asked_, 101) << "the oldest are not";
}

}  // namespace
}  // namespace sluice
