#include "table/postgresql/postgresql_values.h"

#include <arrow/api.h>
#include <gtest/gtest.h>

namespace sluice {
namespace {

PostgresqlColumn Column(WireType wire, const std::string& type) {
  auto parsed = *ParseDdlType(type);
  PostgresqlColumn column;
  column.field = arrow::field("c", parsed);
  column.wire = wire;
  column.list = parsed->id() == arrow::Type::LIST;
  return column;
}

std::string Number(std::int64_t value, int bytes) {
  std::string out;
  for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(value >> (8 * i));
  return out;
}

std::string Field(const std::string& bytes) {
  return Number(static_cast<std::int64_t>(bytes.size()), 4) + bytes;
}

std::string Head() { return std::string("PGCOPY\n\377\r\n\0", 11) + Number(0, 4) + Number(0, 4); }

/// A value as it comes out, or the error.
std::string Read(const PostgresqlColumn& column, const std::string& value) {
  auto rows = *PostgresqlRows::Make({column});
  auto added = rows->Add(Head() + Number(1, 2) + Field(value));
  if (!added.ok()) return added.error().code;
  EXPECT_TRUE(rows->Add(Number(-1, 2)).ok());
  EXPECT_TRUE(rows->ended());
  auto batch = *rows->Take();
  EXPECT_TRUE(batch->ValidateFull().ok());
  return batch->column(0)->GetScalar(0).ValueOrDie()->ToString();
}

std::string Numeric(std::vector<int> digits, int weight, int sign = 0) {
  std::string out = Number(static_cast<std::int64_t>(digits.size()), 2) + Number(weight, 2) +
                    Number(sign, 2) + Number(0, 2);
  for (const int digit : digits) out += Number(digit, 2);
  return out;
}

TEST(PostgresqlValues, NumericsKeepEveryDigit) {
  const auto money = Column(WireType::kNumeric, "decimal(10,2)");
  EXPECT_EQ(Read(money, Numeric({1, 2345, 6700}, 1)), "12345.67");
  EXPECT_EQ(Read(money, Numeric({100}, -1, 0x4000)), "-0.01");
  EXPECT_EQ(Read(money, Numeric({}, 0)), "0.00");
  EXPECT_EQ(Read(money, Numeric({1}, 1)), "10000.00");
  EXPECT_EQ(Read(money, Numeric({1}, -1)), "table.value") << "0.0001";
  EXPECT_EQ(Read(money, Numeric({1}, 2)), "table.value") << "100000000";
  EXPECT_EQ(Read(money, Numeric({}, 0, 0xC000)), "table.value") << "NaN";
  EXPECT_EQ(Read(money, Numeric({1}, 30'000)), "table.value");
  EXPECT_EQ(Read(money, Numeric({1}, -30'000)), "table.value");
  const auto most = Column(WireType::kNumeric, "decimal(38,0)");
  EXPECT_EQ(Read(most, Numeric({99, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9999}, 9)),
            std::string(38, '9'));
  EXPECT_EQ(Read(most, Numeric({100}, 9)), "table.value");
  const auto least = Column(WireType::kNumeric, "decimal(38,38)");
  EXPECT_EQ(Read(least, Numeric({1}, -9)), "1.00E-36");
}

TEST(PostgresqlValues, DatesCountFromAnotherYear) {
  EXPECT_EQ(Read(Column(WireType::kDate, "date"), Number(0, 4)), "2000-01-01");
  EXPECT_EQ(Read(Column(WireType::kDate, "date"), Number(INT32_MAX, 4)), "table.value");
  const auto at = Column(WireType::kTimestamp, "timestamp");
  EXPECT_EQ(Read(at, Number(-1, 8)), "1999-12-31 23:59:59.999999Z");
  EXPECT_EQ(Read(at, Number(INT64_MAX, 8)), "table.value");
  EXPECT_EQ(Read(at, Number(INT64_MIN, 8)), "table.value");
}

TEST(PostgresqlValues, ArraysAreLists) {
  const auto ints = Column(WireType::kInt4, "array<int>");
  const std::string head = Number(1, 4) + Number(1, 4) + Number(23, 4);
  EXPECT_EQ(Read(ints, head + Number(2, 4) + Number(1, 4) + Field(Number(7, 4)) + Number(-1, 4)),
            "list<element: int32>[7, null]");
  EXPECT_EQ(Read(ints, Number(0, 4) + Number(0, 4) + Number(23, 4)), "list<element: int32>[]");
  EXPECT_EQ(Read(ints, Number(2, 4) + Number(0, 4) + Number(23, 4)), "table.value");
  EXPECT_EQ(Read(ints, head + Number(1'000'000, 4) + Number(1, 4)), "table.unavailable");
}

TEST(PostgresqlValues, WhatIsNoCopyIsRefused) {
  const auto text = Column(WireType::kText, "string");
  EXPECT_EQ(Read(text, "Straße"), "Straße");
  EXPECT_EQ(Read(text, "\xff"), "table.value");
  EXPECT_EQ(Read(Column(WireType::kInt4, "int"), "1"), "table.unavailable");
  const std::string whole = Head() + Number(1, 2) + Field("abc") + Number(-1, 2);
  for (std::size_t size = 1; size < whole.size(); ++size) {
    auto rows = *PostgresqlRows::Make({text});
    const auto added = rows->Add(whole.substr(0, size));
    EXPECT_TRUE(!added.ok() || !rows->ended()) << size;
  }
  auto rows = *PostgresqlRows::Make({text, text});
  EXPECT_FALSE(rows->Add(whole).ok()) << "a row of another number of fields";
}

}  // namespace
}  // namespace sluice
