/// Batches that do not fit in memory, first in, first out, in a file without a name.
#pragma once

#include <arrow/record_batch.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "core/result.h"
#include "record/schema.h"

namespace sluice {

/// One thread at a time. The file is unlinked as soon as it is made: nothing is left after a crash.
class SpoolFile {
 public:
  static Result<std::unique_ptr<SpoolFile>> Make(const std::string& directory, SchemaPtr schema);
  ~SpoolFile();

  /// The bytes written. A full disk is an error that names the directory.
  Result<std::int64_t> Append(const arrow::RecordBatch& rows);
  /// REQUIRES: !empty().
  Result<std::shared_ptr<arrow::RecordBatch>> Take();
  bool empty() const { return batches_.empty(); }

 private:
  struct Extent {
    std::int64_t offset;
    std::int64_t size;
  };
  SpoolFile(int fd, std::string directory, SchemaPtr schema);

  int fd_;
  std::string directory_;
  SchemaPtr schema_;
  std::deque<Extent> batches_;
  std::int64_t end_ = 0;
};

}  // namespace sluice
