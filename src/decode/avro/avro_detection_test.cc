#include "decode/avro/avro_detection.h"

#include <algorithm>
#include <string>
#include <vector>

#include "decode/avro/avro_testing.h"

namespace sluice {
namespace {

std::unique_ptr<Decoder> Detecting(const std::string& ddl) {
  auto made = MakeDetectingAvroDecoder(*ParseDdl(ddl), {}, arrow::default_memory_pool());
  EXPECT_TRUE(made.ok());
  return *std::move(made);
}

std::string Schema(const std::string& field, const std::string& type) {
  return R"({"type":"record","name":"R","fields":[{"name":")" + field + R"(","type":)" + type +
         "}]}";
}

std::string File(const std::string& schema, const std::vector<std::string>& data) {
  std::string block;
  for (const std::string& datum : data) block += datum;
  return AvroFile(schema, "null", static_cast<std::int64_t>(data.size()), block);
}

TEST(AvroDetection, VersionsThatTakeTurnsKeepTheOrderOfTheirMessages) {
  const auto decoder = Detecting("a bigint");
  const std::string held = Schema("a", R"("long")");
  const std::string narrower = Schema("a", R"("int")");
  const std::string other = Schema("a", R"("string")");
  const DecodedRows out = DecodeMessages(
      decoder.get(),
      {File(held, {Datum().Long(1), Datum().Long(2)}), File(other, {Datum().Text("x")}),
       File(narrower, {Datum().Long(3)}), "Obj\1broken", File(other, {Datum().Text("y")}),
       File(held, {Datum().Long(4)}), std::string("bare")});
  EXPECT_EQ(Rows(out),
            "1 | null\n2 | null\n"
            "null | [{\"path\":\"a\",\"value\":\"x\",\"reason\":\"convert.type\"}]\n"
            "3 | null\n"
            "null | [{\"path\":\"a\",\"value\":\"y\",\"reason\":\"convert.type\"}]\n"
            "4 | null\n");
  EXPECT_EQ(out.record_of_row, (std::vector<std::uint32_t>{0, 0, 1, 2, 4, 5}));
  EXPECT_EQ(out.row_in_message, (std::vector<std::int32_t>{0, 1, 0, 0, 0, 0}));
  ASSERT_EQ(out.rejects.size(), 2u);
  EXPECT_EQ(out.rejects[0].record, 3u);
  EXPECT_EQ(out.rejects[1].code, "avro.schema_needed");
  ASSERT_NE(out.unseen, nullptr);
  EXPECT_EQ(out.unseen->fields().find("a")->second->type.count(SeenKind::kString), 1)
      << "schemas are counted, not values";
}

TEST(AvroDetection, MoreSchemasThanAreKeptAreReadInTheOrderOfTheirMessages) {
  const auto decoder = Detecting("f0 bigint");
  std::vector<std::string> messages;
  std::vector<std::uint32_t> records;
  for (int i = 0; i < 400; ++i) {
    messages.push_back(File(Schema("f" + std::to_string(i % 100), R"("long")"), {Datum().Long(i)}));
    records.push_back(static_cast<std::uint32_t>(i));
  }
  const DecodedRows out = DecodeMessages(decoder.get(), messages);
  EXPECT_EQ(out.record_of_row, records);
  EXPECT_TRUE(out.rejects.empty());
  EXPECT_EQ(out.unseen->fields().size(), 99u);
}

TEST(AvroDetection, AMessageOfWhichTooMuchIsRescuedIsRefusedAlone) {
  const std::string name(250, 'n');
  const auto decoder = Detecting(name + " array<bigint>");
  const std::string doubles = Schema(name, R"({"type":"array","items":"double"})");
  const auto file = [&](int count) {
    Datum items;
    items.Long(count);
    for (int i = 0; i < count; ++i) items.Real(1.5);
    return File(doubles, {items.Long(0)});
  };
  const DecodedRows out = DecodeMessages(decoder.get(), {file(1), file(300'000), file(2)});
  EXPECT_EQ(out.record_of_row, (std::vector<std::uint32_t>{0, 2}));
  EXPECT_EQ(Rejects(out), "limit.rescued @0 #1\n");
}

TEST(AvroDetection, MessagesThatFillTheBatchBeforeOthersLeaveThemForTheNextCall) {
  const auto decoder = Detecting("a bigint");
  // Two million rows of nulls in few bytes, and something small of another schema between.
  const std::string null = Schema("n", R"("null")");
  const std::string big = AvroFile(null, "null", 900'000, "");
  std::vector<std::string> messages;
  for (int i = 0; i < 12; ++i) {
    messages.push_back(i % 3 == 2 ? File(Schema("b", R"("long")"), {Datum().Long(i)}) : big);
  }
  const DecodedRows out = DecodeMessages(decoder.get(), messages);
  EXPECT_EQ(out.rows->num_rows(), 8 * 900'000 + 4);
  EXPECT_TRUE(std::is_sorted(out.record_of_row.begin(), out.record_of_row.end()));
  EXPECT_TRUE(out.rejects.empty());
}

}  // namespace
}  // namespace sluice
