/// Fills the made columns of a source (record/made_columns.h), whatever its format.
///
/// The format's own decoder reads the columns that records have keys for, and rescues what they do
/// not take. Of that, a value of a column with made ones goes to the first of them that holds it
/// whole; the rest stays in `_rescued`. Batches of which nothing was rescued cost next to nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "decode/decoder.h"
#include "decode/rescued_column.h"
#include "record/known_schema.h"

namespace sluice {

class MadeColumnsDecoder final : public Decoder {
 public:
  /// `base` detects and knows `known.keyed()`. `values` is a format that reads JSON and detects.
  /// `texts`: of `base`, rescued values are texts whatever they stand for (CSV).
  static Result<std::unique_ptr<Decoder>> Make(std::unique_ptr<Decoder> base,
                                               const FormatEntry& values, const KnownSchema& known,
                                               bool texts, const DecodeLimits& limits);

  const SchemaPtr& schema() const override { return schema_; }
  void StartBatch(const RawBatch& raw) override { base_->StartBatch(raw); }
  bool MayBeMessage(std::string_view bytes) override { return base_->MayBeMessage(bytes); }
  Result<DecodedRows> Decode(const std::vector<Payload>& payloads) override;

 private:
  struct MadeColumn;
  struct Try;
  MadeColumnsDecoder() = default;
  std::string TokenFor(const MadeColumn& column, std::string_view value) const;
  std::vector<Try> FindTries(const arrow::StringArray& rescued) const;
  Result<std::shared_ptr<arrow::RecordBatch>> ReadTries(std::vector<Try>* tries);

  std::unique_ptr<Decoder> base_;
  std::unique_ptr<Decoder> values_;  ///< Knows the made columns, in the order of made_.
  SchemaPtr schema_;
  bool texts_ = false;
  std::vector<MadeColumn> made_;
  std::map<std::string, std::vector<std::size_t>, std::less<>> made_of_path_;
};

}  // namespace sluice
