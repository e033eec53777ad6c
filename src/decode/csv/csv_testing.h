/// What the tests of the CSV decoder share.
#pragma once

#include <arrow/memory_pool.h>
#include <arrow/type.h>

#include <string>
#include <utility>
#include <vector>

#include "decode/csv/csv_format.h"
#include "decode/decode_testing.h"

namespace sluice {

inline DecodedRows DecodeCsv(const std::string& ddl, const std::vector<std::string>& messages,
                             CsvReaderOptions options = {}) {
  auto schema = ParseDdl(ddl);
  EXPECT_TRUE(schema.ok()) << schema.error().message;
  auto decoder = MakeCsvDecoder(*schema, std::move(options), arrow::default_memory_pool());
  EXPECT_TRUE(decoder.ok()) << decoder.error().message;
  return DecodeMessages(decoder->get(), messages);
}

}  // namespace sluice
