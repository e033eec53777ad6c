#include "decode/avro/avro_varint.h"

namespace sluice {

const std::uint8_t* ReadAvroLongSlow(const std::uint8_t* p, const std::uint8_t* end,
                                     std::int64_t* out) {
  std::uint64_t bits = 0;
  for (int shift = 0; shift < 70 && p != end; shift += 7) {
    const std::uint64_t byte = *p++;
    if (shift == 63 && byte > 1) return nullptr;
    bits |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      *out = FromZigZag(bits);
      return p;
    }
  }
  return nullptr;
}

}  // namespace sluice
