// What decompression costs: codec_bench [RECORDS] [ROUNDS].
//
// First each codec on messages of click events, beside the library's own call for a buffer, in
// turns; then the JSON decoder on plain messages with detection on and off, in turns.
#include <arrow/memory_pool.h>
#include <bzlib.h>
#include <lz4frame.h>
#include <lzma.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "decode/codec/codec_testing.h"
#include "decode/json/json_format.h"
#include "decode/message_decoder.h"
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
  const auto pick = [&](std::uint64_t n) { return static_cast<unsigned>(random() % n); };
  char out[512];
  const int size = std::snprintf(
      out, sizeof out,
      "{\"event_id\":\"%016llx\",\"ts\":\"2026-11-%02uT%02u:%02u:%02u.%03uZ\",\"user_id\":%u,"
      "\"session\":\"%08x\",\"event\":\"buy\",\"price\":%u.%02u,\"quantity\":%u,\"city\":\"%s\","
      "\"geo\":{\"lat\":%u.%04u,\"lon\":%u.%04u},\"ua\":\"Mozilla/5.0 (X11; Linux)\","
      "\"tags\":[\"promo\",\"vip\"],\"ok\":true}",
      static_cast<unsigned long long>(random()), 1 + pick(28), pick(24), pick(60), pick(60),
      pick(1000), pick(1000000), pick(1u << 31), pick(500), pick(100), 1 + pick(5),
      kCities[pick(8)], 40 + pick(15), pick(10000), pick(20), pick(10000));
  return std::string(out, static_cast<std::size_t>(size));
}

/// The library's call for one buffer, into `out`, which is large enough. False: it failed.
using BareCall = bool (*)(const std::string& in, std::string* out);

bool BareInflate(const std::string& in, std::string* out, int wrapper) {
  z_stream stream = {};
  if (inflateInit2(&stream, wrapper) != Z_OK) return false;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out->data());
  stream.avail_out = static_cast<uInt>(out->size());
  const bool ok = inflate(&stream, Z_FINISH) == Z_STREAM_END;
  inflateEnd(&stream);
  return ok;
}
bool BareGzip(const std::string& in, std::string* out) { return BareInflate(in, out, 15 + 16); }
bool BareZlib(const std::string& in, std::string* out) { return BareInflate(in, out, 15); }
bool BareDeflate(const std::string& in, std::string* out) { return BareInflate(in, out, -15); }
bool BareBzip2(const std::string& in, std::string* out) {
  auto size = static_cast<unsigned>(out->size());
  return BZ2_bzBuffToBuffDecompress(out->data(), &size, const_cast<char*>(in.data()),
                                    static_cast<unsigned>(in.size()), 0, 0) == BZ_OK;
}
bool BareXz(const std::string& in, std::string* out) {
  std::uint64_t limit = sluice::kXzMemoryLimit;
  std::size_t read = 0;
  std::size_t written = 0;
  return lzma_stream_buffer_decode(
             &limit, 0, nullptr, reinterpret_cast<const std::uint8_t*>(in.data()), &read, in.size(),
             reinterpret_cast<std::uint8_t*>(out->data()), &written, out->size()) == LZMA_OK;
}
bool BareZstd(const std::string& in, std::string* out) {
  return !ZSTD_isError(ZSTD_decompress(out->data(), out->size(), in.data(), in.size()));
}
bool BareLz4(const std::string& in, std::string* out) {
  LZ4F_dctx* context = nullptr;
  if (LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION))) return false;
  std::size_t written = out->size();
  std::size_t read = in.size();
  const bool ok = LZ4F_decompress(context, out->data(), &written, in.data(), &read, nullptr) == 0;
  LZ4F_freeDecompressionContext(context);
  return ok;
}
bool BareSnappy(const std::string& in, std::string* out) {
  return snappy::RawUncompress(in.data(), in.size(), out->data());
}

BareCall FindBare(std::string_view name) {
  if (name == "gzip") return BareGzip;
  if (name == "zlib") return BareZlib;
  if (name == "deflate-raw") return BareDeflate;
  if (name == "bzip2") return BareBzip2;
  if (name == "xz") return BareXz;
  if (name == "zstd") return BareZstd;
  if (name == "lz4") return BareLz4;
  if (name == "snappy-raw") return BareSnappy;
  return nullptr;  // The library has no call for it.
}

double Timed(const std::function<void()>& run) {
  const double begin = CpuSeconds();
  run();
  return CpuSeconds() - begin;
}

void Require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "codec_bench: %s\n", what);
  std::exit(1);
}

