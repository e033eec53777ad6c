// Any bytes as a JSON message: the first byte picks the schema, the rest is decoded twice, alone
// and between two broken messages, which must change nothing.
#include <arrow/array.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "decode/json/json_format.h"
#include "record/schema.h"

namespace {

std::vector<std::unique_ptr<sluice::Decoder>> MakeDecoders() {
  std::vector<std::unique_ptr<sluice::Decoder>> decoders;
  for (const char* ddl :
       {"none_of_them string", "a bigint, b string, c double, d boolean",
        "a array<struct<a:int,b:array<string>>>, b map<string,map<string,int>>, c "
        "struct<c:struct<a:int>>",
        "a timestamp, b date, c decimal(12,3), d binary, e timestamp_ntz, f float, g tinyint",
        "a int NOT NULL, b struct<c:string NOT NULL,d:smallint>"}) {
    for (bool path : {false, true}) {
      sluice::JsonReaderOptions options;
      options.limits.string_bytes = 4096;
      options.limits.items = 64;
      if (path) options.path = {"a"};
      auto decoder =
          sluice::MakeJsonDecoder(*sluice::ParseDdl(ddl), options, arrow::default_memory_pool());
      decoders.push_back(std::move(*decoder));
    }
  }
  return decoders;
}

void Require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static auto decoders = MakeDecoders();
  if (size < 2) return 0;
  sluice::Decoder& decoder = *decoders[data[0] % decoders.size()];
  // A block of its own size, so that AddressSanitizer sees a read beyond it.
  auto block = std::make_unique<char[]>(size - 1);
  std::memcpy(block.get(), data + 1, size - 1);
  static const char kBroken[] = R"([{"a":"b","b":[1)";
  const sluice::Payload message{block.get(), size - 1, 1};
  const sluice::Payload before{kBroken, sizeof kBroken - 1, 0};
  const sluice::Payload after{kBroken, sizeof kBroken - 1, 2};
  auto alone = decoder.Decode({message});
  auto among = decoder.Decode({before, message, after});
  Require(alone.ok() && among.ok());
  Require(alone->rows->ValidateFull().ok() && among->rows->ValidateFull().ok());
  Require(alone->rows->Equals(*among->rows, arrow::EqualOptions().nans_equal(true)));
  Require(alone->rejects.size() + 2 == among->rejects.size());
  Require(static_cast<std::int64_t>(alone->record_of_row.size()) == alone->rows->num_rows());
  for (const auto& reject : alone->rejects) {
    Require(reject.byte >= 0 && reject.byte <= static_cast<std::int64_t>(size - 1));
    Require(reject.row >= 0 || alone->rejects.size() == 1);
    Require(reject.row >= 0 || alone->rows->num_rows() == 0);
  }
  return 0;
}
