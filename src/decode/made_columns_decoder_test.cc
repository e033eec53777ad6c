#include "decode/made_columns_decoder.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "decode/csv/csv_format.h"
#include "decode/json/json_format.h"
#include "record/json_row.h"

namespace sluice {
namespace {

SchemaCaps MakeCols() {
  SchemaCaps caps;
  caps.make_cols = true;
  return caps;
}

/// A source whose epochs are one call each.
class Reading {
 public:
  explicit Reading(FormatEntry format) : format_(std::move(format)) {}

  /// The rows as JSON, once the columns are what these messages need.
  std::vector<std::string> Read(const std::vector<std::string>& messages) {
    DecodedRows rows = Decode(messages);
    if (rows.unseen != nullptr) {
      known_ = known_.Merge(*rows.unseen, MakeCols()).schema;
      rows = Decode(messages);
    }
    known_ = known_.Written();
    return Texts(rows);
  }

  DecodedRows Decode(const std::vector<std::string>& messages) {
    auto options = ParseOptions(format_.options, {}, "test");
    auto base = format_.make_detecting(*options, known_.keyed(), DecodeLimits{});
    EXPECT_TRUE(base.ok());
    auto decoder = MadeColumnsDecoder::Make(*std::move(base), JsonFormat(), known_,
                                            format_.rescues_texts, DecodeLimits{});
    EXPECT_TRUE(decoder.ok()) << ToString(decoder.error());
    std::vector<Payload> payloads;
    for (const std::string& message : messages) {
      payloads.push_back(
          {message.data(), message.size(), static_cast<std::uint32_t>(payloads.size())});
    }
    auto rows = (*decoder)->Decode(payloads);
    EXPECT_TRUE(rows.ok());
    EXPECT_TRUE((*rows).rows->ValidateFull().ok());
    return *std::move(rows);
  }

  static std::vector<std::string> Texts(const DecodedRows& rows) {
    std::vector<std::string> out;
    for (std::int64_t i = 0; i < rows.rows->num_rows(); ++i) {
      AppendJsonRow(*rows.rows, i, &out.emplace_back());
    }
    return out;
  }

  const KnownSchema& known() const { return known_; }

