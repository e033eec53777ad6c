#include "table/postgresql/postgresql_options.h"

#include <arrow/type.h>
#include <gtest/gtest.h>

#include "table/postgresql/postgresql_types.h"

namespace sluice {
namespace {

Result<PostgresqlOptions> Parse(const std::string& url, const std::string& table) {
  TRY(const Options options,
      ParseOptions(
          PostgresqlOptionSpecs(),
          RawOptionsFromPairs(
              {{"url", url}, {"dbtable", table}, {"user", "etl"}, {"password", "canary-4711"}}),
          "table t"));
  return ParsePostgresqlOptions(options);
}

TEST(PostgresqlOptions, AddressesAreThoseOfJdbcAndOfLibpq) {
  for (const char* url : {"jdbc:postgresql://db.local:6432/shop", "postgresql://db.local:6432/shop",
                          "postgres://db.local:6432/shop"}) {
    auto options = Parse(url, "accounts");
    ASSERT_TRUE(options.ok()) << ToString(options.error());
    EXPECT_EQ(options->Location(), "postgresql://db.local:6432/shop, public.accounts");
    EXPECT_EQ(options->sslmode, "verify-full");
  }
  auto v6 = Parse("postgresql://[::1]/shop", "a");
  ASSERT_TRUE(v6.ok()) << ToString(v6.error());
  EXPECT_EQ(v6->host, "::1");
  EXPECT_EQ(v6->port, "5432");
}

TEST(PostgresqlOptions, MistakesAreToldWithoutTheUrl) {
  for (const char* url :
       {"mysql://db/shop", "postgresql://etl:canary-4711@db/shop", "postgresql://db",
        "postgresql://db/shop?password=canary-4711", "postgresql:///shop", "postgresql://db:x/shop",
        "postgresql://one,two/shop", "postgresql://db/"}) {
    auto options = Parse(url, "accounts");
    ASSERT_FALSE(options.ok()) << url;
    EXPECT_EQ(options.error().code, "table.url");
    EXPECT_EQ(options.error().message.find("canary"), std::string::npos);
  }
}

TEST(PostgresqlOptions, NamesAreThoseOfSql) {
  auto options = Parse("postgresql://db/shop", "Sales.\"Order \"\"x\"\"\"");
  ASSERT_TRUE(options.ok()) << ToString(options.error());
  EXPECT_EQ(options->schema, "sales");
  EXPECT_EQ(options->table, "Order \"x\"");
  EXPECT_EQ(QuotedName(options->table), "\"Order \"\"x\"\"\"");
  for (const char* table : {"(SELECT 1) AS t", "a.b.c", "a b", "a.", "\"\"", "x; DROP TABLE y"}) {
    options = Parse("postgresql://db/shop", table);
    ASSERT_FALSE(options.ok()) << table;
    EXPECT_EQ(options.error().code, "table.dbtable");
  }
}

/// "id int4 ..." of columns, as DDL and as what is asked for.
std::string Columns(const std::vector<PostgresqlConnection::Column>& found,
                    const std::string& declared = "") {
  SchemaPtr schema;
  if (!declared.empty()) schema = *ParseDdl(declared);
  auto columns = ColumnsOf(found, schema);
  if (!columns.ok()) return columns.error().code + ": " + columns.error().message;
  std::string text;
  for (const PostgresqlColumn& column : *columns) {
    text +=
        (text.empty() ? "" : ", ") + column.expression + " " + FormatDdlType(*column.field->type());
  }
  return text;
}

constexpr int Modifier(int precision, int scale) { return (precision << 16 | scale) + 4; }

TEST(PostgresqlTypes, BecomeColumnsWithoutLoss) {
  EXPECT_EQ(Columns({{"a", 16}, {"b", 21}, {"c", 23}, {"d", 20}, {"e", 700}, {"f", 701}}),
            "\"a\" boolean, \"b\" smallint, \"c\" int, \"d\" bigint, \"e\" float, \"f\" double");
  EXPECT_EQ(Columns({{"a", 25}, {"b", 1043, 14}, {"c", 1042, 5}, {"d", 17}, {"e", 1082}}),
            "\"a\" string, \"b\" string, \"c\" string, \"d\" binary, \"e\" date");
  EXPECT_EQ(Columns({{"a", 1114}, {"b", 1184}, {"c", 1185}}),
            "\"a\" timestamp_ntz, \"b\" timestamp, \"c\" array<timestamp>");
  EXPECT_EQ(Columns({{"a", 1700, Modifier(10, 2)},
                     {"b", 1700},
                     {"c", 1700, Modifier(39, 2)},
                     {"d", 1231, Modifier(5, 0)},
                     {"e", 1231}}),
            "\"a\" decimal(10,2), \"b\"::text string, \"c\"::text string, \"d\" "
            "array<decimal(5,0)>, \"e\"::text[] array<string>");
  EXPECT_EQ(Columns({{"a", 2950}, {"b", 3802}, {"c", 2951}, {"d", 1186}, {"e", 99999}}),
            "\"a\"::text string, \"b\"::text string, \"c\"::text[] array<string>, \"d\"::text "
            "string, \"e\"::text string");
}

TEST(PostgresqlTypes, MayBeDeclaredWhereNothingIsLost) {
  const std::vector<PostgresqlConnection::Column> found = {
      {"id", 23}, {"price", 1700}, {"until", 1082}, {"tags", 1007}};
  EXPECT_EQ(
      Columns(found, "price decimal(12,4), id bigint, until string, tags array<bigint>"),
      "\"price\" decimal(12,4), \"id\"::int8 bigint, \"until\"::text string, \"tags\"::int8[] "
      "array<bigint>");
  EXPECT_NE(Columns(found, "id smallint").find("table.columns: schema: column id is int"),
            std::string::npos);
  EXPECT_NE(Columns(found, "pric string").find("did you mean price?"), std::string::npos);
  EXPECT_NE(Columns(found, "tags int").find("table.columns"), std::string::npos);
}

}  // namespace
}  // namespace sluice
