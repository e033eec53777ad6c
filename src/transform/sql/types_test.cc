// Every type through DuckDB and past it: the same rows, the same schema.

#include <arrow/array/builder_base.h>
#include <arrow/util/decimal.h>
#include <gtest/gtest.h>

#include <random>

#include "transform/sql/transform_fixture.h"

namespace sluice {
namespace {

constexpr const char* kAllTypes =
    "b boolean NOT NULL, i8 tinyint, i16 smallint, i32 int COMMENT 'a number', i64 bigint, f "
    "float, d double, "
    "dec4 decimal(4,2), dec9 decimal(9,0), dec18 decimal(18,6), dec38 decimal(38,10), s string, "
    "bin binary, "
    "da date, ts timestamp, tn timestamp_ntz, l array<int>, ls array<string>, ll "
    "array<array<string>>, "
    "m map<string,int>, st struct<a:int,b:string,c:struct<d:array<double>,e:timestamp>>, "
    "lst array<struct<x:decimal(9,2),y:map<string,array<bigint>>>>, ms "
    "map<bigint,struct<z:binary>>";

/// Random arrays of a type, nulls in one of five where they are allowed.
class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  std::shared_ptr<arrow::Array> Array(const std::shared_ptr<arrow::DataType>& type, int rows,
                                      bool nullable) {
    auto builder = *arrow::MakeBuilder(type);
    for (int i = 0; i < rows; ++i) Append(builder.get(), nullable);
    return *builder->Finish();
  }

 private:
  std::int64_t Number() { return static_cast<std::int64_t>(random_()) - (1LL << 31); }
  std::string Text() {
    static const char* parts[] = {"",
                                  "a",
                                  "twelve bytes",
                                  "thirteen byte",
                                  "Zürich",
                                  "a longer text \xF0\x9F\x98\x80 that is not inlined"};
    return parts[random_() % 6] + std::string(random_() % 3, 'q');
  }

  template <typename B, typename T>
  void Add(arrow::ArrayBuilder* builder, T value) {
    EXPECT_TRUE(static_cast<B*>(builder)->Append(value).ok());
  }

  void Append(arrow::ArrayBuilder* builder, bool nullable) {
    if (nullable && random_() % 5 == 0) {
      EXPECT_TRUE(builder->AppendNull().ok());
      return;
    }
    const auto own = builder->type();  // Made anew by builders of nested types.
    const auto& type = *own;
    switch (type.id()) {
      case arrow::Type::BOOL:
        return Add<arrow::BooleanBuilder>(builder, random_() % 2 == 0);
      case arrow::Type::INT8:
        return Add<arrow::Int8Builder>(builder, static_cast<std::int8_t>(Number()));
      case arrow::Type::INT16:
        return Add<arrow::Int16Builder>(builder, static_cast<std::int16_t>(Number()));
      case arrow::Type::INT32:
        return Add<arrow::Int32Builder>(builder, static_cast<std::int32_t>(Number()));
      case arrow::Type::INT64:
        return Add<arrow::Int64Builder>(builder, Number() * 1'000'003);
      case arrow::Type::FLOAT:
        return Add<arrow::FloatBuilder>(builder, static_cast<float>(Number()) / 7);
      case arrow::Type::DOUBLE:
        return Add<arrow::DoubleBuilder>(builder, static_cast<double>(Number()) / 7);
      case arrow::Type::DATE32:
        return Add<arrow::Date32Builder>(builder, static_cast<std::int32_t>(Number() % 100000));
      case arrow::Type::TIMESTAMP:
        return Add<arrow::TimestampBuilder>(builder, Number() * 1'000'003);
      case arrow::Type::STRING:
        return Add<arrow::StringBuilder>(builder, Text());
      case arrow::Type::BINARY:
        return Add<arrow::BinaryBuilder>(builder, Text() + std::string("\0\xFF", 2));
      case arrow::Type::DECIMAL128: {
        const int precision = static_cast<const arrow::Decimal128Type&>(type).precision();
        arrow::Decimal128 value(Number());
        if (precision > 18) value *= arrow::Decimal128(Number()) * arrow::Decimal128(1'000'003);
        if (precision <= 9)
          value = arrow::Decimal128(Number() % (precision == 4 ? 10'000 : 1'000'000'000));
        return Add<arrow::Decimal128Builder>(builder, value);
      }
      case arrow::Type::LIST: {
        auto* list = static_cast<arrow::ListBuilder*>(builder);
        EXPECT_TRUE(list->Append().ok());
        for (auto n = random_() % 4; n > 0; --n) Append(list->value_builder(), true);
        return;
      }
      case arrow::Type::MAP: {
        auto* map = static_cast<arrow::MapBuilder*>(builder);
        EXPECT_TRUE(map->Append().ok());
        const auto n = random_() % 3;
        for (unsigned i = 0; i < n; ++i) {
          if (map->key_builder()->type()->id() == arrow::Type::STRING) {
            Add<arrow::StringBuilder>(map->key_builder(), Text() + std::to_string(i));
          } else {
            Add<arrow::Int64Builder>(map->key_builder(), static_cast<std::int64_t>(i));
          }
          Append(map->item_builder(), true);
        }
        return;
      }
      default: {
        auto* structure = static_cast<arrow::StructBuilder*>(builder);
        EXPECT_TRUE(structure->Append().ok());
        for (int i = 0; i < structure->num_children(); ++i)
          Append(structure->child_builder(i).get(), true);
      }
    }
  }

