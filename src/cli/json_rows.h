/// Rows as JSON lines, through the registered file format "json".
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "encode/encoder.h"

namespace sluice {

/// Make -> Write* -> Finish. One thread at a time.
class JsonRows {
 public:
  /// Lines go to `out`, which outlives this. A bug if no format is called "json".
  static Result<std::unique_ptr<JsonRows>> Make(const EncoderRegistry& encoders,
                                                const SchemaPtr& schema, ByteSink* out);
  Result<void> Write(const std::shared_ptr<arrow::RecordBatch>& rows);
  Result<void> Finish();

 private:
  explicit JsonRows(std::unique_ptr<FileEncoder> encoder) : encoder_(std::move(encoder)) {}
  std::unique_ptr<FileEncoder> encoder_;
};

/// One text for each row of `rows`.
Result<std::vector<std::string>> RowsToJson(const EncoderRegistry& encoders,
                                            const std::shared_ptr<arrow::RecordBatch>& rows);

}  // namespace sluice
