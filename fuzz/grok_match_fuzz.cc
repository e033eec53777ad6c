// Any bytes as a message for one of some patterns, the first byte picks which: decoded twice, alone
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

#include "decode/grok/grok_format.h"
#include "record/schema.h"

namespace {

std::vector<std::unique_ptr<sluice::Decoder>> MakeDecoders() {
  std::vector<std::unique_ptr<sluice::Decoder>> decoders;
  const auto add = [&](const char* pattern, const char* ddl, bool ecs) {
    sluice::GrokDecoderOptions options;
    options.pattern = pattern;
    options.ecs = ecs;
    options.work.search_steps = 20'000;
    options.work.search_bytes = 10'000'000;
    options.work.exact_steps = 20'000;
    options.work.reach_steps = 20'000;
    sluice::SchemaPtr schema;
    if (ddl != nullptr) schema = *sluice::ParseDdl(ddl);
    auto decoder = sluice::MakeGrokDecoder(options, schema, arrow::default_memory_pool());
    if (!decoder.ok()) std::abort();
    decoders.push_back(std::move(*decoder));
  };
  add("%{COMBINEDAPACHELOG}", nullptr, false);
  add("%{HTTPD_COMBINEDLOG}", nullptr, true);
  add("^%{SYSLOGBASE2} %{GREEDYDATA:m}$", nullptr, false);
  add("^%{DATA:a:byte};%{DATA:b:short};%{DATA:c:int};%{DATA:d:long};%{DATA:e:float};%{DATA:f:"
      "double};"
      "%{DATA:g:boolean};%{DATA:h}$",
      nullptr, false);
  add("^%{DATA:a};%{DATA:b};%{DATA:c};%{DATA:d};%{DATA:e}$",
      "a timestamp, b date, c decimal(12,3), d binary, e timestamp_ntz NOT NULL", false);
  add("(?:(?<x>a|\\w)+)+(?i:B)(?:;%{IP:[i][p]})?(?<!é)(?<y>[^a]*+)", nullptr, false);
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
  static const char kBroken[] = "\xff";
  const sluice::Payload message{block.get(), size - 1, 1};
  const sluice::Payload before{kBroken, 1, 0};
  const sluice::Payload after{kBroken, 1, 2};
  auto alone = decoder.Decode({message});
  auto among = decoder.Decode({before, message, after});
  Require(alone.ok() && among.ok());
  Require(alone->rows->ValidateFull().ok() && among->rows->ValidateFull().ok());
  Require(alone->rows->Equals(*among->rows, arrow::EqualOptions().nans_equal(true)));
  Require(alone->rejects.size() + 2 == among->rejects.size());
  Require(static_cast<std::int64_t>(alone->record_of_row.size()) == alone->rows->num_rows());
  for (const auto& reject : alone->rejects) {
    Require(reject.byte >= 0 && reject.byte <= static_cast<std::int64_t>(size - 1));
    Require(reject.row >= 0 || (alone->rejects.size() == 1 && alone->rows->num_rows() == 0));
  }
  return 0;
}
