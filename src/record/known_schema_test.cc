#include "record/known_schema.h"

#include <arrow/type.h>
#include <gtest/gtest.h>

#include <random>

namespace sluice {
namespace {

SchemaPtr Ddl(const std::string& text) {
  auto schema = ParseDdl(text);
  EXPECT_TRUE(schema.ok()) << text;
  return *schema;
}

/// Records with these columns.
ObservedType Seen(const std::string& ddl) {
  ObservedType seen;
  seen.SeeType(*arrow::struct_(Ddl(ddl)->fields()));
  return seen;
}

KnownSchema Learn(const KnownSchema& known, const ObservedType& seen, const SchemaCaps& caps = {}) {
  return known.Merge(seen, caps).schema;
}

std::string Columns(const KnownSchema& known) { return FormatDdl(*known.schema()); }

std::string TypeText(const ObservedType& seen) {
  const auto type = ResolveType(seen);
  return type == nullptr ? "nothing" : FormatDdlType(*type);
}

TEST(ObservedType, KindsMeetInTheLeastTypeAboveThem) {
  const auto of = [](std::initializer_list<SeenKind> kinds) {
    ObservedType seen;
    for (const SeenKind kind : kinds) seen.See(kind);
    return TypeText(seen);
  };
  EXPECT_EQ(of({SeenKind::kNull}), "nothing");
  EXPECT_EQ(of({SeenKind::kNull, SeenKind::kInt64}), "bigint");
  EXPECT_EQ(of({SeenKind::kInt64, SeenKind::kDouble}), "double");
  EXPECT_EQ(of({SeenKind::kInt16, SeenKind::kFloat}), "float");
  EXPECT_EQ(of({SeenKind::kInt32, SeenKind::kFloat}), "double");
  EXPECT_EQ(of({SeenKind::kBool, SeenKind::kInt64}), "string");
  EXPECT_EQ(of({SeenKind::kInt64, SeenKind::kHugeNumber}), "string");
  EXPECT_EQ(of({SeenKind::kDate, SeenKind::kTimestamp}), "timestamp");
  EXPECT_EQ(of({SeenKind::kTimestampNtz, SeenKind::kTimestamp}), "string");
  EXPECT_EQ(of({SeenKind::kString, SeenKind::kBinary}), "string");
  EXPECT_EQ(of({SeenKind::kInt64, SeenKind::kStruct}), "string");
  EXPECT_EQ(of({SeenKind::kInt64, SeenKind::kEmptyList}), "bigint");
}

TEST(ObservedType, FieldsComeInTheOrderOfTheRecords) {
  ObservedType seen;
  seen.See(SeenKind::kStruct);
  seen.Field("zebra", 0)->See(SeenKind::kInt64);
  seen.Field("apple", 1)->See(SeenKind::kString);
  seen.Field("never", 2)->See(SeenKind::kNull);
  seen.Field("kiwi", 1)->See(SeenKind::kBool);
  EXPECT_EQ(TypeText(seen), "struct<zebra:bigint,apple:string,kiwi:boolean>");
}

/// A few names and all kinds, so that observations often meet.
ObservedType Random(std::mt19937* random, int depth) {
  ObservedType seen;
  const auto below = [&](int n) { return static_cast<int>((*random)() % n); };
  for (int i = below(3); i >= 0; --i) {
    const auto kind = static_cast<SeenKind>(below(depth > 2 ? 17 : kNumSeenKinds));
    if (kind == SeenKind::kDecimal) {
      const int scale = below(20);
      seen.SeeDecimal(scale + 1 + below(18), scale);
      continue;
    }
    seen.See(kind);
    if (kind == SeenKind::kList || kind == SeenKind::kMap) {
      seen.Element()->Merge(Random(random, depth + 1));
    }
    if (kind != SeenKind::kStruct) continue;
    for (int f = below(4); f >= 0; --f) {
      const std::string name(1, static_cast<char>('a' + below(5)));
      seen.Field(name, static_cast<std::uint32_t>(below(5)))->Merge(Random(random, depth + 1));
    }
  }
  return seen;
}

ObservedType Copy(const ObservedType& seen) {
  ObservedType copy;
  copy.Merge(seen);
  return copy;
}

ObservedType Merged(const ObservedType& a, const ObservedType& b) {
  ObservedType out = Copy(a);
  out.Merge(b);
  return out;
}

TEST(ObservedType, MergingIsCommutativeAssociativeAndIdempotent) {
  for (std::uint32_t seed = 0; seed < 20'000; ++seed) {
    std::mt19937 random(seed);
    const ObservedType a = Random(&random, 0), b = Random(&random, 0), c = Random(&random, 0);
    ASSERT_EQ(TypeText(Merged(a, b)), TypeText(Merged(b, a))) << seed;
    ASSERT_EQ(TypeText(Merged(Merged(a, b), c)), TypeText(Merged(a, Merged(b, c)))) << seed;
    ASSERT_EQ(TypeText(Merged(a, a)), TypeText(a)) << seed;
  }
}

/// What is known is a type and no longer what was seen: nothing may depend on that.
TEST(ObservedType, ATypeStandsForAllThatWasSeenOfScalars) {
  for (std::uint32_t seed = 0; seed < 20'000; ++seed) {
    std::mt19937 random(seed);
    ObservedType a, b;
    for (ObservedType* seen : {&a, &b}) {
      for (int i = 0; i < 3; ++i) {
        const auto kind = static_cast<SeenKind>(random() % 17);
        if (kind == SeenKind::kDecimal) {
          seen->SeeDecimal(9, static_cast<int>(random() % 9));
        } else {
          seen->See(kind);
        }
      }
    }
    ObservedType stands;
    if (const auto type = ResolveType(a)) stands.SeeType(*type);
    ASSERT_EQ(TypeText(Merged(stands, b)), TypeText(Merged(a, b))) << seed;
    const auto joined = JoinTypes(ResolveType(a), ResolveType(b));
    ASSERT_EQ(joined == nullptr ? "nothing" : FormatDdlType(*joined), TypeText(Merged(a, b)))
        << seed;
  }
}

TEST(KnownSchema, BeforeItIsWrittenAColumnTakesAnyType) {
  KnownSchema known = Learn({}, Seen("id bigint, price bigint, geo struct<lat:bigint>"));
  EXPECT_EQ(known.version(), 1);
  const auto change =
      known.Merge(Seen("price string, geo struct<lat:double>, new boolean"), SchemaCaps());
  EXPECT_EQ(Columns(change.schema), "id bigint, price string, geo struct<lat:double>, new boolean");
  EXPECT_TRUE(change.retypes);
  EXPECT_EQ(change.schema.version(), 2);
  EXPECT_EQ(change.what, (std::vector<std::string>{"price: bigint -> string",
                                                   "geo.lat: bigint -> double", "+ new boolean"}));
}

TEST(KnownSchema, WhatIsWrittenOnlyWidensAsFarAsOldFilesAreRead) {
  const KnownSchema known =
      Learn({}, Seen("a int, b bigint, c float, d date, e string, f boolean, g int")).Written();
  const auto change = known.Merge(
      Seen("a bigint, b double, c double, d timestamp_ntz, e bigint, f bigint, g double"),
      SchemaCaps());
  EXPECT_EQ(Columns(change.schema),
            "a bigint, b bigint, c double, d timestamp_ntz, e string, f boolean, g double");
  EXPECT_FALSE(change.retypes);
  // The wider types are not written yet, but files with the narrower ones are there.
  EXPECT_EQ(Columns(Learn(change.schema, Seen("a string, c string"))), Columns(change.schema));
}

TEST(KnownSchema, NestedFieldsAreAddedWhereverTheyAre) {
  const KnownSchema known =
      Learn({}, Seen("g struct<x:int>, l array<struct<y:int>>, m map<string,struct<z:int>>"))
          .Written();
  EXPECT_EQ(Columns(Learn(known, Seen("g struct<x:bigint,x2:string>, l array<struct<y2:int>>, m "
                                      "map<string,struct<z2:boolean>>"))),
            "g struct<x:bigint,x2:string>, l array<struct<y:int,y2:int>>, m "
            "map<string,struct<z:int,z2:boolean>>");
}

TEST(KnownSchema, NothingNewIsNoChange) {
  const KnownSchema known = Learn({}, Seen("a bigint, b struct<c:string>")).Written();
  const auto change = known.Merge(Seen("b struct<c:string>"), SchemaCaps());
  EXPECT_FALSE(change.changed());
  EXPECT_EQ(change.schema.version(), 1);
  ObservedType nulls;
  nulls.See(SeenKind::kStruct);
  nulls.Field("n", 0)->See(SeenKind::kNull);
  nulls.Field("l", 1)->See(SeenKind::kEmptyList);
  EXPECT_FALSE(known.Merge(nulls, SchemaCaps()).changed());
}

TEST(KnownSchema, NamesThatTablesCannotHoldAreRefused) {
  const KnownSchema known = Learn({}, Seen("id bigint")).Written();
  ObservedType seen;
  seen.See(SeenKind::kStruct);
  for (const std::string& name :
       {std::string("ID"), std::string(), std::string(256, 'n'), std::string("_RESCUED")}) {
    seen.Field(name, 0)->See(SeenKind::kInt64);
  }
  const auto change = known.Merge(seen, SchemaCaps());
  EXPECT_FALSE(change.changed());
  EXPECT_EQ(change.refused.size(), 4u);
}

TEST(KnownSchema, OfSpellingsTheUsualOneIsTheColumn) {
  ObservedType seen;
  seen.See(SeenKind::kStruct, 600);
  seen.Field("userId", 0)->See(SeenKind::kInt64, 599);
  seen.Field("UserId", 0)->See(SeenKind::kInt64);
  ObservedType* nested = seen.Field("n", 1);
  nested->See(SeenKind::kStruct, 3);
  nested->Field("a", 0)->See(SeenKind::kInt64, 2);
  nested->Field("A", 0)->See(SeenKind::kString);
  const auto change = KnownSchema().Merge(seen, SchemaCaps());
  EXPECT_EQ(Columns(change.schema), "userId bigint, n struct<a:bigint>");
  EXPECT_EQ(change.refused.size(), 1u);
}

TEST(KnownSchema, CapsHoldAndKeepWhatIsSeenMostOften) {
  ObservedType seen;
  seen.See(SeenKind::kStruct, 1'500);
  for (int i = 0; i < 1'500; ++i) seen.Field("key" + std::to_string(i), 0)->See(SeenKind::kInt64);
  seen.Field("id", 1)->See(SeenKind::kInt64, 1'500);
  const KnownSchema first = Learn({}, seen);
  EXPECT_EQ(first.schema()->num_fields(), 1'000);
  EXPECT_NE(first.schema()->GetFieldByName("id"), nullptr);

  const auto later = Learn({}, Seen("id bigint")).Written().Merge(seen, SchemaCaps());
  EXPECT_EQ(later.schema.schema()->num_fields(), 101);
  EXPECT_FALSE(later.refused.empty());

  std::string deep = "bigint";
  for (int i = 0; i < 40; ++i) deep = "struct<d:" + deep + ">";
  EXPECT_FALSE(KnownSchema().Merge(Seen("d " + deep), SchemaCaps()).changed());
}

TEST(KnownSchema, MadeColumnsAreForWhatAWrittenOneDoesNotTake) {
  SchemaCaps caps;
  caps.make_cols = true;
  const KnownSchema free = Learn({}, Seen("a bigint, b decimal(5,2), s struct<x:int>"));
  const ObservedType other = Seen("a string, b date, s array<int>");
  EXPECT_EQ(Columns(Learn(free, other, caps)), "a string, b string, s string");

  const KnownSchema written = free.Written();
  EXPECT_EQ(Columns(Learn(written, other)), Columns(written));
  const auto change = written.Merge(other, caps);
  EXPECT_EQ(Columns(change.schema),
            "a bigint, b decimal(5,2), s struct<x:int>, a_string string, b_date date, s_array "
            "array<int>");
  EXPECT_FALSE(change.retypes);
  EXPECT_FALSE(change.schema.Merge(other, caps).changed());
  EXPECT_EQ(Columns(Learn(change.schema, Seen("s array<string>"), caps)),
            "a bigint, b decimal(5,2), s struct<x:int>, a_string string, b_date date, s_array "
            "array<string>");
  // One column for all whole numbers, whatever their size, and what widens needs none.
  EXPECT_EQ(Columns(Learn(Learn({}, Seen("f boolean, w int")).Written(),
                          Seen("f tinyint, w bigint"), caps)),
            "f boolean, w bigint, f_long bigint");
}

TEST(KnownSchema, WhatTheJobCannotTakeStaysAsItIs) {
  SchemaCaps caps;
  caps.make_cols = true;
  const KnownSchema made =
      Learn(Learn({}, Seen("a bigint, g struct<x:int>")).Written(), Seen("a struct<x:int>"), caps)
          .Written();
  caps.kept = {"a_struct", "g", "new"};
  const auto change =
      made.Merge(Seen("a struct<x:int,y:int>, g struct<z:int>, new int, other int"), caps);
  EXPECT_EQ(change.what, (std::vector<std::string>{"+ other int"}));
}

TEST(KnownSchema, MadeColumnsGiveWayToThoseOfTheRecords) {
  SchemaCaps caps;
  caps.make_cols = true;
  const KnownSchema taken = Learn({}, Seen("a bigint, A_String bigint")).Written();
  const auto change = taken.Merge(Seen("a string"), caps);
  EXPECT_FALSE(change.changed());
  EXPECT_EQ(change.refused.size(), 1u);
  const KnownSchema made = Learn(Learn({}, Seen("a bigint")).Written(), Seen("a string"), caps);
  const auto later = made.Merge(Seen("a_string bigint"), caps);
  EXPECT_FALSE(later.changed());
  EXPECT_EQ(later.refused.size(), 1u);
}

TEST(KnownSchema, APinnedSchemaStays) {
  const KnownSchema known = Learn({}, Seen("id bigint")).Pinned(true);
  EXPECT_FALSE(known.Merge(Seen("x bigint"), SchemaCaps()).changed());
  EXPECT_TRUE(known.Pinned(false).Merge(Seen("x bigint"), SchemaCaps()).changed());
}

TEST(KnownSchema, TextSaysAllOfIt) {
  const KnownSchema written = Learn({}, Seen("id bigint, `odd ``name` string")).Written();
  const KnownSchema known = Learn(written, Seen("x struct<y:array<date>>")).Pinned(true);
  auto read = KnownSchema::Parse(known.ToText());
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->ToText(), known.ToText());
  EXPECT_TRUE(read->pinned());
  EXPECT_EQ(Columns(*read), Columns(known));
  // The third column is still free, the first is not.
  const KnownSchema free = read->Pinned(false);
  EXPECT_EQ(Columns(Learn(free, Seen("id string, x struct<y:array<bigint>>"))),
            "id bigint, `odd ``name` string, x struct<y:array<string>>");
  for (const char* text :
       {"", "[]", "{}", R"({"version":1})", R"({"version":1,"columns":"a b"})",
        R"({"version":-1,"columns":""})", R"({"version":1,"columns":"","written":1})"}) {
    EXPECT_FALSE(KnownSchema::Parse(text).ok()) << text;
  }
}

TEST(KnownSchema, PathsQuoteWhatIsNoPlainName) {
  std::string path;
  AppendPathName("geo", &path);
  AppendPathName("lat", &path);
  AppendPathName("a.b", &path);
  AppendPathName("it's", &path);
  EXPECT_EQ(path, "geo.lat['a.b']['it\\'s']");
}

}  // namespace
}  // namespace sluice
