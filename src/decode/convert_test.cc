#include "decode/convert.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

namespace sluice {
namespace {

constexpr std::int64_t kSecond = 1'000'000;

TEST(ParseTimestamp, AgreesWithTheCalendar) {
  // Every day of the years 1 to 9999, by counting.
  std::int64_t day = -719'162;  // 0001-01-01
  for (int year = 1; year <= 9999; ++year) {
    const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    const int lengths[] = {31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    for (int month = 1; month <= 12; ++month) {
      char text[40];
      for (int d : {1, lengths[month - 1]}) {
        std::snprintf(text, sizeof text, "%04d-%02d-%02dT23:59:58.5Z", year, month, d);
        std::int64_t micros = 0;
        ASSERT_EQ(ParseTimestamp(text, ZonePolicy::kOptional, &micros), Conversion::kOk) << text;
        ASSERT_EQ(micros, (day + d - 1) * 86'400 * kSecond + 86'398 * kSecond + 500'000) << text;
      }
      std::snprintf(text, sizeof text, "%04d-%02d-%02d", year, month, lengths[month - 1] + 1);
      std::int32_t date = 0;
      ASSERT_EQ(ParseDate(text, &date), Conversion::kFormat) << text;
      day += lengths[month - 1];
    }
  }
  EXPECT_EQ(day, 2'932'897);  // 10000-01-01
}

TEST(ParseTimestamp, TheShortCutAgreesWithTheGeneralForm) {
  // A trailing zone of +00:00 takes the general reader, Z the short cut.
  for (const char* text :
       {"2026-11-23T05:45:24", "2026-11-23 05:45:24", "2026-11-23T05:45:24.123",
        "2026-11-23T05:45:24.123456", "2024-02-29T00:00:00.000", "2023-02-29T00:00:00",
        "2026-13-01T00:00:00", "2026-00-01T00:00:00", "2026-01-00T00:00:00", "2026-01-01T24:00:00",
        "2026-01-01T00:60:00", "2026-01-01T00:00:60", "0000-01-01T00:00:00", "2026-01-01x00:00:00",
        "2026-01-01T00:00:0a", "2026-01-01T00:00:00.12a", "2026/01/01T00:00:00"}) {
    std::int64_t general = -1;
    std::int64_t quick = -1;
    Conversion expected =
        ParseTimestamp(std::string(text) + "+00:00", ZonePolicy::kOptional, &general);
    EXPECT_EQ(ParseTimestamp(std::string(text) + "Z", ZonePolicy::kOptional, &quick), expected)
        << text;
    EXPECT_EQ(quick, general) << text;
  }
}

TEST(ParseTimestamp, ReadsZonesAndRefusesOthers) {
  const std::string base = "2026-11-23T12:00:00";
  const std::int64_t noon = 1'795'435'200 * kSecond;
  struct Case {
    const char* zone;
    int offset_minutes;
  };
  for (const Case& c : std::vector<Case>{{"", 0},
                                         {"Z", 0},
                                         {"UTC", 0},
                                         {" UTC", 0},
                                         {" GMT", 0},
                                         {" Z", 0},
                                         {"+01", 60},
                                         {"+1", 60},
                                         {"-0530", -330},
                                         {"+05:45", 345},
                                         {" +02:00", 120},
                                         {"-18:00", -1080}}) {
    std::int64_t micros = 0;
    ASSERT_EQ(ParseTimestamp(base + c.zone, ZonePolicy::kOptional, &micros), Conversion::kOk)
        << c.zone;
    EXPECT_EQ(micros, noon - c.offset_minutes * 60 * kSecond) << c.zone;
    EXPECT_EQ(ParseTimestamp(base + c.zone, ZonePolicy::kForbidden, &micros),
              *c.zone == '\0' ? Conversion::kOk : Conversion::kFormat)
        << c.zone;
  }
  for (const char* zone : {"z", "+", "+25:00", "+18:01", "+1:0", "+01:60", "+001", " ", "ZZ", "CET",
                           " Europe/Berlin", "[UTC]"}) {
    std::int64_t micros = 7;
    EXPECT_EQ(ParseTimestamp(base + zone, ZonePolicy::kOptional, &micros), Conversion::kFormat)
        << zone;
    EXPECT_EQ(micros, 7) << zone;
  }
  std::int64_t micros = 0;
  EXPECT_EQ(ParseTimestamp("0001-01-01T00:00:00+01:00", ZonePolicy::kOptional, &micros),
            Conversion::kOverflow);
  EXPECT_EQ(ParseTimestamp("9999-12-31T23:59:59-01:00", ZonePolicy::kOptional, &micros),
            Conversion::kOverflow);
}

TEST(EpochToMicros, RoundsTowardsThePastAndKeepsToTheCalendar) {
  std::int64_t micros = 0;
  ASSERT_EQ(EpochToMicros(-1, EpochUnit::kNanos, &micros), Conversion::kOk);
  EXPECT_EQ(micros, -1);
  ASSERT_EQ(EpochToMicros(-1001, EpochUnit::kMillis, &micros), Conversion::kOk);
  EXPECT_EQ(micros, -1'001'000);
  ASSERT_EQ(EpochToMicros(1'500, EpochUnit::kMicros, &micros), Conversion::kOk);
  EXPECT_EQ(micros, 1'500);
  ASSERT_EQ(EpochToMicros(253'402'300'799, EpochUnit::kSeconds, &micros), Conversion::kOk);
  EXPECT_EQ(EpochToMicros(253'402'300'800, EpochUnit::kSeconds, &micros), Conversion::kOverflow);
  EXPECT_EQ(EpochToMicros(-62'135'596'801, EpochUnit::kSeconds, &micros), Conversion::kOverflow);
  EXPECT_EQ(EpochToMicros(INT64_MIN, EpochUnit::kSeconds, &micros), Conversion::kOverflow);
  EXPECT_EQ(EpochToMicros(INT64_MIN, EpochUnit::kNanos, &micros), Conversion::kOk);
}

std::string Decimal(std::string_view text, int precision, int scale) {
  Decimal128Value value = 0;
  switch (ParseDecimal(text, precision, scale, &value)) {
    case Conversion::kFormat:
      return "format";
    case Conversion::kOverflow:
      return "overflow";
    case Conversion::kOk:
      break;
  }
  bool negative = value < 0;
  std::string digits;
  for (; value != 0; value /= 10) {
    int digit = static_cast<int>(value % 10);
    digits.insert(digits.begin(), static_cast<char>('0' + (digit < 0 ? -digit : digit)));
  }
  return (negative ? "-" : "") + (digits.empty() ? "0" : digits);
}

TEST(ParseDecimal, IsExactAndRoundsHalfUp) {
  EXPECT_EQ(Decimal("1", 10, 2), "100");
  EXPECT_EQ(Decimal("-0.005", 10, 2), "-1");
  EXPECT_EQ(Decimal("0.0049999999999999999999999999999999999999999999", 10, 2), "0");
  EXPECT_EQ(Decimal("0.5", 5, 0), "1");
  EXPECT_EQ(Decimal("0.05", 5, 0), "0");
  EXPECT_EQ(Decimal("1.2.3", 5, 0), "format");
  EXPECT_EQ(Decimal("12345678901234567890123456789012345678", 38, 0),
            "12345678901234567890123456789012345678");
  EXPECT_EQ(Decimal("-0.00000000000000000000000000000000000001", 38, 38), "-1");
  EXPECT_EQ(Decimal("99999999999999999999999999999999999999.5", 38, 0), "overflow");
  EXPECT_EQ(Decimal("0000000000000000000000000000000000000000000001.50", 3, 1), "15");
  EXPECT_EQ(Decimal("123e-2", 3, 2), "123");
  EXPECT_EQ(Decimal("0.000123E+6", 3, 0), "123");
  EXPECT_EQ(Decimal("1e999999999999999999999", 38, 0), "overflow");
  EXPECT_EQ(Decimal("0e999999999999999999999", 38, 0), "0");
  EXPECT_EQ(Decimal("1e-999999999999999999999", 38, 0), "0");
  EXPECT_EQ(Decimal("+1.", 3, 0), "1");
  EXPECT_EQ(Decimal(".5", 3, 1), "5");
  for (const char* bad : {"", "-", ".", "e5", "1e", "1e+", "1 ", " 1", "0x1", "1,5", "Infinity"}) {
    EXPECT_EQ(Decimal(bad, 10, 2), "format") << bad;
  }
}

TEST(ParseInteger, TakesDigitsWithinSixtyFourBits) {
  auto parse = [](std::string_view text) -> std::string {
    std::int64_t value = 0;
    const Conversion result = ParseInteger(text, &value);
    if (result == Conversion::kFormat) return "format";
    return result == Conversion::kOverflow ? "overflow" : std::to_string(value);
  };
  EXPECT_EQ(parse("0"), "0");
  EXPECT_EQ(parse("-0"), "0");
  EXPECT_EQ(parse("+42"), "42");
  EXPECT_EQ(parse("0000000000000000000000000000007"), "7");
  EXPECT_EQ(parse("9223372036854775807"), "9223372036854775807");
  EXPECT_EQ(parse("-9223372036854775808"), "-9223372036854775808");
  for (const char* big : {"9223372036854775808", "-9223372036854775809", "18446744073709551616",
                          "92233720368547758070", "99999999999999999999999999"}) {
    EXPECT_EQ(parse(big), "overflow") << big;
  }
  for (const char* bad : {"", "-", "+", "+-1", "--1", " 1", "1 ", "1.0", "1e2", "0x1", "1,000",
                          "1_0", "99999999999999999999x"}) {
    EXPECT_EQ(parse(bad), "format") << bad;
  }
}

TEST(ParseBoolean, TakesTwoWordsInAnyCase) {
  bool value = false;
  for (const char* yes : {"true", "TRUE", "True", "tRuE"}) {
    EXPECT_EQ(ParseBoolean(yes, &value), Conversion::kOk) << yes;
    EXPECT_TRUE(value) << yes;
  }
  for (const char* no : {"false", "FALSE", "False"}) {
    EXPECT_EQ(ParseBoolean(no, &value), Conversion::kOk) << no;
    EXPECT_FALSE(value) << no;
  }
  for (const char* bad : {"", "t", "1", "0", "yes", "tru", "truee", "false ", "\x14rue"}) {
    EXPECT_EQ(ParseBoolean(bad, &value), Conversion::kFormat) << bad;
  }
}

TEST(ParseDouble, TakesNumbersOnly) {
  double value = 0;
  EXPECT_EQ(ParseDouble("5e-324", &value), Conversion::kOk);
  EXPECT_EQ(value, 5e-324);
  EXPECT_EQ(ParseDouble("-1e-999", &value), Conversion::kOk);
  EXPECT_EQ(value, 0);
  EXPECT_EQ(ParseDouble("1e999", &value), Conversion::kOverflow);
  EXPECT_EQ(ParseDouble("9007199254740993", &value), Conversion::kOk);
  EXPECT_EQ(value, 9007199254740992.0);
  for (const char* bad : {"", "inf", "nan", "-inf", "-nan", "Infinity", "+", "-", "1x", "0x10",
                          "+-1", "-+1", "-.", "1..5", "1.5.", "1,5", " 1", "1 ", "1.5x"}) {
    EXPECT_EQ(ParseDouble(bad, &value), Conversion::kFormat) << bad;
  }
  float single = 0;
  EXPECT_EQ(ParseFloat("16777217", &single), Conversion::kOk);
  EXPECT_EQ(single, 16777216.0F);
  EXPECT_EQ(ParseFloat("3.5e38", &single), Conversion::kOverflow);
}

TEST(ParseDouble, IsTheNearestDouble) {
  // The short cut against the C library, around the digits where it ends.
  std::mt19937_64 random(4);
  for (int i = 0; i < 200'000; ++i) {
    const int digits = static_cast<int>(random() % 18) + 1;
    std::string text = random() % 2 ? "-" : "";
    const int dot = static_cast<int>(random() % 19);
    for (int d = 0; d < digits; ++d) {
      if (d == dot) text += '.';
      text += static_cast<char>('0' + random() % 10);
    }
    double value = 0;
    if (text[text[0] == '-'] == '.') continue;
    ASSERT_EQ(ParseDouble(text, &value), Conversion::kOk) << text;
    ASSERT_EQ(value, std::strtod(text.c_str(), nullptr)) << text;
  }
}

TEST(ParseSpecialDouble, TakesTheWordsOfSpark) {
  double value = 0;
  for (const char* word : {"Infinity", "+Infinity", "INF", "+INF", "Inf", "+Inf"}) {
    EXPECT_EQ(ParseSpecialDouble(word, &value), Conversion::kOk) << word;
    EXPECT_GT(value, 1e308) << word;
  }
  for (const char* word : {"-Infinity", "-INF", "-Inf"}) {
    EXPECT_EQ(ParseSpecialDouble(word, &value), Conversion::kOk) << word;
    EXPECT_LT(value, -1e308) << word;
  }
  for (const char* bad : {"", "nan", "inf", "infinity", "-NaN", "+-INF", "1"}) {
    EXPECT_EQ(ParseSpecialDouble(bad, &value), Conversion::kFormat) << bad;
  }
}

TEST(DecodeBase64, TakesTheCanonicalFormOnly) {
  auto decode = [](std::string_view text) -> std::string {
    std::string out(Base64Bound(text.size()), '\0');
    std::size_t written = 0;
    if (DecodeBase64(text, out.data(), &written) != Conversion::kOk) return "refused";
    return out.substr(0, written);
  };
  EXPECT_EQ(decode(""), "");
  EXPECT_EQ(decode("Zg=="), "f");
  EXPECT_EQ(decode("Zm8="), "fo");
  EXPECT_EQ(decode("Zm9v"), "foo");
  EXPECT_EQ(decode("/+A="), "\xff\xe0");
  for (const char* bad :
       {"Z", "Zg", "Zg=", "Zg===", "====", "Zh==", "Zm9=", "Zm=v", "Zm9v\n", "_-A=", "Zg==Zg=="}) {
    EXPECT_EQ(decode(bad), "refused") << bad;
  }
}

}  // namespace
}  // namespace sluice
