/// Avro's variable-length, zig-zag coded integers.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace sluice {

/// One that reaches over more than eight bytes or ends near the end of the input.
const std::uint8_t* ReadAvroLongSlow(const std::uint8_t* p, const std::uint8_t* end,
                                     std::int64_t* out);

inline std::int64_t FromZigZag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1 ^ (0 - (value & 1)));
}

/// Reads a long at `p` and returns what is behind it; nullptr if it does not end before `end`, or
/// has more than 64 bits. Encodings longer than need be are fine, up to ten bytes.
inline const std::uint8_t* ReadAvroLong(const std::uint8_t* p, const std::uint8_t* end,
                                        std::int64_t* out) {
  if (p != end && *p < 0x80) {
    *out = FromZigZag(*p);
    return p + 1;
  }
  if (__builtin_expect(end - p < 8, 0)) return ReadAvroLongSlow(p, end, out);
  std::uint64_t bits;
  static_assert(std::endian::native == std::endian::little, "loads assume little-endian order");
  std::memcpy(&bits, p, 8);
  const std::uint64_t stops = ~bits & 0x8080808080808080;
  if (__builtin_expect(stops == 0, 0)) return ReadAvroLongSlow(p, end, out);
  // The bytes up to the first without its high bit; then their groups of 7 bits are drawn together.
  bits &= (stops ^ (stops - 1)) & 0x7f7f7f7f7f7f7f7f;
  bits = (bits & 0x007f007f007f007f) | (bits & 0x7f007f007f007f00) >> 1;
  bits = (bits & 0x00003fff00003fff) | (bits & 0x3fff00003fff0000) >> 2;
  bits = (bits & 0x000000000fffffff) | (bits & 0x0fffffff00000000) >> 4;
  *out = FromZigZag(bits);
  return p + (std::countr_zero(stops) + 1) / 8;
}

/// The same for an int: at most five bytes and 32 bits.
inline const std::uint8_t* ReadAvroInt(const std::uint8_t* p, const std::uint8_t* end,
                                       std::int32_t* out) {
  std::int64_t value;
  const std::uint8_t* next = ReadAvroLong(p, end, &value);
  *out = static_cast<std::int32_t>(value);
  return next != nullptr && next - p <= 5 && *out == value ? next : nullptr;
}

}  // namespace sluice
