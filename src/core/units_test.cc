#include "core/units.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

struct Amount {
  const char* text;
  std::int64_t value;
};

TEST(DurationTest, AcceptsWhatPeopleWrite) {
  for (const Amount& c : {Amount{"5 seconds", 5'000'000},
                          {"100", 100'000'000},
                          {"0", 0},
                          {"100s", 100'000'000},
                          {" 2 min ", 120'000'000},
                          {"250 ms", 250'000},
                          {"1.5 s", 1'500'000},
                          {"1 hour", 3'600'000'000},
                          {"1 hour 30 minutes", 5'400'000'000},
                          {"interval 5 SECONDS", 5'000'000},
                          {"15m", 900'000'000},
                          {"7 days", 604'800'000'000},
                          {"10 us", 10}}) {
    auto micros = ParseDuration(c.text);
    ASSERT_TRUE(micros.ok()) << c.text;
    EXPECT_EQ(*micros, c.value) << c.text;
  }
}

TEST(DurationTest, RefusesTheRestAndNamesTheForms) {
  for (const char* text : {"", " ", "s", "five", "5 parsecs", "-5", "5 5", "5 s 5", "1..5 s", "1e3",
                           "99999999999 weeks", "5 seconds!", "interval", "0x10", "nan", "inf"}) {
    auto micros = ParseDuration(text);
    ASSERT_FALSE(micros.ok()) << text;
    EXPECT_EQ(micros.error().blame, Blame::kUser);
    EXPECT_NE(micros.error().message.find("'100 seconds'"), std::string::npos);
  }
}

TEST(DurationTest, PrintsTheLargestWholeUnit) {
  EXPECT_EQ(FormatDuration(100'000'000), "100 seconds");
  EXPECT_EQ(FormatDuration(1'000'000), "1 second");
  EXPECT_EQ(FormatDuration(120'000'000), "2 minutes");
  EXPECT_EQ(FormatDuration(250'000), "250 ms");
  EXPECT_EQ(FormatDuration(0), "0 seconds");
  for (std::int64_t micros : {1ll, 1'500'000ll, 61'000'000ll, 86'400'000'000ll}) {
    EXPECT_EQ(*ParseDuration(FormatDuration(micros)), micros);
  }
}

TEST(BytesTest, AcceptsWhatPeopleWrite) {
  for (const Amount& c : {Amount{"4096", 4096},
                          {"9007199254740993", 9'007'199'254'740'993},
                          {"1 GiB", 1ll << 30},
                          {"1 GB", 1'000'000'000},
                          {"64k", 65536},
                          {"64 KB", 64'000},
                          {"1.5 MiB", 3 << 19},
                          {"128MiB", 128 << 20},
                          {"10 bytes", 10}}) {
    auto bytes = ParseBytes(c.text);
    ASSERT_TRUE(bytes.ok()) << c.text;
    EXPECT_EQ(*bytes, c.value) << c.text;
  }
}

TEST(BytesTest, RefusesTheRest) {
  for (const char* text : {"", "x", "-1", "1 GiB 2", "1 gigs of it", "99999999 TiB", "1 2"}) {
    EXPECT_FALSE(ParseBytes(text).ok()) << text;
  }
}

TEST(BytesTest, PrintsBinaryUnits) {
  EXPECT_EQ(FormatBytes(0), "0 bytes");
  EXPECT_EQ(FormatBytes(1), "1 byte");
  EXPECT_EQ(FormatBytes(1300), "1.3 KiB");
  EXPECT_EQ(FormatBytes(128 << 20), "128 MiB");
  EXPECT_EQ(FormatBytes(10ll << 30), "10 GiB");
}

TEST(CountTest, GroupsDigits) {
  EXPECT_EQ(FormatCount(0), "0");
  EXPECT_EQ(FormatCount(999), "999");
  EXPECT_EQ(FormatCount(1000), "1,000");
  EXPECT_EQ(FormatCount(-123456), "-123,456");
  EXPECT_EQ(FormatCount(1234567), "1,234,567");
}

}  // namespace
}  // namespace sluice
