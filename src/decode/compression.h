/// The option `compression` of every source: how its records are compressed.
///
/// docs/compression.md is the table of what is read and how it is told apart.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "core/options.h"

namespace sluice {

struct Codec;
inline constexpr std::size_t kNumCodecs = 11;

/// What the option says.
struct Compression {
  bool detect = true;  ///< auto
  /// Every record is compressed in one of these forms; empty otherwise.
  std::vector<const Codec*> expected;
  std::string name = "auto";  ///< As the user wrote it, in small letters.
};

OptionSpec CompressionOption();
/// REQUIRES: `name` is one of the option's choices.
Compression MakeCompression(const std::string& name);

/// All codecs, in the order of DecodedBatch::decompressed.
std::vector<std::string> CodecNames();

}  // namespace sluice
