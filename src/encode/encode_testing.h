/// What the tests of all encoders share.
#pragma once

#include <arrow/array.h>
#include <arrow/json/from_string.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "encode/encoder.h"

namespace sluice {

class StringSink final : public ByteSink {
 public:
  Result<void> Append(std::string_view more) override {
    if (bytes.size() + more.size() > limit) return RemoteError("storage.full", "no space left");
    bytes.append(more);
    return {};
  }
  std::string bytes;
  std::size_t limit = 1u << 30;
};

using OptionPairs = std::vector<std::pair<std::string, std::string>>;

inline Options ParsedOptions(const EncoderEntry& entry, const OptionPairs& pairs) {
  auto options = ParseOptions(entry.options, RawOptionsFromPairs(pairs), "test");
  EXPECT_TRUE(options.ok()) << options.error().message;
  return *options;
}

/// Rows from a JSON array of objects, as Arrow's tests have it.
inline std::shared_ptr<arrow::RecordBatch> RowsFromJson(const SchemaPtr& schema,
                                                        const std::string& json) {
  auto rows = arrow::json::ArrayFromJSONString(arrow::struct_(schema->fields()), json);
  EXPECT_TRUE(rows.ok()) << rows.status().ToString();
  return *arrow::RecordBatch::FromStructArray(*rows);
}

/// A file of `batches`, which were checked before.
inline std::string Encoded(const EncoderEntry& entry, const OptionPairs& pairs,
                           const SchemaPtr& schema,
                           const std::vector<std::shared_ptr<arrow::RecordBatch>>& batches) {
  const Options options = ParsedOptions(entry, pairs);
  auto checked = entry.check(options, schema);
  EXPECT_TRUE(checked.ok()) << checked.error().message;
  StringSink out;
  auto encoder = entry.make(options, schema, &out);
  EXPECT_TRUE(encoder.ok()) << encoder.error().message;
  std::int64_t rows = 0;
  for (const auto& batch : batches) {
    rows += batch->num_rows();
    auto written = (*encoder)->Write(batch);
    EXPECT_TRUE(written.ok()) << written.error().message;
  }
  auto finished = (*encoder)->Finish();
  EXPECT_TRUE(finished.ok()) << finished.error().message;
  EXPECT_EQ((*encoder)->rows(), rows);
  return std::move(out.bytes);
}

/// "code: message" of a schema that is refused, or "" with a failure.
inline std::string Refusal(const EncoderEntry& entry, const OptionPairs& pairs,
                           const SchemaPtr& schema) {
  auto checked = entry.check(ParsedOptions(entry, pairs), schema);
  EXPECT_FALSE(checked.ok()) << "not refused: " << schema->ToString();
  if (checked.ok()) return "";
  EXPECT_EQ(checked.error().blame, Blame::kUser);
  return ToString(checked.error());
}

}  // namespace sluice