void MeasureCodec(const sluice::TestCodec& codec, const std::vector<std::string>& messages,
                  int rounds) {
  std::vector<std::string> compressed;
  std::size_t plain_bytes = 0;
  std::size_t packed_bytes = 0;
  std::size_t longest = 0;
  for (const std::string& message : messages) {
    compressed.push_back(codec.compress(message));
    plain_bytes += message.size();
    packed_bytes += compressed.back().size();
    longest = std::max(longest, message.size());
  }
  const BareCall bare = FindBare(codec.name);
  std::string room(longest, '\0');
  sluice::CodecBuffer out;
  double ours = 1e9;
  double theirs = 1e9;
  for (int round = 0; round < rounds; ++round) {
    ours = std::min(ours, Timed([&] {
                      out.Clear();
                      for (const std::string& in : compressed) {
                        const auto result = codec.decompress(in, 64u << 20, &out);
                        Require(result.status == sluice::CodecStatus::kOk, codec.name);
                      }
                    }));
    if (bare == nullptr) continue;
    theirs = std::min(theirs, Timed([&] {
                        for (const std::string& in : compressed) {
                          Require(bare(in, &room), codec.name);
                        }
                      }));
  }
  const auto count = static_cast<double>(messages.size());
  std::printf("  %-14s %7.0f %7.0f %12.0f %9.1f", codec.name,
              static_cast<double>(plain_bytes) / count, static_cast<double>(packed_bytes) / count,
              count / ours, static_cast<double>(plain_bytes) / ours / 1e6);
  if (bare != nullptr) std::printf(" %12.0f %6.2f", count / theirs, theirs / ours);
  std::printf("\n");
}

class Messages : public sluice::RawBatch {
 public:
  std::string Origin(std::size_t) const override { return "{}"; }
};

/// Seconds for all of `messages`, as batches of 4096.
double DecodeAll(sluice::MessageDecoder* decoder,
                 const std::vector<std::shared_ptr<Messages>>& batches) {
  return Timed([&] {
    for (const auto& batch : batches) {
      const auto result =
          decoder->Decode(batch, [](const sluice::DecodedBatch& piece) -> sluice::Result<void> {
            Require(piece.decoded.rejects.empty(), "a message was rejected");
            return {};
          });
      Require(result.ok(), "decoding failed");
    }
  });
}

void MeasureDetection(const std::vector<std::string>& messages, int rounds) {
  std::vector<std::shared_ptr<Messages>> batches;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    if (i % 4096 == 0) batches.push_back(std::make_shared<Messages>());
    batches.back()->records.push_back({messages[i].data(), messages[i].size()});
  }
  std::vector<std::unique_ptr<sluice::MessageDecoder>> decoders;
  for (const char* compression : {"none", "auto"}) {
    auto json =
        sluice::MakeJsonDecoder(*sluice::ParseDdl(kSchema), {}, arrow::default_memory_pool());
    auto decoder = sluice::MessageDecoder::Make(*std::move(json), {}, {},
                                                sluice::MakeCompression(compression));
    decoders.push_back(*std::move(decoder));
  }
  std::vector<double> ratios;
  double best[2] = {1e9, 1e9};
  for (int round = 0; round < rounds; ++round) {
    double seconds[2];
    // Who goes first changes, so that neither always meets the warmer cache.
    for (int turn = 0; turn < 2; ++turn) {
      const int which = (turn + round) % 2;
      seconds[which] = DecodeAll(decoders[static_cast<std::size_t>(which)].get(), batches);
      best[which] = std::min(best[which], seconds[which]);
    }
    ratios.push_back(seconds[1] / seconds[0]);
  }
  std::sort(ratios.begin(), ratios.end());
  std::printf(
      "plain JSON, detection on against off: %+.2f %% CPU by the median of %d pairs, %+.2f %% "
      "by the best of each (%.3f and %.3f us a record)\n",
      100 * (ratios[ratios.size() / 2] - 1), rounds, 100 * (best[1] / best[0] - 1),
      1e6 * best[1] / static_cast<double>(messages.size()),
      1e6 * best[0] / static_cast<double>(messages.size()));
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t records = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 20'000;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 9;
  std::mt19937_64 random(7);
  std::vector<std::string> small;
  for (std::size_t i = 0; i < records; ++i) small.push_back(MakeEvent(random));
  std::vector<std::string> large;
  for (std::size_t i = 0; i < records / 100; ++i) {
    std::string lines;
    while (lines.size() < 32 << 10) lines += MakeEvent(random) + "\n";
    large.push_back(std::move(lines));
  }
  for (const auto* messages : {&small, &large}) {
    std::printf("  %-14s %7s %7s %12s %9s %12s %6s\n", "codec", "plain", "packed", "records/CPU-s",
                "MB/CPU-s", "bare call", "ratio");
    for (const sluice::TestCodec& codec : sluice::TestCodecs()) {
      MeasureCodec(codec, *messages, rounds);
    }
  }
  MeasureDetection(small, 5 * rounds);
  return 0;
}
