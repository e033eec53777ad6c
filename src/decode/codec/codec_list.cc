#include "decode/codec/codec_list.h"

namespace sluice {
namespace {

using namespace std::string_view_literals;

bool Always(std::string_view) { return true; }

/// Window of 32 KiB and one of the four levels: what compressors write; with a dictionary two of
/// them. The rest of the headers that pass is text too often.
bool IsUsualZlib(std::string_view in) {
  return in.size() >= 2 && in[0] == '\x78' && "\x01\x5e\x9c\xda\xbb\xf9"sv.find(in[1]) != in.npos;
}

}  // namespace

const std::array<Codec, kNumCodecs>& Codecs() {
  static const std::array<Codec, kNumCodecs> codecs = {{
      {"snappy-framed", "framed snappy", "\xff"sv, BeginsSnappyFramed, Always,
       DecompressSnappyFramed},
      {"snappy-xerial", "xerial snappy", "\x82"sv, BeginsSnappyXerial, Always,
       DecompressSnappyXerial},
      {"gzip", "gzip", "\x1f"sv, BeginsGzip, Always, DecompressGzip},
      {"bzip2", "bzip2", "B"sv, BeginsBzip2, Always, DecompressBzip2},
      {"xz", "xz", "\xfd"sv, BeginsXz, Always, DecompressXz},
      // P to _: skippable frames.
      {"zstd", "zstd", "\x28PQRSTUVWXYZ[\\]^_"sv, BeginsZstd, Always, DecompressZstd},
      {"lz4", "lz4", "\x04PQRSTUVWXYZ[\\]^_"sv, BeginsLz4, Always, DecompressLz4},
      {"zlib", "zlib", "\x08\x18\x28\x38\x48\x58\x68\x78"sv, BeginsZlib, IsUsualZlib,
       DecompressZlib},
      {"snappy-hadoop", "Hadoop's snappy", "", nullptr, nullptr, DecompressSnappyHadoop},
      {"snappy-raw", "raw snappy", "", nullptr, nullptr, DecompressSnappyRaw},
      {"deflate-raw", "raw deflate", "", nullptr, nullptr, DecompressRawDeflate},
  }};
  return codecs;
}

const std::array<std::uint16_t, 256>& CodecsByFirstByte() {
  static const std::array<std::uint16_t, 256> table = [] {
    std::array<std::uint16_t, 256> filled{};
    for (const Codec& codec : Codecs()) {
      for (char c : codec.first_bytes) {
        filled[static_cast<unsigned char>(c)] |= static_cast<std::uint16_t>(1u << IndexOf(codec));
      }
    }
    return filled;
  }();
  return table;
}

const Codec* FindCodec(std::string_view name) {
  for (const Codec& codec : Codecs()) {
    if (codec.name == name) return &codec;
  }
  return nullptr;
}

}  // namespace sluice
