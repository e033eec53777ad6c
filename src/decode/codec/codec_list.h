/// The codecs by name, and which of them a message's first byte allows.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "decode/codec/codec.h"
#include "decode/compression.h"

namespace sluice {

/// Adding a codec is a file with its function and a line in codec_list.cc.
struct Codec {
  const char* name;              ///< The option's word and the metric's label.
  const char* title;             ///< For sentences: "framed snappy".
  std::string_view first_bytes;  ///< What its streams can begin with; "" without a magic number.
  bool (*begins)(std::string_view in);  ///< Whether they do; nullptr without a magic number.
  /// Whether text practically never begins so: then a stream that fails its checks is worth saying.
  bool (*surely)(std::string_view in);
  DecompressFunction decompress;
};

/// In the order in which they are tried: those with a magic number, then those without.
const std::array<Codec, kNumCodecs>& Codecs();
inline std::size_t IndexOf(const Codec& codec) {
  return static_cast<std::size_t>(&codec - Codecs().data());
}
/// nullptr if there is none.
const Codec* FindCodec(std::string_view name);
/// For each byte the codecs with a magic number that can begin with it: bit i is Codecs()[i].
const std::array<std::uint16_t, 256>& CodecsByFirstByte();

}  // namespace sluice
