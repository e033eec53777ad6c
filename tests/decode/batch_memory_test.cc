// Messages that fill far more memory than they have bytes, many in a batch: it comes in pieces that
// fit, and neither they nor their neighbours are lost.
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/util/byte_size.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "decode/avro/avro_format.h"
#include "decode/csv/csv_format.h"
#include "decode/grok/grok_format.h"
#include "decode/json/json_format.h"
#include "decode/message_decoder.h"
#include "decode/read_batch.h"

namespace sluice {
namespace {

constexpr int kColumns = 100;
constexpr int kRows = 10'000;
constexpr int kMessages = 40;

std::string Repeat(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

SchemaPtr Wide() {
  std::string ddl = "c0 bigint";
  for (int i = 1; i < kColumns; ++i) ddl += ", c" + std::to_string(i) + " bigint";
  return *ParseDdl(ddl);
}

struct Case {
  const char* name;
  Result<std::unique_ptr<Decoder>> (*make)();
  std::string message;  ///< kRows rows of nulls.
};

Result<std::unique_ptr<Decoder>> MakeJson() {
  return MakeJsonDecoder(Wide(), {}, arrow::default_memory_pool());
}

Result<std::unique_ptr<Decoder>> MakeCsv() {
  CsvReaderOptions options;
  options.ragged = CsvRagged::kFill;
  return MakeCsvDecoder(Wide(), options, arrow::default_memory_pool());
}

Result<std::unique_ptr<Decoder>> MakeAvro() {
  // Written without the columns, which have a default.
  std::string fields;
  for (int i = 0; i < kColumns; ++i) {
    fields += (i > 0 ? "," : "") + (R"({"name":"c)" + std::to_string(i)) +
              R"(","type":["null","long"],"default":null})";
  }
  AvroDecoderOptions options;
  options.writer = *AvroSchema::Parse(
      R"({"type":"array","items":{"type":"record","name":"R","fields":[{"name":"x","type":"boolean"}]}})");
  options.reader = *AvroSchema::Parse(
      R"({"type":"array","items":{"type":"record","name":"R","fields":[)" + fields + "]}}");
  return MakeAvroDecoder(std::move(options), arrow::default_memory_pool());
}

Result<std::unique_ptr<Decoder>> MakeGrok() {
  GrokDecoderOptions options;
  options.pattern = "^x";
  for (int i = 0; i < kColumns; ++i) options.pattern += "(?<c" + std::to_string(i) + ">y)?";
  return MakeGrokDecoder(options, Wide(), arrow::default_memory_pool());
}

/// One block of kRows items, each a byte: false.
std::string AvroRows() {
  std::string out;
  for (std::uint64_t count = 2 * kRows; count > 0; count >>= 7) {
    out += static_cast<char>((count & 127) | (count > 127 ? 128 : 0));
  }
  return out + std::string(kRows + 1, '\0');
}

class BatchMemory : public testing::TestWithParam<int> {};
const std::vector<Case>& Cases() {
  static const std::vector<Case> cases = {
      {"json", MakeJson, "[" + Repeat("{},", kRows - 1) + "{}]"},
      {"csv", MakeCsv, Repeat(",\n", kRows)},
      {"avro", MakeAvro, AvroRows()},
      {"grok", MakeGrok, Repeat("x\n", kRows)}};
  return cases;
}
INSTANTIATE_TEST_SUITE_P(Format, BatchMemory, testing::Range(0, 4), [](const auto& info) {
  return std::string(Cases()[static_cast<std::size_t>(info.param)].name);
});

class Batch : public RawBatch {
 public:
  std::string Origin(std::size_t) const override { return "{}"; }
};

TEST_P(BatchMemory, PiecesFit) {
  const Case& format = Cases()[static_cast<std::size_t>(GetParam())];
  auto made = format.make();
  ASSERT_TRUE(made.ok()) << made.error().message;
  auto decoder = *MessageDecoder::Make(*std::move(made), {}, {});
  auto raw = std::make_shared<Batch>();
  for (int i = 0; i < kMessages; ++i) {
    raw->records.push_back({format.message.data(), format.message.size()});
  }
  // What one message fills; nulls of eight bytes, and a bit each.
  constexpr std::int64_t kOne = std::int64_t{kRows} * kColumns * 9;
  std::int64_t rows = 0;
  std::int64_t messages = 0;
  int pieces = 0;
  const auto done = decoder->Decode(raw, [&](const DecodedBatch& piece) -> Result<void> {
    EXPECT_LE(arrow::util::TotalBufferSize(*piece.decoded.rows), 2 * (kBatchMemory + kOne));
    EXPECT_EQ(piece.decoded.rejects.size(), 0u);
    rows += piece.decoded.rows->num_rows();
    messages += piece.decoded_messages;
    ++pieces;
    return {};
  });
  ASSERT_TRUE(done.ok());
  EXPECT_EQ(messages, kMessages);
  EXPECT_EQ(rows, std::int64_t{kMessages} * kRows);
  EXPECT_GE(pieces, 4);
}

}  // namespace
}  // namespace sluice
