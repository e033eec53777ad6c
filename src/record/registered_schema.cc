#include "record/registered_schema.h"

namespace sluice {

std::string ToString(const SchemaId& id) {
  if (id.kind == SchemaId::Kind::kConfluentId) {
    std::uint32_t number = 0;
    for (int i = 0; i < 4; ++i) number = number << 8 | id.bytes[i];
    return std::to_string(number);
  }
  constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (std::size_t i = 0; i < id.bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    out += kHex[id.bytes[i] >> 4];
    out += kHex[id.bytes[i] & 15];
  }
  return out;
}

}  // namespace sluice
