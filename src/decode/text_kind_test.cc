#include "decode/text_kind.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(KindOfText, OnlyWhatTheValueSaysInFull) {
  for (const char* text : {"0", "-1", "42", " 7\t", "9223372036854775807"}) {
    EXPECT_EQ(KindOfText(text), SeenKind::kInt64) << text;
  }
  for (const char* text : {"0.5", "-0.25", "1e5", "1.5E-3", "12345.678"}) {
    EXPECT_EQ(KindOfText(text), SeenKind::kDouble) << text;
  }
  for (const char* text : {"9223372036854775808", "0.123456789012345678", "1e999"}) {
    EXPECT_EQ(KindOfText(text), SeenKind::kHugeNumber) << text;
  }
  for (const char* text : {"042", "+1", "-", "-0", "1.", ".5", "1e", "0x10", "TRUE", "NaN", "1,5",
                           "2026-13-01", "2026-11-23T12:00:00.1234567Z", "12:00", "00.5"}) {
    EXPECT_EQ(KindOfText(text), SeenKind::kString) << text;
  }
  EXPECT_EQ(KindOfText("true"), SeenKind::kBool);
  EXPECT_EQ(KindOfText("2026-11-23"), SeenKind::kDate);
  EXPECT_EQ(KindOfText("2026-11-23 12:00:00"), SeenKind::kTimestampNtz);
  EXPECT_EQ(KindOfText("2026-11-23T12:00:00+09:00"), SeenKind::kTimestamp);
  EXPECT_EQ(KindOfText("  "), SeenKind::kNull);
}

TEST(KeepsText, RefusesWhatAColumnWouldTakeAndShorten) {
  EXPECT_TRUE(KeepsText(ColumnKind::kInt64, "42"));
  EXPECT_FALSE(KeepsText(ColumnKind::kInt64, "042"));
  EXPECT_FALSE(KeepsText(ColumnKind::kInt64, "+42"));
  EXPECT_TRUE(KeepsText(ColumnKind::kDouble, "9007199254740992"));
  EXPECT_FALSE(KeepsText(ColumnKind::kDouble, "9007199254740993"));
  EXPECT_FALSE(KeepsText(ColumnKind::kDouble, "0.1234567890123456789"));
  EXPECT_FALSE(KeepsText(ColumnKind::kBool, "True"));
  EXPECT_FALSE(KeepsText(ColumnKind::kDate, "2026-11-23 12:00:00"));
  EXPECT_FALSE(KeepsText(ColumnKind::kTimestamp, "2026-11-23 12:00:00"));
  EXPECT_TRUE(KeepsText(ColumnKind::kString, "anything"));
}

}  // namespace
}  // namespace sluice
