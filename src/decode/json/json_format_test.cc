#include "decode/json/json_format.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "decode/json/json_testing.h"

namespace sluice {
namespace {

TEST(JsonFormat, ReadsTheClickEvent) {
  auto decoded = DecodeAll(
      "event_id string, ts timestamp, user_id bigint, session string, event string, price double, "
      "quantity int, city string, geo struct<lat:double,lon:double>, ua string, tags array<string>, "
      "ok boolean",
      {R"({"event_id":"00ff","ts":"2026-11-23T05:45:24.123Z","user_id":42,"session":"s\u00e9\n",)"
       R"("event":"buy","price":19.99,"quantity":3,"city":"Köln","geo":{"lat":50.9375,"lon":6.9603},)"
       R"("ua":"x","tags":["a","b"],"ok":true})"});
  EXPECT_TRUE(decoded.rejects.empty());
  EXPECT_EQ(Rows(decoded),
            "00ff | 2026-11-23 05:45:24.123000Z | 42 | sé\n | buy | 19.99 | 3 | Köln | "
            "{lat:double = 50.9375, lon:double = 6.9603} | x | list<element: string>[a, b] | true\n");
}

}  // namespace
}  // namespace sluice
