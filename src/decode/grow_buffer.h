/// The bytes of a column under construction. One thread at a time.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <cstring>
#include <memory>

#include "core/result.h"

namespace sluice {

/// Bytes that grow and end as an arrow::Buffer.
class GrowBuffer {
 public:
  explicit GrowBuffer(arrow::MemoryPool* pool);
  ~GrowBuffer();

  std::uint8_t* data() const { return data_; }
  std::int64_t size() const { return size_; }
  /// Makes room for `more` bytes behind size(), which the caller may write.
  bool Reserve(std::int64_t more) {
    if (__builtin_expect(size_ + more <= capacity_, 1)) return true;
    return Grow(more);
  }
  /// Counts bytes written, or cuts back. REQUIRES: size <= what was reserved.
  void set_size(std::int64_t size) { size_ = size; }
  template <typename T>
  bool Append(T value) {
    if (!Reserve(sizeof(T))) return false;
    std::memcpy(data_ + size_, &value, sizeof(T));
    size_ += static_cast<std::int64_t>(sizeof(T));
    return true;
  }
  /// Hands the bytes over and starts empty. Never null.
  Result<std::shared_ptr<arrow::Buffer>> Finish();

 private:
  bool Grow(std::int64_t more);

  arrow::MemoryPool* pool_;
  std::unique_ptr<arrow::ResizableBuffer> buffer_;
  std::uint8_t* data_ = nullptr;
  std::int64_t size_ = 0;
  std::int64_t capacity_ = 0;
  std::int64_t expected_ = 0;  ///< Size at the last Finish.
};

}  // namespace sluice
