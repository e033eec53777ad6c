/// The codecs of Avro's blocks (specification 1.12): null, deflate, snappy with its checksum,
/// bzip2, xz, zstandard.
///
/// A block is compressed in one piece. Compressors and what they write to are kept for each thread
/// and used again, so that an open file holds none; they are freed when the thread ends.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace sluice {

struct AvroBlockCodec {
  const char* option;  ///< The word of the option `compression`.
  const char* name;    ///< In the file.
  /// The result is good until the next call in the same thread. REQUIRES: at most kMaxAvroBlock.
  Result<std::string_view> (*compress)(std::string_view block);
};

/// Most that a codec can be asked to take: their libraries count in 32 bits.
inline constexpr std::size_t kMaxAvroBlock = 1u << 30;

const std::vector<AvroBlockCodec>& AvroBlockCodecs();
/// nullptr if there is none.
const AvroBlockCodec* FindAvroBlockCodec(std::string_view option);

}  // namespace sluice
