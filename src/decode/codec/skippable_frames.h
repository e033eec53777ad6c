/// Skippable frames, which zstd and lz4 have in common (RFC 8878, section 3.1.2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace sluice {

/// Four bytes, least significant first. REQUIRES: in.size() >= at + 4. x86-64 is little-endian.
inline std::uint32_t LittleEndian32(std::string_view in, std::size_t at) {
  std::uint32_t value;
  std::memcpy(&value, in.data() + at, 4);
  return value;
}

/// The size of the skippable frame at the beginning of `in`; 0 if there is none, or only a part.
inline std::size_t SkippableFrame(std::string_view in) {
  if (in.size() < 8 || (LittleEndian32(in, 0) & 0xfffffff0u) != 0x184d2a50u) return 0;
  const std::size_t size = LittleEndian32(in, 4);
  return size <= in.size() - 8 ? 8 + size : 0;
}

/// Where the first frame begins that is not skippable; in.size() if there is none.
inline std::size_t SkipFrames(std::string_view in, std::size_t at) {
  while (const std::size_t size = SkippableFrame(in.substr(at))) at += size;
  return at;
}

}  // namespace sluice
