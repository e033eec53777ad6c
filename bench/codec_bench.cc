// What decompression costs: codec_bench [RECORDS] [ROUNDS].
//
// Each codec on messages of click events, beside the library's own call for a buffer, in turns.
// What it is in a job, and what detection costs: decode_bench.cc.
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
#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "click_event.h"
#include "cpu_clock.h"
#include "decode/codec/codec_testing.h"

namespace {

using sluice_bench::ThreadCpuSeconds;

std::string MakeJson(std::mt19937_64& random) {
  return sluice_bench::ToJson(sluice_bench::MakeClickEvent(random));
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
  const double begin = ThreadCpuSeconds();
  run();
  return ThreadCpuSeconds() - begin;
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

}  // namespace

int main(int argc, char** argv) {
  const std::size_t records = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 20'000;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 9;
  std::mt19937_64 random(7);
  std::vector<std::string> small;
  for (std::size_t i = 0; i < records; ++i) small.push_back(MakeJson(random));
  std::vector<std::string> large;
  for (std::size_t i = 0; i < records / 100; ++i) {
    std::string lines;
    while (lines.size() < 32 << 10) lines += MakeJson(random) + "\n";
    large.push_back(std::move(lines));
  }
  for (const auto* messages : {&small, &large}) {
    std::printf("  %-14s %7s %7s %12s %9s %12s %6s\n", "codec", "plain", "packed", "records/CPU-s",
                "MB/CPU-s", "bare call", "ratio");
    for (const sluice::TestCodec& codec : sluice::TestCodecs()) {
      MeasureCodec(codec, *messages, rounds);
    }
  }
  return 0;
}
