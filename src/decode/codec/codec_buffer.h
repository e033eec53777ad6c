/// The bytes that decompression appends to. Cleared, not freed, between batches.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <string_view>

namespace sluice {

/// One thread at a time. Growing moves the bytes: keep offsets, not pointers, until all is written.
class CodecBuffer {
 public:
  CodecBuffer() = default;
  CodecBuffer(const CodecBuffer&) = delete;
  CodecBuffer& operator=(const CodecBuffer&) = delete;
  ~CodecBuffer() { std::free(data_); }

  char* data() const { return data_; }
  std::size_t size() const { return size_; }
  std::size_t capacity() const { return capacity_; }
  std::string_view view() const { return {data_, size_}; }

  /// Makes room for `more` bytes behind size(), which the caller may write. False: no memory.
  bool Reserve(std::size_t more) {
    return more <= capacity_ - size_ || Grow(std::max(size_ + more, capacity_ * 2));
  }
  /// Counts bytes written behind size(), or cuts back. REQUIRES: size <= capacity().
  void set_size(std::size_t size) { size_ = size; }
  void Clear() { size_ = 0; }
  /// Clears, and gives memory back beyond `keep` bytes.
  void Trim(std::size_t keep) {
    size_ = 0;
    if (capacity_ <= keep) return;
    std::free(data_);
    data_ = nullptr;
    capacity_ = 0;
  }

 private:
  bool Grow(std::size_t capacity) {
    capacity = std::max<std::size_t>(capacity, 4096);
    char* grown = static_cast<char*>(std::realloc(data_, capacity));
    if (grown == nullptr) return false;
    data_ = grown;
    capacity_ = capacity;
    return true;
  }

  char* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace sluice