  std::mt19937 random_;
};

std::shared_ptr<arrow::RecordBatch> Batch(const SchemaPtr& schema, int rows, unsigned seed) {
  Generator generator(seed);
  arrow::ArrayVector arrays;
  for (const auto& field : schema->fields()) {
    arrays.push_back(generator.Array(field->type(), rows, field->nullable()));
  }
  auto batch = arrow::RecordBatch::Make(schema, rows, arrays);
  EXPECT_TRUE(batch->ValidateFull().ok()) << batch->ValidateFull();
  return batch;
}

TEST(Types, EveryWayGivesTheSameRowsAndTheSameSchema) {
  const InputSchema input{"t", Ddl(kAllTypes)};
  auto engine = Engine();
  auto bypass = Make("SELECT * FROM t", {input}, engine);
  EXPECT_EQ(bypass->plan(), "picks and renames columns, no SQL");
  // coalesce(x, x) is computed by DuckDB; the subquery carries all columns through it.
  std::string computed;
  for (const auto& name : input.schema->field_names()) {
    computed += (computed.empty() ? "" : ", ") +
                ("CASE WHEN random() < 2 THEN " + name + " END AS " + name);
  }
  auto through = Make("SELECT " + computed + " FROM t", {input}, engine);
  EXPECT_EQ(through->plan(), "row by row in SQL");
  auto filtered = Make("SELECT * FROM t WHERE random() < 2", {input}, engine);
  auto open = Make("SELECT * FROM t ORDER BY 1 = 1", {input}, engine);
  EXPECT_TRUE(bypass->output_schema()->Equals(*through->output_schema(), true))
      << bypass->output_schema()->ToString() << "\n"
      << through->output_schema()->ToString();
  EXPECT_TRUE(bypass->output_schema()->Equals(*filtered->output_schema(), true));
  EXPECT_TRUE(bypass->output_schema()->Equals(*open->output_schema(), true));
  auto canonical = CanonicalSchema(*bypass->output_schema());
  ASSERT_TRUE(canonical.ok());
  EXPECT_TRUE(bypass->output_schema()->Equals(**canonical, true)) << (*canonical)->ToString();

  for (unsigned seed = 0; seed < 12; ++seed) {
    const int rows = seed == 0 ? 0 : static_cast<int>(seed * seed * 41);
    auto whole = Batch(input.schema, rows, seed);
    for (const auto& batch : {whole, whole->Slice(rows / 3, rows / 2)}) {
      auto expected = RunRows(bypass, batch);
      ASSERT_TRUE(expected.ok()) << ToString(expected.error());
      for (const auto& step : {through, filtered}) {
        auto out = RunRows(step, batch);
        ASSERT_TRUE(out.ok()) << ToString(out.error());
        EXPECT_EQ(out->row_of_output, expected->row_of_output);
        for (int c = 0; c < expected->rows->num_columns(); ++c) {
          EXPECT_TRUE(out->rows->column(c)->Equals(*expected->rows->column(c)))
              << step->output_schema()->field(c)->ToString() << " seed " << seed;
        }
      }
      if (open->row_by_row()) continue;
      auto out = RunEpoch(open, {{batch->Slice(0, rows / 5), batch->Slice(rows / 5)}});
      ASSERT_TRUE(out.ok()) << ToString(out.error());
      EXPECT_EQ((*out)->num_rows(), batch->num_rows());
    }
  }
}

TEST(Types, AFilterTakesTheRightRowsOfEveryType) {
  const InputSchema input{"t", Ddl(kAllTypes)};
  auto copied = Make("SELECT * FROM t WHERE i32 % 3 = 0", {input});
  auto through =
      Make("SELECT x.* FROM (SELECT *, i32 % 3 AS third FROM t) x WHERE x.third = 0", {input});
  auto batch = Batch(input.schema, 5000, 99);
  auto a = RunRows(copied, batch);
  auto b = RunRows(through, batch);
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_GT(a->row_of_output.size(), 1000u);
  EXPECT_EQ(a->row_of_output, b->row_of_output);
  for (int c = 0; c < a->rows->num_columns(); ++c) {
    EXPECT_TRUE(a->rows->column(c)->Equals(*b->rows->column(c))) << input.schema->field(c)->name();
  }
}

TEST(Types, OtherResultTypesBecomeCanonicalOnes) {
  const InputSchema input{"t", Ddl("n int")};
  auto step = Make(
      "SELECT n::UTINYINT AS a, n::USMALLINT AS b, n::UINTEGER AS c, n::UBIGINT AS d, n::HUGEINT "
      "AS e, "
      "n::UHUGEINT AS f, 'x'::ENUM('y', 'x') AS g, '6ba7b810-9dad-11d1-80b4-00c04fd430c8'::UUID AS "
      "h, "
      "'2020-01-01'::TIMESTAMP_S AS i, '2020-01-01'::TIMESTAMP_MS AS j, [n, n]::INT[2] AS k, NULL "
      "AS l, "
      "'{}'::JSON AS m, [n::UTINYINT] AS o FROM t",
      {input});
  EXPECT_EQ(
      FormatDdl(*step->output_schema()),
      FormatDdl(
          *Ddl("a smallint, b int, c bigint, d decimal(20,0), e decimal(38,0), f decimal(38,0), g "
               "string, h string, i timestamp_ntz, j timestamp_ntz, k array<int>, l int, m string, "
               "o array<smallint>")));
  auto out = RunRows(step, Rows(input.schema, "[[200]]"));
  ASSERT_TRUE(out.ok()) << ToString(out.error());
  const char* expected[] = {"200",
                            "200",
                            "200",
                            "200",
                            "200",
                            "200",
                            "x",
                            "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
                            "2020-01-01 00:00:00.000000",
                            "2020-01-01 00:00:00.000000"};
  for (int c = 0; c < 10; ++c)
    EXPECT_EQ((*out->rows->column(c)->GetScalar(0))->ToString(), expected[c]);
  const auto& k = static_cast<const arrow::ListArray&>(*out->rows->column(10));
  EXPECT_EQ(k.value_length(0), 2);
}

/// Arrow allows values under a null struct; in SQL a field of a null struct is null.
TEST(Types, TheFieldsOfANullStructAreNull) {
  const InputSchema input{"t", Ddl("st struct<a:int,in:struct<b:string>>")};
  auto whole = Rows(input.schema, R"([[[7, ["x"]]], [[8, ["y"]]], [[9, ["z"]]]])");
  auto data = whole->column(0)->data()->Copy();
  const std::uint8_t second_is_null = 0b101;
  auto bits = arrow::AllocateBitmap(3);
  ASSERT_TRUE(bits.ok());
  (*bits)->mutable_data()[0] = second_is_null;
  data->buffers[0] = *std::move(bits);
  data->null_count = 1;
  auto batch = arrow::RecordBatch::Make(input.schema, 3, {arrow::MakeArray(data)});
  ASSERT_TRUE(batch->ValidateFull().ok());
  auto step =
      Make("SELECT st.a AS a, st['in'].b AS b, st.a IS NULL AND st['in'].b IS NULL AS none FROM t",
           {input});
  auto out = RunRows(step, batch);
  ASSERT_TRUE(out.ok()) << ToString(out.error());
  auto expected =
      Rows(step->output_schema(), R"([[7, "x", false], [null, null, true], [9, "z", false]])");
  EXPECT_TRUE(out->rows->Equals(*expected)) << out->rows->ToString();
}

TEST(Types, ASumOfBigintsIsADecimal) {
  const InputSchema input{"t", Ddl("n bigint")};
  auto step = Make("SELECT sum(n) AS s FROM t", {input});
  EXPECT_EQ(FormatDdl(*step->output_schema()), FormatDdl(*Ddl("s decimal(38,0)")));
  auto out =
      RunEpoch(step, {{Rows(input.schema, "[[9223372036854775807],[9223372036854775807]]")}});
  ASSERT_TRUE(out.ok());
  EXPECT_EQ((*(*out)->column(0)->GetScalar(0))->ToString(), "18446744073709551614");
}

}  // namespace
}  // namespace sluice
