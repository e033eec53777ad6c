#include "decode/message_decoder.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "record/arrow_error.h"

namespace sluice {
namespace {

/// One row per message, its size; "bad" is rejected whole and "row" loses its row.
class SizeDecoder : public Decoder {
 public:
  SizeDecoder() : schema_(arrow::schema({arrow::field("size", arrow::int64())})) {}
  const SchemaPtr& schema() const override { return schema_; }
  Result<DecodedRows> Decode(const std::vector<Payload>& payloads) override {
    DecodedRows out;
    arrow::Int64Builder sizes;
    for (const Payload& payload : payloads) {
      std::string_view text(payload.data, payload.size);
      if (text == "bad" || text == "row") {
        Reject reject;
        reject.record = payload.record;
        reject.row = text == "bad" ? Reject::kWholeMessage : 0;
        out.rejects.push_back(reject);
        continue;
      }
      TRY(sizes.Append(static_cast<std::int64_t>(payload.size)));
      out.record_of_row.push_back(payload.record);
    }
    TRY(std::shared_ptr<arrow::Array> column, sizes.Finish());
    out.rows = arrow::RecordBatch::Make(schema_, column->length(), {column});
    return out;
  }

 private:
  SchemaPtr schema_;
};

class Batch : public RawBatch {
 public:
  void Add(const char* data, std::size_t size) { records.push_back({data, size}); }
  void Add(const char* text) { Add(text, std::char_traits<char>::length(text)); }
  std::string Origin(std::size_t) const override { return "{}"; }
  Result<std::vector<std::shared_ptr<arrow::Array>>> ExtraColumns(
      const std::vector<std::uint32_t>& record_of_row) const override {
    arrow::Int32Builder offsets;
    for (std::uint32_t record : record_of_row) TRY(offsets.Append(static_cast<int>(record) * 10));
    TRY(std::shared_ptr<arrow::Array> column, offsets.Finish());
    return std::vector<std::shared_ptr<arrow::Array>>{column};
  }
};

/// REQUIRES: it all fits one piece.
Result<DecodedBatch> DecodeAll(MessageDecoder* decoder,
                               const std::shared_ptr<const RawBatch>& raw) {
  DecodedBatch out;
  int pieces = 0;
  TRY(decoder->Decode(raw, [&](DecodedBatch piece) -> Result<void> {
    out = std::move(piece);
    ++pieces;
    return {};
  }));
  EXPECT_EQ(pieces, 1);
  return out;
}

TEST(MessageDecoder, CountsEveryMessageOnce) {
  DecodeLimits limits;
  limits.message_bytes = 8;
  auto decoder = MessageDecoder::Make(std::make_unique<SizeDecoder>(), {}, limits);
  ASSERT_TRUE(decoder.ok());
  auto raw = std::make_shared<Batch>();
  raw->Add("one");
  raw->Add(nullptr, 0);
  raw->Add("", 0);
  raw->Add("bad");
  raw->Add("far too long");
  raw->Add("row");
  raw->Add("eight_by");
  auto batch = DecodeAll(decoder->get(), raw);
  ASSERT_TRUE(batch.ok());
  EXPECT_EQ(batch->raw, raw);
  EXPECT_EQ(batch->delivered, 7);
  EXPECT_EQ(batch->decoded_messages, 3);
  EXPECT_EQ(batch->rejected_whole, 3);
  EXPECT_EQ(batch->tombstones, 1);
  EXPECT_EQ(batch->decoded.record_of_row, (std::vector<std::uint32_t>{0, 6}));
  std::vector<std::uint32_t> records;
  for (const Reject& reject : batch->decoded.rejects) records.push_back(reject.record);
  EXPECT_EQ(records, (std::vector<std::uint32_t>{2, 3, 4, 5}));
  EXPECT_EQ(batch->decoded.rejects[0].code, "message.empty");
  EXPECT_EQ(batch->decoded.rejects[2].code, "limit.message");
  EXPECT_TRUE(batch->decoded.rejects[2].reason.starts_with("the message has more than "))
      << batch->decoded.rejects[2].reason;
}

TEST(MessageDecoder, AppendsTheSourcesColumns) {
  auto decoder = MessageDecoder::Make(std::make_unique<SizeDecoder>(),
                                      {arrow::field("offset", arrow::int32())}, {});
  ASSERT_TRUE(decoder.ok());
  EXPECT_EQ((*decoder)->schema()->ToString(), "size: int64\noffset: int32");
  auto raw = std::make_shared<Batch>();
  for (const char* text : {"a", "bad", "ccc"}) raw->Add(text);
  auto batch = DecodeAll(decoder->get(), raw);
  ASSERT_TRUE(batch.ok());
  const auto& rows = *batch->decoded.rows;
  ASSERT_TRUE(rows.ValidateFull().ok());
  EXPECT_TRUE(rows.schema()->Equals((*decoder)->schema()));
  EXPECT_EQ(rows.column(1)->ToString(), "[\n  0,\n  20\n]");
}

TEST(MessageDecoder, RefusesTwoColumnsOfOneName) {
  auto decoder = MessageDecoder::Make(std::make_unique<SizeDecoder>(),
                                      {arrow::field("size", arrow::int32())}, {});
  ASSERT_FALSE(decoder.ok());
  EXPECT_EQ(decoder.error().blame, Blame::kUser);
  EXPECT_EQ(decoder.error().code, "decode.column_clash");
}

}  // namespace
}  // namespace sluice
