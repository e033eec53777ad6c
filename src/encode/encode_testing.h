/// What the tests of all encoders share.
#pragma once

#include <arrow/array.h>
#include <arrow/array/concatenate.h>
#include <arrow/array/util.h>
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

/// Columns of all types, nested ones in each other.
inline SchemaPtr EveryType() {
  return *ParseDdl(
      "id bigint NOT NULL, b boolean, i8 tinyint, i16 smallint, i32 int, i64 bigint, f float, "
      "d double, small decimal(9,2), big decimal(38,10), s string, bin binary, day date, "
      "ts timestamp, ntz timestamp_ntz, l array<string>, ll array<array<int>>, m map<string,int>, "
      "st struct<lat:double,deep:struct<x:int NOT NULL,l:array<struct<k:string,m:map<string,"
      "decimal(5,1)>>>>>");
}

/// Edge values of each of them, and nulls on every level.
inline std::shared_ptr<arrow::RecordBatch> EdgeRows() {
  return RowsFromJson(EveryType(), R"([
    {"id": 1, "b": true, "i8": 1, "i16": 2, "i32": 3, "i64": 4, "f": 1.5, "d": 2.5, "small": "1.25",
     "big": "1.0000000001", "s": "\u00e4 \"q\" \n,;\t\\", "bin": "xyz", "day": 19000,
     "ts": 1767225600000123, "ntz": 1, "l": ["a", null, ""], "ll": [[1, null], null, []],
     "m": [["k", 1], ["", null]],
     "st": {"lat": 52.5, "deep": {"x": 7, "l": [{"k": "y", "m": [["z", "-0.1"]]}, null]}}},
    {"id": 2, "b": null, "i8": null, "i16": null, "i32": null, "i64": null, "f": null, "d": null,
     "small": null, "big": null, "s": null, "bin": null, "day": null, "ts": null, "ntz": null,
     "l": null, "ll": null, "m": null, "st": null},
    {"id": 3, "b": false, "i8": -128, "i16": -32768, "i32": -2147483648,
     "i64": -9223372036854775808, "f": -Inf, "d": -Inf, "small": "-9999999.99",
     "big": "-9999999999999999999999999999.9999999999", "s": "", "bin": "", "day": -1, "ts": -1,
     "ntz": -1, "l": [], "ll": [], "m": [], "st": {"lat": null, "deep": null}},
    {"id": 4, "b": true, "i8": 127, "i16": 32767, "i32": 2147483647, "i64": 9223372036854775807,
     "f": Inf, "d": Inf, "small": "9999999.99",
     "big": "9999999999999999999999999999.9999999999", "s": "\u0001", "bin": "\u0000", "day": -719162,
     "ts": -62135596800000000, "ntz": 253402300799999999, "l": [null], "ll": [[]], "m": [["n", 5]],
     "st": {"lat": -0.0, "deep": {"x": -1, "l": []}}},
    {"id": 5, "b": false, "i8": 0, "i16": 0, "i32": 0, "i64": 0, "f": 0, "d": 5e-324,
     "small": "0.00", "big": "-0.0000000128", "s": "x", "bin": "\u00ff", "day": 2932896,
     "ts": -1000001, "ntz": -62135596800000000, "l": ["b"], "ll": [[9]], "m": null,
     "st": {"lat": 1e300, "deep": {"x": 0, "l": null}}}])");
}

/// The same values, where each array and each that it is made of begins within its buffers.
inline std::shared_ptr<arrow::ArrayData> ShiftedData(const arrow::ArrayData& data) {
  auto whole = arrow::MakeArray(data.Copy());
  const std::int64_t first = data.length == 0 ? 0 : 1;
  // What stands before is other than what stands there.
  auto shifted = (*arrow::Concatenate({whole->Slice(first), whole->Slice(0, first), whole}))
                     ->data()
                     ->Slice(data.length, data.length);
  for (auto& child : shifted->child_data) child = ShiftedData(*child);
  return shifted;
}

inline std::shared_ptr<arrow::RecordBatch> Shifted(const arrow::RecordBatch& rows) {
  std::vector<std::shared_ptr<arrow::ArrayData>> columns;
  for (int i = 0; i < rows.num_columns(); ++i) columns.push_back(ShiftedData(*rows.column_data(i)));
  auto shifted = arrow::RecordBatch::Make(rows.schema(), rows.num_rows(), std::move(columns));
  EXPECT_TRUE(shifted->ValidateFull().ok()) << shifted->ValidateFull().ToString();
  EXPECT_TRUE(shifted->Equals(rows));
  return shifted;
}

}  // namespace sluice
