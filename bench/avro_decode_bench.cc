// Records per CPU-second of the Avro decoder over bare datums, the click events of
// json_decode_bench.cc in Avro: avro_decode_bench [RECORDS] [ROUNDS] [FILE]. FILE gets the schema
// and the datums, each behind its length as four little-endian bytes, for other readers.
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "decode/avro/avro_default.h"
#include "decode/avro/avro_format.h"

namespace {

constexpr const char* kSchema = R"({"type":"record","name":"Click","fields":[
{"name":"event_id","type":"string"},
{"name":"ts","type":{"type":"long","logicalType":"timestamp-millis"}},
{"name":"user_id","type":"long"},
{"name":"session","type":"string"},
{"name":"event","type":"string"},
{"name":"price","type":["null","double"]},
{"name":"quantity","type":"int"},
{"name":"city","type":["null","string"]},
{"name":"geo","type":{"type":"record","name":"Geo","fields":[
{"name":"lat","type":"double"},{"name":"lon","type":"double"}]}},
{"name":"ua","type":"string"},
{"name":"tags","type":{"type":"array","items":"string"}},
{"name":"ok","type":"boolean"}]})";

double CpuSeconds() {
  std::timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

void AppendDouble(double value, std::string* out) {
  char bytes[8];
  std::memcpy(bytes, &value, 8);
  out->append(bytes, 8);
}

void AppendEvent(std::mt19937_64& random, std::string* out) {
  static const char* const kCities[] = {"Berlin", "Paris", "London", "Madrid",
                                        "Roma",   "Wien",  "Praha",  "Warszawa"};
  static const char* const kEvents[] = {"view", "cart", "buy", "pay"};
  static const char* const kAgents[] = {"Mozilla/5.0 (X11; Linux)", "Mozilla/5.0 (iPhone)",
                                        "curl/8.1.2", "Mozilla/5.0 (Windows NT 10.0)"};
  static const char* const kTags[] = {"promo", "mobile", "new", "summer", "vip", "b2b"};
  auto pick = [&](std::uint64_t n) { return static_cast<std::int64_t>(random() % n); };
  char text[32];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(random()));
  sluice::AppendAvroBytes(text, out);
  sluice::AppendAvroLong(1'795'000'000'000 + pick(2'419'200'000), out);
  sluice::AppendAvroLong(pick(1'000'000), out);
  std::snprintf(text, sizeof text, "%08x", static_cast<unsigned>(random()));
  sluice::AppendAvroBytes(text, out);
  sluice::AppendAvroBytes(kEvents[pick(4)], out);
  sluice::AppendAvroLong(1, out);
  AppendDouble(static_cast<double>(pick(50'000)) / 100, out);
  sluice::AppendAvroLong(1 + pick(5), out);
  sluice::AppendAvroLong(1, out);
  sluice::AppendAvroBytes(kCities[pick(8)], out);
  AppendDouble(static_cast<double>(400'000 + pick(150'000)) / 10'000, out);
  AppendDouble(static_cast<double>(pick(200'000)) / 10'000, out);
  sluice::AppendAvroBytes(kAgents[pick(4)], out);
  sluice::AppendAvroLong(2, out);
  sluice::AppendAvroBytes(kTags[pick(6)], out);
  sluice::AppendAvroBytes(kTags[pick(6)], out);
  sluice::AppendAvroLong(0, out);
  out->push_back(pick(10) != 0 ? '\1' : '\0');
}

void WriteDatums(const char* path, const std::string& bytes,
                 const std::vector<std::size_t>& starts) {
  std::ofstream file(path, std::ios::binary);
  const auto append = [&](std::string_view part) {
    const auto size = static_cast<std::uint32_t>(part.size());
    file.write(reinterpret_cast<const char*>(&size), 4);
    file.write(part.data(), static_cast<std::streamsize>(part.size()));
  };
  append(kSchema);
  for (std::size_t i = 0; i + 1 < starts.size(); ++i) {
    append(std::string_view(bytes).substr(starts[i], starts[i + 1] - starts[i]));
  }
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
    AppendEvent(random, &bytes);
  }
  starts.push_back(bytes.size());
  if (argc > 3) WriteDatums(argv[3], bytes, starts);
  sluice::AvroDecoderOptions options;
  options.writer = *sluice::AvroSchema::Parse(kSchema);
  auto decoder = sluice::MakeAvroDecoder(std::move(options), arrow::default_memory_pool());
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
  std::printf("bare datums of 12 columns; %.0f bytes a record\n",
              static_cast<double>(bytes.size()) / static_cast<double>(records));
  std::printf("records per CPU-second: mean %.0f, best round %.0f (%.3f us a record)\n",
              rounds / total, best, 1e6 / best);
  return 0;
}
