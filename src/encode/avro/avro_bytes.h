/// The bytes of a block being filled, and how Avro writes its primitive values.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace sluice {

/// One thread. Grows by doubling, so that most values cost a comparison and a copy.
class AvroBytes {
 public:
  std::size_t size() const { return size_; }
  std::size_t capacity() const { return bytes_.capacity(); }
  std::string_view view() const { return {bytes_.data(), size_}; }
  /// Empties it, and gives memory back beyond `keep` bytes.
  void Clear(std::size_t keep) {
    size_ = 0;
    if (bytes_.capacity() > keep) std::string().swap(bytes_);
  }

  void Byte(std::uint8_t byte) { *Room(1) = static_cast<char>(byte), ++size_; }
  /// Zig-zag coded, in as few groups of seven bits as it takes.
  void Long(std::int64_t value) {
    auto left = static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63);
    char* at = Room(10);
    char* const begin = at;
    for (; left >= 0x80; left >>= 7) *at++ = static_cast<char>(left | 0x80);
    *at++ = static_cast<char>(left);
    size_ += static_cast<std::size_t>(at - begin);
  }
  template <typename Number>
  void Real(Number value) {
    static_assert(std::endian::native == std::endian::little, "Avro's reals are little-endian");
    std::memcpy(Room(sizeof value), &value, sizeof value);
    size_ += sizeof value;
  }
  void Raw(std::string_view bytes) {
    // The data of an empty view may be null.
    if (!bytes.empty()) std::memcpy(Room(bytes.size()), bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  /// Of a string or bytes: with the length in front.
  void Text(std::string_view bytes) {
    Long(static_cast<std::int64_t>(bytes.size()));
    Raw(bytes);
  }

 private:
  char* Room(std::size_t more) {
    if (__builtin_expect(bytes_.size() - size_ < more, 0)) {
      bytes_.resize(std::max<std::size_t>({size_ + more, bytes_.size() * 2, 1024}));
    }
    return bytes_.data() + size_;
  }

  std::string bytes_;  ///< As long as there is room.
  std::size_t size_ = 0;
};

}  // namespace sluice
