/// Columns under construction: what decoders append to, value by value.
///
/// Made for hot loops: no virtual call, no allocation but when a buffer must grow, no work for
/// validity unless a value is null. Any column can be cut back to an earlier length, which is how a
/// bad row or message leaves no trace. At the end of a batch Finish() hands the buffers over
/// without copying; the next batch starts with buffers of about the size this one needed.
///
/// One thread at a time. Append functions return false when memory ran out, and only then; the
/// column can still be cut back. Lengths and offsets are 32 bits: a batch holds less than 2^31
/// bytes.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "decode/grow_buffer.h"

namespace sluice {

enum class ColumnKind : std::uint8_t {
  kBool,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kFloat,
  kDouble,
  kDecimal,
  kDate,
  kTimestamp,
  kTimestampNtz,
  kString,
  kBinary,
  kList,
  kMap,
  kStruct,
};

/// A column of one canonical type (record/schema.h) with its children: a list's element, a map's
/// key and value, a struct's fields.
class ColumnBuilder {
 public:
  /// A struct column whose fields are the schema's: one row of the batch is one struct.
  static Result<std::unique_ptr<ColumnBuilder>> ForSchema(const arrow::Schema& schema,
                                                          arrow::MemoryPool* pool);
  ~ColumnBuilder();

  ColumnKind kind() const { return kind_; }
  const std::shared_ptr<arrow::DataType>& type() const { return type_; }
  bool nullable() const { return nullable_; }
  const std::string& path() const { return path_; }  ///< "geo.lat", "tags.element"
  std::int32_t length() const { return length_; }
  ColumnBuilder* child(std::size_t index) const { return children_[index].get(); }
  std::size_t num_children() const { return children_.size(); }

  /// REQUIRES: a fixed-width kind whose values have T's size (kBool: one byte, 0 or 1).
  template <typename T>
  bool AppendFixed(T value) {
    if (!values_.Append(value)) return false;
    ++length_;
    return true;
  }

  /// kString, kBinary: reserve, write at the returned place, then say how much. nullptr: no memory.
  char* ReserveBytes(std::size_t most) {
    if (!values_.Reserve(static_cast<std::int64_t>(most))) return nullptr;
    return reinterpret_cast<char*>(values_.data() + values_.size());
  }
  bool CommitBytes(std::size_t written) {
    values_.set_size(values_.size() + static_cast<std::int64_t>(written));
    if (!offsets_.Append(static_cast<std::int32_t>(values_.size()))) return false;
    ++length_;
    return true;
  }

  /// kList, kMap: everything appended to the children since the last close is one value.
  bool CloseList() {
    if (!offsets_.Append(children_[0]->length_)) return false;
    ++length_;
    return true;
  }
  /// kStruct. REQUIRES: every child is one longer than this.
  void CloseStruct() { ++length_; }

  /// Appends a null, nested children filled in as Arrow wants them.
  bool AppendNull();

  /// Cuts everything behind the first `length` values off, also what was begun and not closed.
  void Truncate(std::int32_t length);

  /// kBinary, kString, kList, kMap: where value `index` begins in values or children. index <=
  /// length().
  std::int32_t OffsetAt(std::int32_t index) const {
    std::int32_t offset;
    std::memcpy(&offset, offsets_.data() + static_cast<std::int64_t>(index) * 4, 4);
    return offset;
  }
  const char* bytes() const { return reinterpret_cast<const char*>(values_.data()); }

  /// Must be called before the first value of each batch.
  Result<void> Start();
  /// Everything appended since Start().
  Result<std::shared_ptr<arrow::ArrayData>> Finish();

 private:
  ColumnBuilder(std::shared_ptr<arrow::DataType> type, bool nullable, std::string path,
                arrow::MemoryPool* pool);
  static Result<std::unique_ptr<ColumnBuilder>> Make(const std::shared_ptr<arrow::DataType>& type,
                                                     bool nullable, std::string path,
                                                     arrow::MemoryPool* pool);
  bool AppendFiller();
  bool AppendZero();
  Result<std::shared_ptr<arrow::Buffer>> FinishValidity();
  Result<std::shared_ptr<arrow::Buffer>> FinishBools();

  ColumnKind kind_;
  bool nullable_;
  std::uint8_t width_ = 0;  ///< Bytes of a value in values_; 0 where there is none.
  bool has_offsets_ = false;
  std::int32_t length_ = 0;
  GrowBuffer values_;
  GrowBuffer offsets_;
  GrowBuffer nulls_;  ///< Indexes of the nulls, ascending, 32 bits each: valid values cost nothing.
  std::vector<std::unique_ptr<ColumnBuilder>> children_;
  std::shared_ptr<arrow::DataType> type_;
  std::string path_;
  arrow::MemoryPool* pool_;
};

}  // namespace sluice