 private:
  FormatEntry format_;
  KnownSchema known_;
};

using Rows = std::vector<std::string>;

TEST(MadeColumns, HoldWhatTheWrittenColumnDoesNotTake) {
  Reading json(JsonFormat());
  json.Read({R"({"id":1,"price":5})"});
  EXPECT_EQ(
      json.Read({R"({"id":2,"price":2.5})", R"({"id":3,"price":6})", R"({"id":4,"price":"dear"})",
                 R"({"id":5,"price":[1,2]})", R"({"id":6,"price":{"eur":7}})",
                 R"({"id":7,"price":true})"}),
      (Rows{
          R"({"id":2,"price":null,"price_boolean":null,"price_double":2.5,"price_string":null,"price_array":null,"price_struct":null,"_rescued":null})",
          R"({"id":3,"price":6,"price_boolean":null,"price_double":null,"price_string":null,"price_array":null,"price_struct":null,"_rescued":null})",
          R"({"id":4,"price":null,"price_boolean":null,"price_double":null,"price_string":"dear","price_array":null,"price_struct":null,"_rescued":null})",
          R"({"id":5,"price":null,"price_boolean":null,"price_double":null,"price_string":null,"price_array":[1,2],"price_struct":null,"_rescued":null})",
          R"({"id":6,"price":null,"price_boolean":null,"price_double":null,"price_string":null,"price_array":null,"price_struct":{"eur":7},"_rescued":null})",
          R"({"id":7,"price":null,"price_boolean":true,"price_double":null,"price_string":null,"price_array":null,"price_struct":null,"_rescued":null})",
      }));
}

TEST(MadeColumns, OfStructsGrowAsOthersDo) {
  Reading json(JsonFormat());
  json.Read({R"({"at":"here"})"});
  json.Read({R"({"at":{"lat":1}})"});
  // A string column takes everything.
  EXPECT_EQ(FormatDdl(*json.known().schema()), "at string");

  Reading other(JsonFormat());
  other.Read({R"({"at":1})"});
  other.Read({R"({"at":{"lat":1}})"});
  EXPECT_EQ(
      other.Read({R"({"at":{"lat":2,"lon":3}})", R"({"at":{"lat":"x"}})"}),
      (Rows{
          R"({"at":null,"at_struct":{"lat":2,"lon":3},"_rescued":null})",
          R"({"at":null,"at_struct":null,"_rescued":"[{\"path\":\"at\",\"value\":{\"lat\":\"x\"},\"reason\":\"convert.type\"}]"})"}));
}

TEST(MadeColumns, AreNotThoseThatRecordsHave) {
  Reading json(JsonFormat());
  json.Read({R"({"n":1,"n_double":"mine"})"});
  EXPECT_EQ(
      json.Read({R"({"n":2.5,"n_double":"mine"})"}),
      (Rows{
          R"({"n":null,"n_double":"mine","_rescued":"[{\"path\":\"n\",\"value\":2.5,\"reason\":\"convert.type\"}]"})"}));

  Reading late(JsonFormat());
  late.Read({R"({"n":1})"});
  late.Read({R"({"n":2.5})"});
  EXPECT_EQ(
      late.Read({R"({"n":3.5,"n_double":4.5})"}),
      (Rows{
          R"({"n":null,"n_double":3.5,"_rescued":"[{\"path\":\"n_double\",\"value\":4.5,\"reason\":\"column.unknown\"}]"})"}));
}

TEST(MadeColumns, LeaveTheRestOfTheRescuedAsItWas) {
  Reading json(JsonFormat());
  json.Read({R"({"a.b":1,"geo":{"lat":1},"n":7})"});
  json.Read({R"({"a.b":"\u0041\"]}"})"});
  EXPECT_EQ(
      json.Read({R"({"geo":{"lat":"x,\"]"},"a.b":"B\\","N":[{"k":"}"}],"n":7})"}),
      (Rows{
          R"({"a.b":null,"geo":{"lat":null},"n":7,"a.b_string":"B\\","_rescued":"[{\"path\":\"geo.lat\",\"value\":\"x,\\\"]\",\"reason\":\"convert.type\"},{\"path\":\"N\",\"value\":[{\"k\":\"}\"}],\"reason\":\"column.unknown\"}]"})"}));
  // Of a key that comes twice the last value counts, and the first is no misfit.
  EXPECT_EQ(
      json.Read({R"({"a.b":"first","a.b":2})"}),
      (Rows{
          R"({"a.b":2,"geo":null,"n":null,"a.b_string":null,"_rescued":"[{\"path\":\"['a.b']\",\"value\":\"first\",\"reason\":\"convert.type\"},{\"path\":\"['a.b']\",\"value\":\"first\",\"reason\":\"key.repeated\"}]"})"}));
}

TEST(MadeColumns, TellTextsApartByWhatTheySay) {
  FormatEntry csv = CsvFormat();
  Reading reading(csv);
  reading.Read({"1,x"});
  EXPECT_EQ(
      reading.Read({"2.5,x", "abc,x", "2026-11-23,x", "007,x", "3,x"}),
      (Rows{
          R"({"col0":null,"col1":"x","col0_double":2.5,"col0_date":null,"col0_string":null,"_rescued":null})",
          R"({"col0":null,"col1":"x","col0_double":null,"col0_date":null,"col0_string":"abc","_rescued":null})",
          R"({"col0":null,"col1":"x","col0_double":null,"col0_date":"2026-11-23","col0_string":null,"_rescued":null})",
          R"({"col0":null,"col1":"x","col0_double":null,"col0_date":null,"col0_string":"007","_rescued":null})",
          R"({"col0":3,"col1":"x","col0_double":null,"col0_date":null,"col0_string":null,"_rescued":null})",
      }));
}

TEST(MadeColumns, SurviveTheirText) {
  Reading json(JsonFormat());
  json.Read({R"({"n":1,"d":0.5})"});
  json.Read({R"({"n":2.5,"d":123456789012345678})"});
  auto read = KnownSchema::Parse(json.known().ToText());
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->made(), json.known().made());
  EXPECT_EQ(FormatDdl(*read->keyed()), "n bigint, d double");
  EXPECT_EQ(FormatDdl(*read->schema()), "n bigint, d double, n_double double, d_long bigint");
}

}  // namespace
}  // namespace sluice
