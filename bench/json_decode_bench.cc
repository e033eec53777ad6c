// Records per CPU-second of the JSON decoder over click events like the demo's, in batches of the
// size a source delivers: json_decode_bench [RECORDS] [ROUNDS].
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "click_event.h"
#include "decode/json/json_format.h"
#include "record/schema.h"

int main(int argc, char** argv) {
  const std::size_t records = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 200'000;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 20;
  constexpr std::size_t kBatch = 4096;
  std::mt19937_64 random(7);
  std::string bytes;
  std::vector<std::size_t> starts;
  for (std::size_t i = 0; i < records; ++i) {
    starts.push_back(bytes.size());
    bytes += sluice_bench::ToJson(sluice_bench::MakeClickEvent(random));
  }
  starts.push_back(bytes.size());
  auto schema = sluice::ParseDdl(sluice_bench::kJsonSchema);
  auto decoder = sluice::MakeJsonDecoder(*schema, {}, arrow::default_memory_pool());
  if (!decoder.ok()) return 1;
  double best = 0;
  double total = 0;
  std::vector<sluice::Payload> payloads;
  for (int round = 0; round < rounds; ++round) {
    const double begin = sluice_bench::ThreadCpuSeconds();
    std::size_t rows = 0;
    for (std::size_t i = 0; i < records;) {
      payloads.clear();
      for (; i < records && payloads.size() < kBatch; ++i) {
        payloads.push_back({bytes.data() + starts[i], starts[i + 1] - starts[i],
                            static_cast<std::uint32_t>(payloads.size())});
      }
      auto decoded = (*decoder)->Decode(payloads);
      if (!decoded.ok() || !decoded->rejects.empty()) return 1;
      rows += static_cast<std::size_t>(decoded->rows->num_rows());
    }
    if (rows != records) return 1;
    const double rate = static_cast<double>(records) / (sluice_bench::ThreadCpuSeconds() - begin);
    best = std::max(best, rate);
    total += 1 / rate;
  }
  std::printf("stage 1 by simdjson's %s; %.0f bytes a record\n",
              sluice::StructuralIndex::Implementation(),
              static_cast<double>(bytes.size()) / static_cast<double>(records));
  std::printf("records per CPU-second: mean %.0f, best round %.0f (%.3f us a record)\n",
              rounds / total, best, 1e6 / best);
  return 0;
}
