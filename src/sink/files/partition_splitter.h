/// Tells for each row which partition folder it belongs to.
#pragma once

#include <arrow/record_batch.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/result.h"
#include "record/schema.h"
#include "sink/files/partition_path.h"
#include "sink/sink.h"

namespace sluice {

/// Partitions are numbered in the order in which they are first seen; after a value has been seen,
/// a row costs a hash lookup per key and no allocation. One thread.
class PartitionSplitter {
 public:
  static constexpr std::int32_t kRefused = -1;

  /// User errors name keys that are no columns, or whose type cannot be part of a path. `open`: a
  /// key that is no column may become one, and is null until then.
  /// A row whose folders would come to more than `max_path` bytes is refused.
  static Result<std::unique_ptr<PartitionSplitter>> Make(
      const SchemaPtr& schema, const std::vector<std::string>& keys, bool open = false,
      std::size_t max_path = kMaxPartitionPathBytes);

  /// The schema without the keys: that of the files.
  const SchemaPtr& file_schema() const { return file_schema_; }
  Result<std::shared_ptr<arrow::RecordBatch>> WithoutKeys(const arrow::RecordBatch& rows) const;

  /// Sets `partitions` to one number a row, kRefused for those added to `refused`.
  void Split(const arrow::RecordBatch& rows, std::vector<std::int32_t>* partitions,
             std::vector<SinkRefusal>* refused);

  std::size_t partition_count() const { return paths_.size(); }
  /// "city=Berlin/day=2026-11-23".
  const std::string& path(std::int32_t partition) const {
    return paths_[static_cast<std::size_t>(partition)].path;
  }
  /// Estimated bytes of what is remembered of the values seen.
  std::size_t memory() const { return memory_; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  /// A key column. Values become codes; code 0 is null.
  struct Key {
    std::string name;
    int column = 0;  ///< -1: there is none yet.
    std::unordered_map<std::string, std::int32_t, Hash, std::equal_to<>> codes = {};
    std::vector<std::string> folders = {};  ///< By code: "city=Berlin".
    /// Of the keys before this one and this one's code: a number for both.
    std::unordered_map<std::uint64_t, std::int32_t> pairs = {};
    std::vector<std::pair<std::int32_t, std::int32_t>> parts = {};  ///< The inverse of `pairs`.
  };
  struct Path {
    std::string path;
    int refused_key =
        -1;  ///< Index of the key whose folder name, or with which the path, is too long.
  };

  PartitionSplitter(SchemaPtr file_schema, std::size_t max_path)
      : file_schema_(std::move(file_schema)),
        max_path_(std::min(max_path, kMaxPartitionPathBytes)) {}
  void Encode(Key* key, const arrow::Array& column, std::vector<std::int32_t>* codes);
  std::int32_t NewCode(Key* key, std::string_view bytes, const arrow::Array& column,
                       std::int64_t row);
  void AddPath(std::int32_t combined);

  const SchemaPtr file_schema_;
  const std::size_t max_path_;
  std::vector<int> file_columns_;
  std::vector<Key> keys_;
  std::vector<Path> paths_;          ///< By the number the last key's `pairs` gives.
  std::vector<std::int32_t> codes_;  ///< Scratch.
  std::size_t memory_ = 0;
};

}  // namespace sluice
