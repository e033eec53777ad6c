// SQL that works row by row: results, row numbers, failures, the epoch's now.

#include <gtest/gtest.h>

#include <random>

#include "transform/sql/transform_fixture.h"

namespace sluice {
namespace {

const char kClicks[] =
    "event_id string, ts timestamp, user_id bigint, session string, event string, price double, "
    "quantity int, city string, geo struct<lat:double,lon:double>, ua string, tags array<string>, "
    "ok "
    "boolean";

InputSchema Clicks() { return {"clicks", Ddl(kClicks)}; }

std::shared_ptr<arrow::RecordBatch> ClickRows() {
  return Rows(Ddl(kClicks), R"([
    ["e0", 1000000, 7, "s", "view", 1.5, 2, "Riga", [1.0, 2.0], "a long user agent text", ["x","y"], true],
    ["e1", 2000000, 8, "s", "cart", 2.5, 3, "Oslo", null, "a long user agent text", [], false],
    ["e2", 3000000, null, "s", "buy", null, 4, null, [null, 2.0], null, null, null],
    ["e3", 4000000, 9, "s", "pay", 4.0, null, "Bern", [1.0, 2.0], "a long user agent text", ["z"], true]
  ])");
}

std::string Json(const std::shared_ptr<arrow::Array>& array) {
  std::string text = array->ToString();
  std::string out;
  for (const char c : text) {
    if (c != ' ' && c != '\n') out += c;
  }
  return out;
}

TEST(RowQuery, TheMainJobsSqlFiltersAndComputesAndCopiesTheRest) {
  auto step =
      Make("SELECT *, price * quantity AS total FROM clicks WHERE event <> 'view'", {Clicks()});
  EXPECT_EQ(step->plan(), "row by row in SQL, 12 columns copied past it");
  EXPECT_EQ(step->inputs(), std::vector<std::string>{"clicks"});
  EXPECT_FALSE(step->may_multiply());
  auto out = RunRows(step, ClickRows());
  ASSERT_TRUE(out.ok()) << ToString(out.error());
  EXPECT_EQ(out->row_of_output, (std::vector<std::int64_t>{1, 2, 3}));
  EXPECT_EQ(Json(out->rows->GetColumnByName("total")), "[7.5,null,null]");
  EXPECT_EQ(Json(out->rows->GetColumnByName("event_id")), R"(["e1","e2","e3"])");
  EXPECT_EQ(Json(out->rows->GetColumnByName("tags")), R"([[],null,["z"]])");
  EXPECT_EQ(FormatDdl(*step->output_schema()),
            FormatDdl(*Ddl(std::string(kClicks) + ", total double")));
}

TEST(RowQuery, RowNumbersPassThroughNestedQueriesAndCtes) {
  for (const char* sql : {
           "SELECT total + 1 AS t FROM (SELECT price * quantity AS total FROM clicks) WHERE total "
           "> 5",
           "WITH a AS (SELECT * FROM clicks WHERE price > 2) SELECT a.price * quantity + 1 AS t "
           "FROM a "
           "WHERE price * quantity > 5",
           "SELECT x.total + 1 AS t FROM (SELECT c.*, price * quantity total FROM clicks c) x "
           "WHERE x.total > 5",
           "FROM clicks SELECT price * quantity + 1 AS t WHERE price * quantity > 5",
       }) {
    auto step = Make(sql, {Clicks()});
    auto out = RunRows(step, ClickRows());
    ASSERT_TRUE(out.ok()) << ToString(out.error());
    EXPECT_EQ(out->row_of_output, (std::vector<std::int64_t>{1})) << sql;
    EXPECT_EQ(Json(out->rows->column(0)), "[8.5]") << sql;
  }
}

TEST(RowQuery, UnnestRepeatsRowNumbers) {
  for (const char* sql : {"SELECT unnest(tags) AS tag, event_id FROM clicks",
                          "SELECT tag, event_id FROM clicks, unnest(tags) AS u(tag)",
                          "SELECT u.tag, c.event_id FROM clicks c, unnest(c.tags) AS u(tag)"}) {
    auto step = Make(sql, {Clicks()});
    EXPECT_TRUE(step->may_multiply()) << sql << step->plan();
    auto out = RunRows(step, ClickRows());
    ASSERT_TRUE(out.ok()) << ToString(out.error());
    EXPECT_EQ(out->row_of_output, (std::vector<std::int64_t>{0, 0, 3})) << sql;
    EXPECT_EQ(Json(out->rows->column(0)), R"(["x","y","z"])") << sql;
    EXPECT_EQ(Json(out->rows->column(1)), R"(["e0","e0","e3"])") << sql;
  }
}

TEST(RowQuery, StarFormsGiveWhatDuckDbGives) {
  auto step = Make(
      "SELECT * EXCLUDE (ua, tags) REPLACE (upper(city) AS city), clicks.ok AS fine FROM clicks",
      {Clicks()});
  EXPECT_EQ(
      FormatDdl(*step->output_schema()),
      FormatDdl(*Ddl("event_id string, ts timestamp, user_id bigint, session string, event string, "
                     "price double, quantity int, city string, geo struct<lat:double,lon:double>, "
                     "ok boolean, fine boolean")));
  auto out = RunRows(step, ClickRows());
  ASSERT_TRUE(out.ok());
  EXPECT_EQ(Json(out->rows->GetColumnByName("city")), R"(["RIGA","OSLO",null,"BERN"])");
  EXPECT_EQ(Json(out->rows->GetColumnByName("fine")), "[true,false,null,true]");
}

TEST(RowQuery, AColumnWinsOverAnAliasOfTheSameName) {
  auto step =
      Make("SELECT user_id AS price, price + 1 AS next FROM clicks WHERE price > 2", {Clicks()});
  auto out = RunRows(step, ClickRows());
  ASSERT_TRUE(out.ok());
  EXPECT_EQ(Json(out->rows->column(0)), "[8,9]");
  EXPECT_EQ(Json(out->rows->column(1)), "[3.5,5]");
}

TEST(RowQuery, AnAliasCanBeUsedAgain) {
  auto step = Make("SELECT price AS p, p * 2 AS twice FROM clicks WHERE p > 2", {Clicks()});
  auto out = RunRows(step, ClickRows());
  ASSERT_TRUE(out.ok());
  EXPECT_EQ(Json(out->rows->column(1)), "[5,8]");
}

TEST(RowQuery, RowsThatFailAreFoundAndTheRestGoesThrough) {
  const InputSchema input{"t", Ddl("id int, text string")};
  auto step = Make("SELECT id, CAST(text AS INT) AS n FROM t WHERE id <> 3", {input});
  std::string json = "[";
  std::vector<std::int64_t> bad = {0, 5, 2500, 2501, 4999};
  for (int i = 0; i < 5000; ++i) {
    const bool is_bad = std::find(bad.begin(), bad.end(), i) != bad.end();
    json += (i ? ",[" : "[") + std::to_string(i) + ",\"" +
            (is_bad ? "secret" : std::to_string(2 * i)) + "\"]";
  }
  auto out = RunRows(step, Rows(input.schema, json + "]"));
  ASSERT_TRUE(out.ok()) << ToString(out.error());
  ASSERT_EQ(out->failures.size(), bad.size());
  for (std::size_t i = 0; i < bad.size(); ++i) {
    EXPECT_EQ(out->failures[i].row, bad[i]);
    EXPECT_EQ(out->failures[i].code, "sql.row");
    EXPECT_NE(out->failures[i].reason.find("Could not convert"), std::string::npos);
    EXPECT_NE(out->failures[i].reason.find("'secret'"), std::string::npos);
    EXPECT_NE(out->failures[i].shown.find("Could not convert"), std::string::npos);
    EXPECT_EQ(out->failures[i].shown.find("secret"), std::string::npos) << out->failures[i].shown;
  }
  ASSERT_EQ(out->rows->num_rows(), 5000 - 5 - 1);
  const auto& numbers = static_cast<const arrow::Int32Array&>(*out->rows->column(1));
  for (std::size_t i = 0; i < out->row_of_output.size(); ++i) {
    ASSERT_EQ(numbers.Value(static_cast<std::int64_t>(i)), 2 * out->row_of_output[i]);
  }
}

TEST(RowQuery, InfiniteInstantsAreRefused) {
  const InputSchema input{"t", Ddl("text string")};
  const auto rows =
      Rows(input.schema, R"([["1999-12-31"],["infinity"],["-infinity"],[null],["2000-01-01"]])");
  for (const char* type : {"TIMESTAMP", "TIMESTAMPTZ", "DATE"}) {
    auto out =
        RunRows(Make("SELECT CAST(text AS " + std::string(type) + ") AS at FROM t", {input}), rows);
    ASSERT_TRUE(out.ok()) << type << ": " << ToString(out.error());
    EXPECT_EQ(out->row_of_output, (std::vector<std::int64_t>{0, 3, 4})) << type;
    ASSERT_EQ(out->failures.size(), 2u) << type;
    EXPECT_EQ(out->failures[1].row, 2) << type;
    EXPECT_EQ(out->failures[0].code, "sql.row");
  }
  auto listed = RunRows(Make("SELECT [CAST(text AS DATE)] AS days FROM t", {input}), rows);
  ASSERT_TRUE(listed.ok());
  EXPECT_EQ(listed->failures.size(), 2u);
}

TEST(RowQuery, AllRowsMayFail) {
  const InputSchema input{"t", Ddl("text string")};
  auto out = RunRows(Make("SELECT text::INT AS n FROM t", {input}),
                     Rows(input.schema, R"([["a"],["b"]])"));
  ASSERT_TRUE(out.ok());
  EXPECT_EQ(out->failures.size(), 2u);
  EXPECT_EQ(out->rows->num_rows(), 0);
}

TEST(RowQuery, AValueThatNoColumnCanHoldIsARowsFailure) {
  const InputSchema input{"t", Ddl("n bigint")};
  auto step = Make("SELECT n::HUGEINT * 1000000000000000000 * 15 AS big FROM t", {input});
  EXPECT_EQ(FormatDdl(*step->output_schema()), FormatDdl(*Ddl("big decimal(38,0)")));
  auto out = RunRows(step, Rows(input.schema, "[[1],[9223372036854775807],[-2],[null]]"));
  ASSERT_TRUE(out.ok()) << ToString(out.error());
  ASSERT_EQ(out->failures.size(), 1u);
  EXPECT_EQ(out->failures[0].row, 1);
  EXPECT_EQ(Json(out->rows->column(0)), "[15000000000000000000,-30000000000000000000,null]");
}

TEST(RowQuery, NowIsTheEpochsAndTheSameForAllOfIt) {
  const InputSchema input{"t", Ddl("id int")};
  auto step = Make(
      "SELECT now() AS a, current_timestamp AS b, transaction_timestamp() AS c, "
      "get_current_timestamp() AS d, "
      "current_date AS e, today() AS f, localtimestamp AS g, current_localtimestamp() AS h, "
      "CAST(current_time AS VARCHAR) AS i, CAST(localtime AS VARCHAR) AS j FROM t",
      {input});
  auto query = step->OpenRow();
  ASSERT_TRUE(query.ok()) << ToString(query.error());
  for (const std::int64_t now :
       {1'600'000'000'123'456, 1'700'000'000'000'001, 1'600'000'000'123'456}) {
    auto out = (*query)->Apply(Rows(input.schema, "[[1],[2],[3]]"), now);
    ASSERT_TRUE(out.ok()) << ToString(out.error());
    for (const char* name : {"a", "b", "c", "d", "g", "h"}) {
      const auto& values =
          static_cast<const arrow::TimestampArray&>(*out->rows->GetColumnByName(name));
      for (int i = 0; i < 3; ++i) EXPECT_EQ(values.Value(i), now) << name;
    }
    for (const char* name : {"e", "f"}) {
      const auto& values =
          static_cast<const arrow::Date32Array&>(*out->rows->GetColumnByName(name));
      EXPECT_EQ(values.Value(2), now / 86'400'000'000) << name;
    }
  }
  auto out = (*query)->Apply(Rows(input.schema, "[[1]]"), 3'723'000'004);
  ASSERT_TRUE(out.ok());
  EXPECT_EQ(Json(out->rows->GetColumnByName("i")), R"(["01:02:03.000004+00"])");
  EXPECT_EQ(Json(out->rows->GetColumnByName("j")), R"(["01:02:03.000004"])");
}

TEST(RowQuery, RandomIsAllowed) {
  const InputSchema input{"t", Ddl("id int")};
  auto out = RunRows(Make("SELECT random() AS r, uuid() AS u, id FROM t", {input}),
                     Rows(input.schema, "[[1],[2]]"));
  ASSERT_TRUE(out.ok());
  const auto& ids = static_cast<const arrow::StringArray&>(*out->rows->column(1));
  EXPECT_EQ(ids.GetView(0).size(), 36u);
  EXPECT_NE(ids.GetView(0), ids.GetView(1));
}

TEST(RowQuery, EmptyBatchesAndImpossibleFilters) {
  const InputSchema input{"t", Ddl("id int, s string")};
  auto out = RunRows(Make("SELECT id + 1 AS n, s FROM t", {input}), Rows(input.schema, "[]"));
  ASSERT_TRUE(out.ok());
  EXPECT_EQ(out->rows->num_rows(), 0);
  out = RunRows(Make("SELECT id + 1 AS n, s FROM t WHERE 1 = 0", {input}),
                Rows(input.schema, R"([[1,"a"]])"));
  ASSERT_TRUE(out.ok());
  EXPECT_EQ(out->rows->num_rows(), 0);
}

TEST(RowQuery, SlicedBatchesWork) {
  auto out = RunRows(
      Make("SELECT *, geo.lat + 1 AS l, len(tags) AS n, upper(ua) AS u FROM clicks WHERE ok",
           {Clicks()}),
      ClickRows()->Slice(1));
  ASSERT_TRUE(out.ok());
  EXPECT_EQ(out->row_of_output, std::vector<std::int64_t>{2});
  EXPECT_EQ(Json(out->rows->GetColumnByName("l")), "[2]");
  EXPECT_EQ(Json(out->rows->GetColumnByName("n")), "[1]");
  EXPECT_EQ(Json(out->rows->GetColumnByName("u")), R"(["ALONGUSERAGENTTEXT"])");
}

TEST(RowQuery, FieldsOfANullStructAreNull) {
  auto out = RunRows(Make("SELECT geo.lat IS NULL AS none FROM clicks", {Clicks()}), ClickRows());
  ASSERT_TRUE(out.ok());
  EXPECT_EQ(Json(out->rows->column(0)), "[false,true,true,false]");
}

TEST(RowQuery, AnotherSchemaIsABug) {
  auto step = Make("SELECT price + 1 AS p FROM clicks", {Clicks()});
  auto query = step->OpenRow();
  ASSERT_TRUE(query.ok());
  const SchemaPtr other = Ddl("price string");
  auto out = (*query)->Apply(Rows(other, R"([["a"]])"), 0);
  ASSERT_FALSE(out.ok());
  EXPECT_EQ(out.error().blame, Blame::kBug);
}

TEST(RowQuery, TimeZonesAreUtc) {
  const InputSchema input{"t", Ddl("ts timestamp")};
  auto out = RunRows(Make("SELECT date_trunc('day', ts) AS d, strftime(ts, '%H:%M') AS h, "
                          "ts AT TIME ZONE 'America/New_York' AS ny FROM t",
                          {input}),
                     Rows(input.schema, "[[1700000000000000]]"));
  ASSERT_TRUE(out.ok()) << ToString(out.error());
  EXPECT_EQ(static_cast<const arrow::TimestampArray&>(*out->rows->column(0)).Value(0),
            1699920000000000);
  EXPECT_EQ(Json(out->rows->column(1)), R"(["22:13"])");
  EXPECT_EQ(static_cast<const arrow::TimestampArray&>(*out->rows->column(2)).Value(0),
            1699982000000000);
}

}  // namespace
}  // namespace sluice
