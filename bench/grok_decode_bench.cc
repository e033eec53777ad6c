// Records per CPU-second of the grok decoder into Arrow, beside PCRE2 by hand with the same
// expression: its JIT-compiled matching alone, without a look at what was captured. In turns, over
// Apache log lines and over the 12-column click events as lines: grok_decode_bench [RECORDS]
// [ROUNDS].
#define PCRE2_CODE_UNIT_WIDTH 8
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <pcre2.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <new>
#include <random>
#include <string>
#include <vector>

#include "decode/grok/grok_format.h"

namespace {

std::uint64_t allocations = 0;

double CpuSeconds() {
  std::timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

constexpr std::size_t kBatch = 4096;

struct Lines {
  std::string bytes;
  std::vector<std::size_t> starts;
  std::size_t size() const { return starts.size() - 1; }
  const char* data(std::size_t i) const { return bytes.data() + starts[i]; }
  std::size_t length(std::size_t i) const { return starts[i + 1] - starts[i]; }
};

Lines MakeLines(std::size_t count, bool events) {
  static const char* const kCities[] = {"Berlin", "Paris", "London", "Madrid",
                                        "Roma",   "Wien",  "Praha",  "Warszawa"};
  static const char* const kEvents[] = {"view", "cart", "buy", "pay"};
  static const char* const kAgents[] = {"Mozilla/5.0 (X11; Linux)", "Mozilla/5.0 (iPhone)",
                                        "curl/8.1.2", "Mozilla/5.0 (Windows NT 10.0)"};
  std::mt19937_64 random(7);
  const auto pick = [&](std::uint64_t n) { return static_cast<int>(random() % n); };
  Lines lines;
  char out[600];
  for (std::size_t i = 0; i < count; ++i) {
    int size;
    if (events) {
      size = std::snprintf(
          out, sizeof out,
          "2026-11-%02dT%02d:%02d:%02d.%03dZ %016llx user=%d session=%08x %s price=%d.%02d qty=%d "
          "city=%s geo=%d.%04d,%d.%04d ok=%s ua=\"%s\"",
          1 + pick(28), pick(24), pick(60), pick(60), pick(1000),
          static_cast<unsigned long long>(random()), pick(1000000), static_cast<unsigned>(random()),
          kEvents[pick(4)], pick(500), pick(100), 1 + pick(5), kCities[pick(8)], 40 + pick(15),
          pick(10000), pick(20), pick(10000), pick(10) != 0 ? "true" : "false", kAgents[pick(4)]);
    } else {
      size = std::snprintf(
          out, sizeof out,
          "%d.%d.%d.%d - %s [%02d/Nov/2026:%02d:%02d:%02d +0000] \"GET /shop/%s/%08x?city=%s "
          "HTTP/1.1\" %d %d \"https://shop.example/%s/\" \"%s AppleWebKit/537.36 (KHTML, like "
          "Gecko) Chrome/120.0.0.0 Safari/537.36\"",
          1 + pick(223), pick(256), pick(256), pick(256), pick(3) == 0 ? "frank" : "-",
          1 + pick(28), pick(24), pick(60), pick(60), kEvents[pick(4)],
          static_cast<unsigned>(random()), kCities[pick(8)], pick(20) == 0 ? 404 : 200,
          pick(300000), kCities[pick(8)], kAgents[pick(4)]);
    }
    lines.starts.push_back(lines.bytes.size());
    lines.bytes.append(out, static_cast<std::size_t>(size));
  }
  lines.starts.push_back(lines.bytes.size());
  return lines;
}

/// What one would write by hand.
class BarePcre2 {
 public:
  explicit BarePcre2(const std::string& regex) {
    int error = 0;
    std::size_t where = 0;
    code_ = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(regex.data()), regex.size(),
                          PCRE2_UTF | PCRE2_NO_AUTO_CAPTURE, &error, &where, nullptr);
    if (code_ == nullptr || pcre2_jit_compile(code_, PCRE2_JIT_COMPLETE) != 0) std::exit(1);
    data_ = pcre2_match_data_create_from_pattern(code_, nullptr);
    context_ = pcre2_match_context_create(nullptr);
  }
  ~BarePcre2() {
    pcre2_match_context_free(context_);
    pcre2_match_data_free(data_);
    pcre2_code_free(code_);
  }
  bool Match(const char* line, std::size_t size) {
    return pcre2_jit_match(code_, reinterpret_cast<PCRE2_SPTR>(line), size, 0, 0, data_, context_) >
           0;
  }

 private:
  pcre2_code* code_;
  pcre2_match_data* data_;
  pcre2_match_context* context_;
};

void Measure(const char* name, const std::string& pattern, const Lines& lines, int rounds) {
  auto expanded = sluice::ExpandGrok(pattern, {nullptr, &sluice::GrokLibrary::Legacy()}, {});
  sluice::GrokDecoderOptions options;
  options.pattern = pattern;
  auto decoder = sluice::MakeGrokDecoder(options, nullptr, arrow::default_memory_pool());
  if (!expanded.ok() || !decoder.ok()) std::exit(1);
  BarePcre2 bare(expanded->regex());
  std::vector<double> bare_times;
  std::vector<double> grok_times;
  std::vector<sluice::Payload> payloads;
  std::uint64_t allocated = 0;
  for (int round = 0; round < rounds; ++round) {
    double begin = CpuSeconds();
    std::size_t matched = 0;
    for (std::size_t i = 0; i < lines.size(); ++i) {
      matched += bare.Match(lines.data(i), lines.length(i));
    }
    bare_times.push_back(CpuSeconds() - begin);
    if (matched != lines.size()) std::exit(1);
    begin = CpuSeconds();
    const std::uint64_t before = allocations;
    std::size_t rows = 0;
    for (std::size_t i = 0; i < lines.size();) {
      payloads.clear();
      for (; i < lines.size() && payloads.size() < kBatch; ++i) {
        payloads.push_back(
            {lines.data(i), lines.length(i), static_cast<std::uint32_t>(payloads.size())});
      }
      auto decoded = (*decoder)->Decode(payloads);
      if (!decoded.ok()) std::exit(1);
      rows += static_cast<std::size_t>(decoded->rows->num_rows());
    }
    grok_times.push_back(CpuSeconds() - begin);
    allocated = allocations - before;
    if (rows != lines.size()) std::exit(1);
  }
  const auto rate = [&](std::vector<double> times) {
    std::sort(times.begin(), times.end());
    return static_cast<double>(lines.size()) / times[times.size() / 2];
  };
  const double grok = rate(grok_times);
  const double hand = rate(bare_times);
  std::printf("%s, %zu columns, %.0f bytes a line\n", name, expanded->fields().size(),
              static_cast<double>(lines.bytes.size()) / static_cast<double>(lines.size()));
  std::printf(
      "  grok into Arrow  %10.0f records, %5.0f MB per CPU-second (%.3f us a record)\n", grok,
      grok * static_cast<double>(lines.bytes.size()) / static_cast<double>(lines.size()) * 1e-6,
      1e6 / grok);
  std::printf("  bare PCRE2       %10.0f records per CPU-second (%.3f us a record)\n", hand,
              1e6 / hand);
  std::printf("  grok beside bare PCRE2: %.2f; allocations: %.1f a batch of %zu\n", grok / hand,
              static_cast<double>(allocated) * kBatch / static_cast<double>(lines.size()), kBatch);
}

}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  void* block = std::malloc(size == 0 ? 1 : size);
  if (block == nullptr) std::abort();
  return block;
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }

int main(int argc, char** argv) {
  const std::size_t records = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 200'000;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 15;
  Measure("apache combined log", "%{COMBINEDAPACHELOG}", MakeLines(records, false), rounds);
  Measure("click events as lines",
          "^%{TIMESTAMP_ISO8601:ts} %{BASE16NUM:event_id} user=%{INT:user_id:long} "
          "session=%{WORD:session} %{WORD:event} price=%{NUMBER:price:double} "
          "qty=%{INT:quantity:int} city=%{WORD:city} geo=%{NUMBER:lat:double},%{NUMBER:lon:double} "
          "ok=%{WORD:ok:boolean} ua=\"%{DATA:ua}\"$",
          MakeLines(records, true), rounds);
  return 0;
}
