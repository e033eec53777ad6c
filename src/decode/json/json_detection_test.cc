// Columns that are detected: what is seen, what is rescued, and that no value is lost.
#include <arrow/array.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "decode/json/json_testing.h"
#include "record/known_schema.h"

namespace sluice {
namespace {

using Json = nlohmann::ordered_json;

std::unique_ptr<Decoder> Detecting(const SchemaPtr& known) {
  const FormatEntry format = JsonFormat();
  auto options = ParseOptions(format.options, RawOptionsFromPairs({}), "source");
  EXPECT_TRUE(options.ok());
  auto decoder = format.make_detecting(*options, known, DecodeLimits());
  EXPECT_TRUE(decoder.ok());
  return *std::move(decoder);
}

struct Detected {
  DecodedRows decoded;
  std::string unseen;  ///< As DDL.
};

std::string TypeText(const ObservedType* seen) {
  if (seen == nullptr) return "";
  const auto type = ResolveType(*seen);
  return type == nullptr ? "nothing" : FormatDdlType(*type);
}

Detected Detect(const std::string& ddl, const std::vector<std::string>& messages) {
  const SchemaPtr known = ddl.empty() ? arrow::schema({}) : *ParseDdl(ddl);
  const auto decoder = Detecting(known);
  Detected out{DecodeMessages(decoder.get(), messages), ""};
  out.unseen = TypeText(out.decoded.unseen.get());
  return out;
}

TEST(JsonDetection, TheFirstRecordsGiveTheColumns) {
  const Detected found = Detect("", {R"({"id":1,"name":"a","geo":{"lat":1.5},"tags":["x"]})",
                                     R"({"id":2,"ok":true,"none":null,"empty":[],"big":3e2})"});
  EXPECT_EQ(found.unseen,
            "struct<id:bigint,name:string,ok:boolean,geo:struct<lat:double>,tags:array<string>,"
            "big:double>");
  EXPECT_EQ(Rejects(found.decoded), "");
}

TEST(JsonDetection, WhatFitsNeedsNothing) {
  const Detected found = Detect("id bigint, geo struct<lat:double>",
                                {R"({"id":1,"geo":{"lat":2}})", R"({"geo":null,"x":null})"});
  EXPECT_EQ(Rows(found.decoded), "1 | {lat:double = 2} | null\nnull | null | null\n");
  EXPECT_EQ(found.unseen, "nothing");
  EXPECT_EQ(Detect("id bigint", {R"({"id":1})"}).decoded.unseen, nullptr);
}

TEST(JsonDetection, WhatDoesNotFitIsRescuedWithItsPlace) {
  const auto rescued = [](const std::string& ddl, const std::string& message) {
    const Detected found = Detect(ddl, {message});
    const auto& column = *found.decoded.rows->GetColumnByName("_rescued");
    return (*column.GetScalar(0))->ToString();
  };
  EXPECT_EQ(rescued("id bigint", R"({"id":"x"})"),
            R"([{"path":"id","value":"x","reason":"convert.type"}])");
  EXPECT_EQ(rescued("id bigint", R"({"id":1.5, "more" : [1, {"a":2}] })"),
            R"([{"path":"id","value":1.5,"reason":"convert.type"},)"
            R"({"path":"more","value":[1, {"a":2}],"reason":"column.unknown"}])");
  EXPECT_EQ(rescued("l array<struct<a:bigint>>", R"({"l":[{"a":1},{"a":true},{"b":0}]})"),
            R"([{"path":"l[1].a","value":true,"reason":"convert.type"},)"
            R"({"path":"l[2].b","value":0,"reason":"column.unknown"}])");
  EXPECT_EQ(rescued("d double", R"({"d":9007199254740993})"),
            R"([{"path":"d","value":9007199254740993,"reason":"convert.overflow"}])");
  EXPECT_EQ(rescued("d double", R"({"d":9007199254740992})"), "null");
  EXPECT_EQ(rescued("i bigint", R"({"i":18446744073709551615})"),
            R"([{"path":"i","value":18446744073709551615,"reason":"convert.overflow"}])");
  EXPECT_EQ(rescued("g struct<x:bigint>", R"({"g":[]})"),
            R"([{"path":"g","value":[],"reason":"convert.type"}])");
  EXPECT_EQ(rescued("a bigint", R"({"a":1,"b":0,"a":2,"\u0061":3})"),
            R"([{"path":"b","value":0,"reason":"column.unknown"},)"
            R"({"path":"a","value":1,"reason":"key.repeated"},)"
            R"({"path":"a","value":2,"reason":"key.repeated"}])");
  EXPECT_EQ(rescued("m map<string,bigint>", R"({"m":{"k":1,"k":"x","j":true}})"),
            R"([{"path":"m['k']","value":1,"reason":"key.repeated"},)"
            R"({"path":"m['k']","value":"x","reason":"convert.type"},)"
            R"({"path":"m['j']","value":true,"reason":"convert.type"}])");
  EXPECT_EQ(rescued("a bigint", R"({"_rescued":"mine","it's.odd":1})"),
            R"([{"path":"_rescued","value":"mine","reason":"column.unknown"},)"
            R"({"path":"['it\\'s.odd']","value":1,"reason":"column.unknown"}])");
}

TEST(JsonDetection, ABadMessageTeachesNothing) {
  const Detected found = Detect("id bigint", {R"({"id":1,"new":2)", R"({"id":2})"});
  EXPECT_EQ(found.unseen, "");
  EXPECT_EQ(found.decoded.rows->num_rows(), 1);
  EXPECT_EQ(found.decoded.rejects.size(), 1u);
}

TEST(JsonDetection, PathsThatWouldGrowWithoutBoundRejectTheMessage) {
  std::string item = "struct<x:bigint>";
  std::string open, close;
  for (int i = 0; i < 20; ++i) {
    const std::string name = std::string(200, static_cast<char>('a' + i));
    item = "struct<" + name + ":" + item + ">";
    open = "{\"" + name + "\":" + open;
    close += "}";
  }
  std::string message = "{\"l\":[";
  // The names are long once for each item; a new member is short.
  std::string opened;
  for (int i = 19; i >= 0; --i) {
    opened += "{\"" + std::string(200, static_cast<char>('a' + i)) + "\":";
  }
  message += opened + "{\"n\":[0]";
  for (int i = 0; i < 30'000; ++i) message += ",\"n" + std::to_string(i) + "\":0";
  message += "}" + close + "]}";
  const Detected found = Detect("l array<" + item + ">", {message, R"({"l":[]})"});
  EXPECT_EQ(Rejects(found.decoded), "limit.rescued @0 #0\n");
  EXPECT_EQ(found.decoded.rows->num_rows(), 1);
}

// --- no value is lost ---

class RecordMaker {
 public:
  explicit RecordMaker(std::uint32_t seed) : random_(seed) {}

  Json Object(int depth) {
    Json out = Json::object();
    for (int i = Below(6); i > 0; --i) {
      out[std::string(1, static_cast<char>('a' + Below(7)))] = Value(depth);
    }
    return out;
  }

 private:
  int Below(int n) { return static_cast<int>(random_() % static_cast<std::uint32_t>(n)); }

  Json Value(int depth) {
    switch (Below(depth > 0 ? 12 : 9)) {
      case 0:
        return nullptr;
      case 1:
        return Below(2) == 0;
      case 2:
      case 3:
        return Below(1000) - 500;
      case 4:
        return static_cast<std::int64_t>(random_()) << 31;
      case 5:
        return Below(100'000) / 8.0;
      case 6:
        return 0xffffffffffffffffULL - static_cast<std::uint64_t>(Below(100));
      case 7:
      case 8:
        return "text \"" + std::to_string(Below(100)) + "\\\n";
      case 9:
      case 10:
        return Object(depth - 1);
      default: {
        Json out = Json::array();
        for (int i = Below(4); i > 0; --i) out.push_back(Value(depth - 1));
        return out;
      }
    }
  }

  std::mt19937 random_;
};

/// Null and absent are the same.
Json WithoutNulls(const Json& value) {
  if (value.is_array()) {
    Json out = Json::array();
    for (const Json& item : value) out.push_back(WithoutNulls(item));
    return out;
  }
  if (!value.is_object()) return value;
  Json out = Json::object();
  for (const auto& [key, member] : value.items()) {
    if (!member.is_null()) out[key] = WithoutNulls(member);
  }
  return out;
}

Json ValueOf(const arrow::Array& column, std::int64_t row) {
  if (column.IsNull(row)) return nullptr;
  switch (column.type_id()) {
    case arrow::Type::BOOL:
      return static_cast<const arrow::BooleanArray&>(column).Value(row);
    case arrow::Type::INT64:
      return static_cast<const arrow::Int64Array&>(column).Value(row);
    case arrow::Type::DOUBLE:
      return static_cast<const arrow::DoubleArray&>(column).Value(row);
    case arrow::Type::STRING:
      return std::string(static_cast<const arrow::StringArray&>(column).GetView(row));
    case arrow::Type::LIST: {
      const auto& list = static_cast<const arrow::ListArray&>(column);
      Json out = Json::array();
      for (std::int64_t i = list.value_offset(row); i < list.value_offset(row + 1); ++i) {
        out.push_back(ValueOf(*list.values(), i));
      }
      return out;
    }
    default: {
      const auto& fields = static_cast<const arrow::StructArray&>(column);
      Json out = Json::object();
      for (int i = 0; i < fields.num_fields(); ++i) {
        Json value = ValueOf(*fields.field(i), row);
        if (!value.is_null()) out[fields.type()->field(i)->name()] = std::move(value);
      }
      return out;
    }
  }
}

/// Where a path of one-letter names and indexes leads.
Json* At(Json* root, const std::string& path) {
  Json* at = root;
  for (std::size_t i = 0; i < path.size();) {
    if (path[i] == '.') {
      ++i;
    } else if (path[i] == '[') {
      at = &(*at)[std::stoul(path.substr(i + 1))];
      i = path.find(']', i) + 1;
    } else {
      at = &(*at)[std::string(1, path[i])];
      ++i;
    }
  }
  return at;
}

/// A string column keeps other values as their JSON.
bool Same(const Json& row, const Json& input) {
  if (row.is_string() && !input.is_string()) {
    return Same(WithoutNulls(Json::parse(row.get<std::string>())), input);
  }
  if (row.type() != input.type() && !(row.is_number() && input.is_number())) return false;
  if (row.is_array()) {
    if (row.size() != input.size()) return false;
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (!Same(row[i], input[i])) return false;
    }
    return true;
  }
  if (!row.is_object()) return row == input;
  if (row.size() != input.size()) return false;
  for (const auto& [key, value] : row.items()) {
    if (!input.contains(key) || !Same(value, input[key])) return false;
  }
  return true;
}

TEST(JsonDetection, RowAndRescuedAreTheInput) {
  std::int64_t rescued_rows = 0;
  for (std::uint32_t seed = 0; seed < 400; ++seed) {
    RecordMaker maker(seed);
    std::vector<Json> records;
    std::vector<std::string> messages;
    for (int i = 0; i < 60; ++i) {
      records.push_back(maker.Object(3));
      messages.push_back(records.back().dump());
    }
    // Learned from the first, written or not, then widened by some and met by all.
    KnownSchema known;
    for (const std::size_t upto : {3u, 10u, 25u}) {
      const auto decoder = Detecting(known.schema());
      const auto decoded =
          DecodeMessages(decoder.get(), {messages.begin(), messages.begin() + upto});
      if (decoded.unseen != nullptr) known = known.Merge(*decoded.unseen, SchemaCaps()).schema;
      if (seed % 2 == 0) known = known.Written();
    }
    const auto decoder = Detecting(known.schema());
    const DecodedRows decoded = DecodeMessages(decoder.get(), messages);
    ASSERT_EQ(decoded.rows->num_rows(), 60) << Rejects(decoded);
    const auto& rescued = static_cast<const arrow::StringArray&>(
        *decoded.rows->column(decoded.rows->num_columns() - 1));
    for (int row = 0; row < 60; ++row) {
      Json back = Json::object();
      for (int i = 0; i + 1 < decoded.rows->num_columns(); ++i) {
        Json value = ValueOf(*decoded.rows->column(i), row);
        if (!value.is_null()) back[decoded.rows->column_name(i)] = std::move(value);
      }
      if (!rescued.IsNull(row)) {
        ++rescued_rows;
        for (const Json& one : Json::parse(rescued.GetView(row))) {
          *At(&back, one["path"].get<std::string>()) = one["value"];
        }
      }
      ASSERT_TRUE(Same(WithoutNulls(back), WithoutNulls(records[row])))
          << seed << "\n"
          << FormatDdl(*known.schema()) << "\n"
          << messages[row] << "\n"
          << back.dump();
    }
  }
  EXPECT_GT(rescued_rows, 1000);
}

TEST(JsonDetection, LearningFromPartsOfTheRecordsInAnyOrderIsTheSame) {
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    RecordMaker maker(seed);
    std::vector<std::string> messages;
    for (int i = 0; i < 30; ++i) messages.push_back(maker.Object(3).dump());
    const auto unseen = [](const std::vector<std::string>& some) {
      return DecodeMessages(Detecting(arrow::schema({})).get(), some).unseen;
    };
    const auto all = unseen(messages);
    ObservedType parts;
    for (std::size_t i = messages.size(); i > 0; i -= 10) {
      const auto part = unseen({messages.begin() + static_cast<std::ptrdiff_t>(i - 10),
                                messages.begin() + static_cast<std::ptrdiff_t>(i)});
      if (part != nullptr) parts.Merge(*part);
    }
    ASSERT_EQ(TypeText(all.get()), TypeText(&parts)) << seed;
  }
}

}  // namespace
}  // namespace sluice
