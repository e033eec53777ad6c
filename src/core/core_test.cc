#include <gtest/gtest.h>

#include <set>

#include "core/base64.h"
#include "core/clock.h"
#include "core/crc32c.h"
#include "core/metrics.h"
#include "core/random_id.h"
#include "core/registry.h"
#include "core/result.h"

namespace sluice {
namespace {

TEST(Crc32c, MatchesThePublishedVector) {
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(Crc32c("6789", Crc32c("12345")), 0xe3069283u);
  EXPECT_EQ(Crc32c(""), 0u);
}

TEST(MetricsServer, AddressesAreCheckedBeforeTheyAreUsed) {
  for (const char* good : {"9464", "0", "0.0.0.0:9464", "[::1]:9464", "localhost:80"}) {
    EXPECT_TRUE(Metrics::CheckAddress(good).ok()) << good;
  }
  EXPECT_EQ(*Metrics::CheckAddress("9464"), "127.0.0.1:9464");
  for (const char* bad : {"", "999999", "-1", "foo:bar", "a b:1", ":80", "1,2", "::1", "9464s"}) {
    auto checked = Metrics::CheckAddress(bad);
    ASSERT_FALSE(checked.ok()) << bad;
    EXPECT_EQ(ExitCode(checked.error()), 2);
  }
}

TEST(MetricsServer, APortInUseIsNamedAsSuch) {
  Metrics first;
  auto port = first.Serve("0");
  ASSERT_TRUE(port.ok());
  Metrics second;
  auto served = second.Serve(std::to_string(*port));
  ASSERT_FALSE(served.ok());
  EXPECT_EQ(ExitCode(served.error()), 1);
  EXPECT_NE(served.error().message.find("the port is in use"), std::string::npos);
}

TEST(Base64, MatchesTheVectorsOfRfc4648) {
  const std::pair<const char*, const char*> kVectors[] = {{"", ""},
                                                          {"f", "Zg=="},
                                                          {"fo", "Zm8="},
                                                          {"foo", "Zm9v"},
                                                          {"foob", "Zm9vYg=="},
                                                          {"fooba", "Zm9vYmE="},
                                                          {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : kVectors) {
    EXPECT_EQ(Base64Encode(plain), encoded);
    auto decoded = Base64Decode(encoded);
    ASSERT_TRUE(decoded.ok());
    EXPECT_EQ(*decoded, plain);
  }
  for (const char* bad : {"Zg=", "Z===", "Zh==", "Zm9=", "Zg==Zg==", "Zm9v!", "=Zm9"}) {
    EXPECT_FALSE(Base64Decode(bad).ok()) << bad;
  }
}

TEST(Timestamp, ReadsTheUsualFormsAndPrintsUtc) {
  const std::pair<const char*, const char*> kForms[] = {
      {"2026-11-23T05:29:06Z", "2026-11-23T05:29:06.000000Z"},
      {"2026-11-23 05:29:06.5", "2026-11-23T05:29:06.500000Z"},
      {"2026-11-23T14:29:06+09:00", "2026-11-23T05:29:06.000000Z"},
      {"2026-11-23T00:29:06.123456-0500", "2026-11-23T05:29:06.123456Z"},
      {"1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"},
      {"2024-02-29", "2024-02-29T00:00:00.000000Z"}};
  for (const auto& [text, utc] : kForms) {
    auto micros = ParseTimestamp(text);
    ASSERT_TRUE(micros.ok()) << text;
    EXPECT_EQ(FormatTimestamp(*micros), utc);
  }
  for (const char* bad : {"", "2026", "2026-13-01", "2025-02-29", "2026-01-01T24:00:00Z",
                          "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00+25:00", "2026-01-01x"}) {
    EXPECT_FALSE(ParseTimestamp(bad).ok()) << bad;
  }
}

TEST(RandomHex, NamesAreLongAndNeverTheSame) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    std::string id = RandomHex(16);
    EXPECT_EQ(id.size(), 32u);
    EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos);
    EXPECT_TRUE(seen.insert(id).second);
  }
}

Result<int> Half(int value) {
  if (value % 2 != 0) return UserError("test.odd", "odd");
  return value / 2;
}

Result<int> Quarter(int value) {
  TRY(int half, Half(value));
  TRY(int quarter, Half(half));
  return quarter;
}

TEST(Result, TryReturnsTheFirstError) {
  EXPECT_EQ(*Quarter(12), 3);
  auto odd = Quarter(6);
  ASSERT_FALSE(odd.ok());
  EXPECT_EQ(odd.error().code, "test.odd");
  EXPECT_EQ(ExitCode(odd.error()), 2);
}

TEST(Registry, AnUnknownNameIsAnsweredWithTheNearest) {
  struct Entry {
    std::string name;
  };
  Registry<Entry> registry("source");
  registry.Add({"kafka"});
  registry.Add({"files"});
  EXPECT_TRUE(registry.Find("kafka").ok());
  auto missing = registry.Find("kafak");
  ASSERT_FALSE(missing.ok());
  EXPECT_NE(missing.error().message.find("did you mean 'kafka'"), std::string::npos);
  EXPECT_NE(missing.error().message.find("files"), std::string::npos);
}

TEST(Metrics, TheSameNameAndLabelsAreOneSeries) {
  Metrics metrics;
  metrics.AddCounter("sluice_records_total", "Records.", {{"source", "a"}}).Add(2);
  metrics.AddCounter("sluice_records_total", "Records.", {{"source", "a"}}).Add(3);
  metrics.AddGauge("sluice_lag", "Lag.").Set(7);
  std::string text = metrics.ToText();
  EXPECT_NE(text.find("sluice_records_total{source=\"a\"} 5"), std::string::npos) << text;
  EXPECT_NE(text.find("sluice_lag 7"), std::string::npos) << text;
}

}  // namespace
}  // namespace sluice
