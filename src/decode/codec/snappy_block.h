/// What the forms of snappy share: one raw block, big-endian lengths.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "decode/codec/capped_output.h"

namespace sluice {

/// Decompresses all of `block`, to at most `most` bytes (beyond is kBroken). On failure `*reason`
/// is set and nothing was written.
CodecStatus ReadSnappyBlock(std::string_view block, std::size_t most, CappedOutput* out,
                            const char** reason);

/// REQUIRES: in.size() >= at + 4.
inline std::uint32_t BigEndian32(std::string_view in, std::size_t at) {
  const auto byte = [&](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(in[at + i]));
  };
  return byte(0) << 24 | byte(1) << 16 | byte(2) << 8 | byte(3);
}

}  // namespace sluice
