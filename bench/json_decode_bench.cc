// Records per CPU-second of the JSON decoder over click events like the demo's, in batches of the
// size a source delivers: json_decode_bench [RECORDS] [ROUNDS].
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "decode/json/json_format.h"
#include "record/schema.h"

namespace {

constexpr const char* kSchema =
    "event_id string, ts timestamp, user_id bigint, session string, event string, price double, "
    "quantity int, city string, geo struct<lat:double,lon:double>, ua string, tags array<string>, "
    "ok boolean";

double CpuSeconds() {
  std::timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

std::string MakeEvent(std::mt19937_64& random) {
  static const char* const kCities[] = {"Berlin", "Paris", "London", "Madrid",
                                        "Roma",   "Wien",  "Praha",  "Warszawa"};
  static const char* const kEvents[] = {"view", "cart", "buy", "pay"};
  static const char* const kAgents[] = {"Mozilla/5.0 (X11; Linux)", "Mozilla/5.0 (iPhone)",
                                        "curl/8.1.2", "Mozilla/5.0 (Windows NT 10.0)"};
  static const char* const kTags[] = {"promo", "mobile", "new", "summer", "vip", "b2b"};
  auto pick = [&](std::uint64_t n) { return random() % n; };
  char out[512];
  int size = std::snprintf(
      out, sizeof out,
      "{\"event_id\":\"%016llx\",\"ts\":\"2026-11-%02dT%02d:%02d:%02d.%03dZ\",\"user_id\":%llu,"
      "\"session\":\"%08x\",\"event\":\"%s\",\"price\":%d.%02d,\"quantity\":%d,\"city\":\"%s\","
      "\"geo\":{\"lat\":%d.%04d,\"lon\":%d.%04d},\"ua\":\"%s\",\"tags\":[\"%s\",\"%s\"],\"ok\":%s}",
      static_cast<unsigned long long>(random()), static_cast<int>(1 + pick(28)),
      static_cast<int>(pick(24)), static_cast<int>(pick(60)), static_cast<int>(pick(60)),
      static_cast<int>(pick(1000)), static_cast<unsigned long long>(pick(1000000)),
      static_cast<unsigned>(random()), kEvents[pick(4)], static_cast<int>(pick(500)),
      static_cast<int>(pick(100)), static_cast<int>(1 + pick(5)), kCities[pick(8)],
      static_cast<int>(40 + pick(15)), static_cast<int>(pick(10000)), static_cast<int>(pick(20)),
      static_cast<int>(pick(10000)), kAgents[pick(4)], kTags[pick(6)], kTags[pick(6)],
      pick(10) != 0 ? "true" : "false");
  return std::string(out, static_cast<std::size_t>(size));
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t records = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 200'000;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 20;
  constexpr std::size_t kBatch = 4096;
  std::mt19937_64 random(7);
  std::string bytes;
  std::vector<std::size_t> starts;
  for (std::size_t i = 0; i < records; ++i) {
    starts.push_back(bytes.size());
    bytes += MakeEvent(random);
  }
  starts.push_back(bytes.size());
  auto schema = sluice::ParseDdl(kSchema);
  auto decoder = sluice::MakeJsonDecoder(*schema, {}, arrow::default_memory_pool());
  if (!decoder.ok()) return 1;
  double best = 0;
  double total = 0;
  std::vector<sluice::Payload> payloads;
  for (int round = 0; round < rounds; ++round) {
    const double begin = CpuSeconds();
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
    const double rate = static_cast<double>(records) / (CpuSeconds() - begin);
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
