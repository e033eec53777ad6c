/// CRC-32C (Castagnoli, RFC 3720 appendix B.4), as Kafka, Avro's snappy frame and our log use it.
#pragma once

#include <cstdint>
#include <string_view>

namespace sluice {

/// Continues `crc` (0 to begin) over `bytes`. "123456789" gives 0xe3069283.
std::uint32_t Crc32c(std::string_view bytes, std::uint32_t crc = 0);

}  // namespace sluice
