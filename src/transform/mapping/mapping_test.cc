// ApplyMapping: paths, nesting, casts, failures.

#include <arrow/api.h>
#include <arrow/json/from_string.h>
#include <gtest/gtest.h>

#include "transform/mapping/mapping_transform.h"

namespace sluice {
namespace {

using Mapping = std::vector<std::vector<std::string>>;

InputSchema Input(const std::string& ddl) {
  auto schema = ParseDdl(ddl);
  EXPECT_TRUE(schema.ok());
  return {"in", *schema};
}

Result<RowOutput> Apply(const Mapping& mapping, const InputSchema& input, const std::string& json) {
  TRY(auto step, MakeMappingTransform(mapping, input));
  EXPECT_TRUE(step->row_by_row());
  auto rows = arrow::json::ArrayFromJSONString(arrow::struct_(input.schema->fields()), json);
  EXPECT_TRUE(rows.ok()) << rows.status();
  auto flat = static_cast<const arrow::StructArray&>(**rows).Flatten();
  auto batch = arrow::RecordBatch::Make(input.schema, (*rows)->length(), *flat);
  TRY(auto query, step->OpenRow());
  auto output = query->Apply(batch, 0);
  if (output.ok()) {
    EXPECT_TRUE(output->rows->ValidateFull().ok()) << output->rows->ValidateFull();
  }
  return output;
}

std::string Text(const RowOutput& output) {
  std::string text;
  for (std::int64_t r = 0; r < output.rows->num_rows(); ++r) {
    for (const auto& column : output.rows->columns()) {
      text += (*column->GetScalar(r))->ToString() + ";";
    }
  }
  return text;
}

TEST(Mapping, RenamesNestsAndDrops) {
  const InputSchema input =
      Input("id int, geo struct<lat:double,lon:double>, `a.b` string, gone string");
  auto step = MakeMappingTransform({{"ID", "int", "key", "bigint"},
                                    {"geo.lat", "place.latitude"},
                                    {"`a.b`", "place.`x.y`", "string"},
                                    {"geo", "struct", "geo", "struct"}},
                                   input);
  ASSERT_TRUE(step.ok()) << ToString(step.error());
  EXPECT_EQ(FormatDdl(*(*step)->output_schema()),
            FormatDdl(*Input("key bigint, place struct<latitude:double,`x.y`:string>, geo "
                             "struct<lat:double,lon:double>")
                           .schema));
  auto out =
      Apply({{"id", "key", "bigint"}, {"geo.lat", "place.latitude"}, {"`a.b`", "place.name"}},
            input, R"([[1, [1.5, 2.5], "x", "g"], [2, null, null, "g"]])");
  ASSERT_TRUE(out.ok()) << ToString(out.error());
  EXPECT_EQ(out->row_of_output, (std::vector<std::int64_t>{0, 1}));
  const auto& place = static_cast<const arrow::StructArray&>(*out->rows->column(1));
  EXPECT_EQ(place.field(0)->null_count(), 1);
  EXPECT_EQ(static_cast<const arrow::DoubleArray&>(*place.field(0)).Value(0), 1.5);
}

struct CastCase {
  const char* from;
  const char* to;
  const char* json;    ///< One value.
  const char* result;  ///< nullptr: the row fails.
};

class MappingCast : public testing::TestWithParam<CastCase> {};

TEST_P(MappingCast, GivesWhatSparkGivesOrFails) {
  const CastCase& c = GetParam();
  auto out = Apply({{"v", "w", c.to}}, Input(std::string("v ") + c.from),
                   std::string("[[") + c.json + "],[null]]");
  ASSERT_TRUE(out.ok()) << ToString(out.error());
  if (c.result == nullptr) {
    ASSERT_EQ(out->failures.size(), 1u);
    EXPECT_EQ(out->failures[0].row, 0);
    EXPECT_EQ(out->failures[0].code, "mapping.convert");
    EXPECT_EQ(out->failures[0].field, "v");
    EXPECT_EQ(out->row_of_output, std::vector<std::int64_t>{1});
    EXPECT_EQ(Text(*out), "null;");
  } else {
    EXPECT_TRUE(out->failures.empty());
    EXPECT_EQ(Text(*out), std::string(c.result) + ";null;");
  }
}

INSTANTIATE_TEST_SUITE_P(
    Casts, MappingCast,
    testing::Values(
        CastCase{"string", "int", "\" 42 \"", "42"}, CastCase{"string", "int", "\"+7\"", "7"},
        CastCase{"string", "int", "\"4x\"", nullptr}, CastCase{"string", "int", "\"\"", nullptr},
        CastCase{"string", "int", "\"2147483648\"", nullptr},
        CastCase{"string", "bigint", "\"-9223372036854775808\"", "-9223372036854775808"},
        CastCase{"string", "bigint", "\"9223372036854775808\"", nullptr},
        CastCase{"string", "double", "\"1e3\"", "1000"},
        CastCase{"string", "double", "\"abc\"", nullptr},
        CastCase{"string", "boolean", "\"Yes\"", "true"},
        CastCase{"string", "boolean", "\"0\"", "false"},
        CastCase{"string", "boolean", "\"maybe\"", nullptr},
        CastCase{"string", "date", "\"2026-02-28\"", "2026-02-28"},
        CastCase{"string", "date", "\"2026-02-30\"", nullptr},
        CastCase{"string", "timestamp", "\"2026-01-02T03:04:05+01:00\"",
                 "2026-01-02 02:04:05.000000Z"},
        CastCase{"string", "decimal(5,2)", "\"1.005\"", "1.01"},
        CastCase{"string", "decimal(5,2)", "\"1000\"", nullptr},
        CastCase{"string", "binary", "\"ab\"", "ab"},
        CastCase{"bigint", "int", "2147483648", nullptr},
        CastCase{"bigint", "tinyint", "-128", "-128"}, CastCase{"bigint", "string", "-5", "-5"},
        CastCase{"bigint", "boolean", "2", "true"}, CastCase{"boolean", "int", "true", "1"},
        CastCase{"bigint", "timestamp", "60", "1970-01-01 00:01:00.000000Z"},
        CastCase{"timestamp", "bigint", "-1", "-1"},
        CastCase{"timestamp", "date", "-1", "1969-12-31"}, CastCase{"double", "int", "-1.9", "-1"},
        CastCase{"double", "int", "1e10", nullptr}, CastCase{"double", "bigint", "1e19", nullptr},
        CastCase{"double", "string", "1.0", "1.0"},
        CastCase{"double", "string", "1.5e10", "1.5E10"},
        CastCase{"double", "string", "0.0001", "1.0E-4"}, CastCase{"float", "string", "0.1", "0.1"},
        CastCase{"double", "decimal(4,1)", "2.25", "2.3"},
        CastCase{"double", "decimal(4,1)", "1e6", nullptr},
        CastCase{"decimal(10,2)", "int", "\"-3.99\"", "-3"},
        CastCase{"decimal(10,2)", "decimal(5,1)", "\"3.95\"", "4.0"},
        CastCase{"decimal(10,2)", "string", "\"3.90\"", "3.90"},
        CastCase{"decimal(10,2)", "double", "\"3.90\"", "3.9"},
        CastCase{"date", "string", "-719162", "0001-01-01"},
        CastCase{"date", "timestamp", "1", "1970-01-02 00:00:00.000000Z"},
        CastCase{"timestamp", "string", "1500000", "1970-01-01 00:00:01.5"},
        CastCase{"timestamp", "string", "-1", "1969-12-31 23:59:59.999999"}));

TEST(Mapping, ARowFailsOnceAndTheOthersGoThrough) {
  auto out = Apply({{"a", "a", "int"}, {"b", "b", "int"}}, Input("a string, b string"),
                   R"([["1","2"],["x","y"],["3","z"],["5","6"]])");
  ASSERT_TRUE(out.ok());
  EXPECT_EQ(out->row_of_output, (std::vector<std::int64_t>{0, 3}));
  ASSERT_EQ(out->failures.size(), 2u);
  EXPECT_EQ(out->failures[0].row, 1);
  EXPECT_EQ(out->failures[0].field, "a");
  EXPECT_EQ(out->failures[1].row, 2);
  EXPECT_EQ(out->failures[1].field, "b");
}

TEST(Mapping, MistakesAreTold) {
  const InputSchema input = Input("user_id int, geo struct<lat:double>, Name string, name string");
  struct Case {
    Mapping mapping;
    const char* code;
    const char* says;
  };
  for (const Case& c : {
           Case{{}, "mapping.entry", "empty"},
           Case{{{"user_id", "id"}, {"a"}}, "mapping.entry", "entry 2: "},
           Case{{{"user_idd", "id"}}, "mapping.source", "did you mean \"user_id\"?"},
           Case{{{"geo.lta", "lat"}}, "mapping.source", "the struct geo"},
           Case{{{"user_id.x", "lat"}}, "mapping.source", "has no fields"},
           Case{{{"NAME", "n"}}, "mapping.source", "both Name and name"},
           Case{{{"user_id", "string", "id", "string"}}, "mapping.source", "is int, not string"},
           Case{{{"geo", "g", "string"}}, "mapping.cast", "cannot be cast"},
           Case{{{"user_id", "a"}, {"geo", "a"}}, "mapping.target", "already"},
           Case{{{"user_id", "a"}, {"geo", "a.b"}}, "mapping.target", "already"},
           Case{{{"user_id", "a"}, {"geo", "A"}}, "mapping.target", "only in case"},
           Case{{{"user_id", "a.x"}, {"geo", "A.y"}}, "mapping.target", "only in case"},
           Case{{{"`user_id", "a"}}, "mapping.path", "back-tick"},
           Case{{{"geo..lat", "a"}}, "mapping.path", "empty part"},
       }) {
    auto step = MakeMappingTransform(c.mapping, input);
    ASSERT_FALSE(step.ok()) << c.says;
    EXPECT_EQ(step.error().blame, Blame::kUser);
    EXPECT_EQ(step.error().code, c.code) << step.error().message;
    EXPECT_NE(step.error().message.find(c.says), std::string::npos) << step.error().message;
  }
}

}  // namespace
}  // namespace sluice
