/// Writes rows as a file of some format: Parquet, JSON lines, ...
///
/// Make -> Write* -> Finish. One thread at a time. An encoder does no I/O of its own: bytes go to a
/// ByteSink in order, as early as the format allows, so that memory does not grow with the file.
#pragma once

#include <arrow/record_batch.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/options.h"
#include "core/registry.h"
#include "core/result.h"
#include "record/schema.h"

namespace sluice {

/// Where an encoder's bytes go. REQUIRES: outlives the encoder.
class ByteSink {
 public:
  virtual ~ByteSink() = default;
  virtual Result<void> Append(std::string_view bytes) = 0;
};

class FileEncoder {
 public:
  virtual ~FileEncoder() = default;
  /// `rows` has the schema the encoder was made with.
  virtual Result<void> Write(const std::shared_ptr<arrow::RecordBatch>& rows) = 0;
  /// Rows written so far; after Finish, those in the file, as the format itself counted them.
  virtual std::int64_t rows() const = 0;
  /// What is not yet with the ByteSink: its size once encoded, estimated.
  virtual std::size_t buffered() const = 0;
  /// Bytes of memory that Flush would free.
  virtual std::size_t memory() const = 0;
  /// Bytes of memory that only the encoder's end frees, about: what the footer will hold.
  virtual std::size_t held() const = 0;
  /// Hands over what can be handed over now (Parquet: ends the row group), to free memory.
  virtual Result<void> Flush() = 0;
  /// Writes what is left and the footer. No call may follow.
  virtual Result<void> Finish() = 0;
};

/// A file format as the lists in src/main/ and `sluice describe` know it.
struct EncoderEntry {
  std::string name;  ///< The `format`: "parquet".
  std::string summary;
  std::vector<OptionSpec> options;  ///< `compression` among them.
  /// File name extension with the codec, by the options: ".snappy.parquet", ".json.gz".
  std::function<std::string(const Options&)> extension;
  /// Checks that every type of `schema` can be written; user errors name the column.
  std::function<Result<void>(const Options&, const SchemaPtr& schema)> check;
  std::function<Result<std::unique_ptr<FileEncoder>>(const Options&, const SchemaPtr& schema,
                                                     ByteSink* out)>
      make;
};
using EncoderRegistry = Registry<EncoderEntry>;

}  // namespace sluice
