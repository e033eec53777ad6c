#include "cli/click_events.h"

#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <set>
#include <string>

namespace sluice {
namespace {

std::string Event(std::uint64_t seed, std::uint64_t index) {
  std::string out;
  ClickEvents(seed).Append(index, &out);
  return out;
}

/// The text of a top-level value, up to the comma before `next`.
std::string Field(const std::string& event, const std::string& name, const std::string& next) {
  const std::size_t from = event.find("\"" + name + "\":") + name.size() + 3;
  return event.substr(from, event.find(",\"" + next + "\":") - from);
}

// The bytes are part of the contract: benchmarks of different versions compare like with like. A
// change here needs a new kClickEventsVersion.
TEST(ClickEvents, BytesOfKnownEventsStayTheSame) {
  ASSERT_EQ(kClickEventsVersion, 1);
  EXPECT_EQ(
      Event(1, 0),
      R"({"event_id":"dce423fc82c0d5b8","ts":"2026-01-01T00:00:00.000Z","user_id":100000,"session":"sdc622b6f","event":"cart","price":28.08,"quantity":3,"city":"Paris","geo":{"lat":48.8348,"lon":2.3999},"ua":"Chrome/126 Windows","tags":["outlet","books"],"ok":true})");
  EXPECT_EQ(
      Event(42, 9'999'999),
      R"({"event_id":"5c56620a1c0862ba","ts":"2026-01-01T02:46:39.074Z","user_id":100287,"session":"s9b41f630","event":"pay","price":56.84,"quantity":1,"city":"London","geo":{"lat":51.5212,"lon":-0.1740},"ua":"Chrome/125 Android","tags":["sport","travel"],"ok":true})");
}

TEST(ClickEvents, EveryEventHasTheTwelveColumnsInOrder) {
  const std::regex shape(
      R"re(\{"event_id":"[0-9a-f]{16}","ts":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","user_id":\d{6},)re"
      R"re("session":"s[0-9a-f]{8}","event":"(view|cart|buy|pay)","price":\d+\.\d\d,"quantity":[1-5],)re"
      R"re("city":"[A-Z][a-z]+","geo":\{"lat":\d\d\.\d{4},"lon":-?\d+\.\d{4}\},"ua":"[^"]+",)re"
      R"re("tags":\["[a-z]+","[a-z]+"\],"ok":(true|false)\})re");
  for (std::uint64_t i = 0; i < 2000; ++i) {
    const std::string event = Event(7, i);
    ASSERT_TRUE(std::regex_match(event, shape)) << event;
    ASSERT_LE(event.size(), ClickEvents::kMaxBytes);
  }
}

TEST(ClickEvents, AverageLengthIsAbout250Bytes) {
  std::string all;
  const ClickEvents events(1);
  for (std::uint64_t i = 0; i < 20'000; ++i) events.Append(i, &all);
  EXPECT_NEAR(static_cast<double>(all.size()) / 20'000, 250.0, 12.0);
}

TEST(ClickEvents, SharesLookLikeAShop) {
  const int n = 50'000;
  std::map<std::string, int> kinds, cities, users;
  std::set<std::string> ids;
  int failed = 0;
  for (std::uint64_t i = 0; i < n; ++i) {
    const std::string event = Event(3, i);
    ++kinds[Field(event, "event", "price")];
    ++cities[Field(event, "city", "geo")];
    ++users[Field(event, "user_id", "session")];
    ids.insert(Field(event, "event_id", "ts"));
    failed += event.find("\"ok\":false") != std::string::npos;
  }
  EXPECT_EQ(ids.size(), n);
  EXPECT_EQ(cities.size(), 8u);
  EXPECT_NEAR(kinds["\"view\""], 0.70 * n, 0.01 * n);
  EXPECT_NEAR(kinds["\"cart\""], 0.15 * n, 0.01 * n);
  EXPECT_NEAR(kinds["\"buy\""], 0.10 * n, 0.01 * n);
  EXPECT_NEAR(kinds["\"pay\""], 0.05 * n, 0.01 * n);
  EXPECT_NEAR(failed, 0.02 * n, 0.005 * n);
  int heavy = 0;
  for (const auto& [user, events] : users) heavy += user < "110000" ? events : 0;
  EXPECT_NEAR(heavy, 0.46 * n, 0.02 * n);
}

TEST(ClickEvents, OneInTenIsLateByAtMostTwoSeconds) {
  // One event per second, so that a late one is not where its index puts it.
  const ClickEvents events(5, 0, 1'000'000);
  int late = 0;
  for (std::uint64_t i = 100; i < 3500; ++i) {
    std::string event;
    events.Append(i, &event);
    const std::string ts = Field(event, "ts", "user_id");  // "1970-01-01T00:mm:ss.mmmZ"
    const int millis = std::stoi(ts.substr(15, 2)) * 60'000 + std::stoi(ts.substr(18, 2)) * 1000 +
                       std::stoi(ts.substr(21, 3));
    const int delay = static_cast<int>(i) * 1000 - millis;
    ASSERT_GE(delay, 0);
    ASSERT_LE(delay, 2000);
    late += delay > 0;
  }
  EXPECT_NEAR(late, 340, 60);
}

TEST(ClickEvents, KeyIsTheUserOfTheEvent) {
  const ClickEvents events(11);
  for (std::uint64_t i = 0; i < 1000; ++i) {
    std::string event;
    events.Append(i, &event);
    ASSERT_EQ(Field(event, "user_id", "session"), std::to_string(events.UserId(i)));
  }
}

TEST(ClickEvents, SeedsGiveDifferentEvents) { EXPECT_NE(Event(1, 0), Event(2, 0)); }

}  // namespace
}  // namespace sluice
