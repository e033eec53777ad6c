/// Compresses, for tests, benchmarks and fuzz seeds. Not part of sluice.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "decode/codec/codec.h"

namespace sluice {

/// A form in which a producer may send a message.
struct TestCodec {
  const char* name;  ///< As the `compression` option has it.
  std::string (*compress)(std::string_view plain);
  DecompressFunction decompress;
};

/// All of them, once each.
const std::vector<TestCodec>& TestCodecs();
/// REQUIRES: it exists.
const TestCodec& FindTestCodec(std::string_view name);

/// "1f 8b" to bytes; spaces do not count.
std::string FromHex(std::string_view hex);

}  // namespace sluice
