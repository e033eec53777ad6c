/// What the tests of the JSON decoder share.
#pragma once

#include <arrow/memory_pool.h>
#include <arrow/type.h>

#include <string>
#include <utility>
#include <vector>

#include "decode/decode_testing.h"
#include "decode/json/json_format.h"

namespace sluice {

inline DecodedRows DecodeAll(const std::string& ddl, const std::vector<std::string>& messages,
                             JsonReaderOptions options = {}) {
  auto schema = ParseDdl(ddl);
  EXPECT_TRUE(schema.ok()) << schema.error().message;
  auto decoder = MakeJsonDecoder(*schema, std::move(options), arrow::default_memory_pool());
  EXPECT_TRUE(decoder.ok()) << decoder.error().message;
  return DecodeMessages(decoder->get(), messages);
}

}  // namespace sluice
