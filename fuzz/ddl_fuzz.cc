// Any bytes as DDL: a schema that is accepted comes back the same from its own text.
#include <arrow/type.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "record/schema.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto schema = sluice::ParseDdl({reinterpret_cast<const char*>(data), size});
  if (!schema.ok()) return 0;
  auto again = sluice::ParseDdl(sluice::FormatDdl(**schema));
  if (!again.ok() || !(*again)->Equals(**schema, /*check_metadata=*/true)) std::abort();
  return 0;
}
