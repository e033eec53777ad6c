// Any text as an Avro schema: the canonical form of what is accepted is accepted, and its own.
// Unless a type without namespace stands within one: canonical form cannot say so.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "decode/avro/avro_columns.h"
#include "decode/avro/avro_schema.h"
#include "record/schema.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto schema =
      sluice::AvroSchema::Parse(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!schema.ok()) return 0;
  const std::string canonical = (*schema)->CanonicalForm();
  if (canonical.find('.') == std::string::npos && canonical.size() < 1 << 20) {
    const auto again = sluice::AvroSchema::Parse(canonical);
    if (!again.ok() || (*again)->CanonicalForm() != canonical) std::abort();
    if ((*again)->Fingerprint() != (*schema)->Fingerprint()) std::abort();
  }
  const auto columns = sluice::AvroColumns(**schema);
  if (columns.ok() && !sluice::AvroSchemaOfColumns(**columns).ok()) std::abort();
  return 0;
}
