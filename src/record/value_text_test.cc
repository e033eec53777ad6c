#include "record/value_text.h"

#include <arrow/util/decimal.h>
#include <gtest/gtest.h>

#include <string>

namespace sluice {
namespace {

std::string Decimal(const std::string& unscaled, int scale) {
  const auto bytes = arrow::Decimal128(unscaled).ToBytes();
  std::string out;
  AppendDecimalText(bytes.data(), scale, &out);
  return out;
}

TEST(ValueText, DecimalsHaveAllTheirDigitsAndNoExponent) {
  EXPECT_EQ(Decimal("0", 0), "0");
  EXPECT_EQ(Decimal("0", 3), "0.000");
  EXPECT_EQ(Decimal("-5", 1), "-0.5");
  EXPECT_EQ(Decimal("1", 10), "0.0000000001");
  EXPECT_EQ(Decimal("120", 2), "1.20");
  EXPECT_EQ(Decimal("-12345678901234567890", 0), "-12345678901234567890");
  const std::string nines(38, '9');
  EXPECT_EQ(Decimal(nines, 0), nines);
  EXPECT_EQ(Decimal("-" + nines, 38), "-0." + nines);
  EXPECT_EQ(Decimal(nines, 37), "9." + std::string(37, '9'));
  EXPECT_EQ(Decimal("1", 38), "0." + std::string(37, '0') + "1");
  EXPECT_EQ(Decimal("-7", -2), "-700");
}

}  // namespace
}  // namespace sluice
