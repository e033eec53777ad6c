#include "encode/avro/avro_block_codec.h"

#include <bzlib.h>
#include <lzma.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <memory>

namespace sluice {
namespace {

constexpr std::size_t kOutputKept = 1u << 20;

/// What a thread's compressors write to.
std::string& Output(std::size_t bound) {
  thread_local std::string output;
  if (output.capacity() > kOutputKept && bound <= kOutputKept) std::string().swap(output);
  if (output.size() < bound) output.resize(bound);
  return output;
}

Error Failed(const char* codec) {
  return RemoteError("avro.compression",
                     std::string(codec) + " could not compress a block: there is no memory");
}

class Deflater {
 public:
  Deflater() { ready_ = deflateInit2(&stream_, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) == Z_OK; }
  ~Deflater() {
    if (ready_) deflateEnd(&stream_);
  }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  Result<std::string_view> Compress(std::string_view block) {
    if (!ready_ || deflateReset(&stream_) != Z_OK) return Failed("deflate");
    std::string& out = Output(deflateBound(&stream_, block.size()));
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(block.data()));
    stream_.avail_in = static_cast<uInt>(block.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    if (deflate(&stream_, Z_FINISH) != Z_STREAM_END) return Failed("deflate");
    return std::string_view(out.data(), stream_.total_out);
  }

 private:
  z_stream stream_ = {};
  bool ready_ = false;
};

Result<std::string_view> Plain(std::string_view block) { return block; }

Result<std::string_view> Deflate(std::string_view block) {
  thread_local Deflater deflater;
  return deflater.Compress(block);
}

/// The checksum is that of the block as it was, the most significant byte first.
Result<std::string_view> Snappy(std::string_view block) {
  std::string& out = Output(snappy::MaxCompressedLength(block.size()) + 4);
  std::size_t size = 0;
  snappy::RawCompress(block.data(), block.size(), out.data(), &size);
  const auto sum = static_cast<std::uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(block.data()), static_cast<uInt>(block.size())));
  for (int shift = 24; shift >= 0; shift -= 8) out[size++] = static_cast<char>(sum >> shift);
  return std::string_view(out.data(), size);
}

struct FreeZstd {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

Result<std::string_view> Zstandard(std::string_view block) {
  thread_local const std::unique_ptr<ZSTD_CCtx, FreeZstd> context(ZSTD_createCCtx());
  if (context == nullptr) return Failed("zstandard");
  std::string& out = Output(ZSTD_compressBound(block.size()));
  const std::size_t size = ZSTD_compressCCtx(context.get(), out.data(), out.size(), block.data(),
                                             block.size(), ZSTD_CLEVEL_DEFAULT);
  if (ZSTD_isError(size) != 0) return Failed("zstandard");
  return std::string_view(out.data(), size);
}

Result<std::string_view> Bzip2(std::string_view block) {
  std::string& out = Output(block.size() + block.size() / 100 + 600);
  auto size = static_cast<unsigned>(out.size());
  // It takes 8 bytes of memory for each one of its own blocks, which are hundreds of kilobytes.
  const int level = static_cast<int>(std::min<std::size_t>(block.size() / 100'000 + 1, 9));
  if (BZ2_bzBuffToBuffCompress(out.data(), &size, const_cast<char*>(block.data()),
                               static_cast<unsigned>(block.size()), level, 0, 0) != BZ_OK) {
    return Failed("bzip2");
  }
  return std::string_view(out.data(), size);
}

Result<std::string_view> Xz(std::string_view block) {
  lzma_options_lzma options;
  if (lzma_lzma_preset(&options, LZMA_PRESET_DEFAULT)) return Failed("xz");
  // The preset's 8 MiB of dictionary would cost ten times that, for nothing.
  options.dict_size = static_cast<std::uint32_t>(
      std::clamp<std::size_t>(std::bit_ceil(block.size()), LZMA_DICT_SIZE_MIN, options.dict_size));
  lzma_filter filters[] = {{LZMA_FILTER_LZMA2, &options}, {LZMA_VLI_UNKNOWN, nullptr}};
  std::string& out = Output(lzma_stream_buffer_bound(block.size()));
  std::size_t size = 0;
  if (lzma_stream_buffer_encode(filters, LZMA_CHECK_CRC64, nullptr,
                                reinterpret_cast<const std::uint8_t*>(block.data()), block.size(),
                                reinterpret_cast<std::uint8_t*>(out.data()), &size,
                                out.size()) != LZMA_OK) {
    return Failed("xz");
  }
  return std::string_view(out.data(), size);
}

}  // namespace

const std::vector<AvroBlockCodec>& AvroBlockCodecs() {
  static const auto& codecs = *new std::vector<AvroBlockCodec>{
      {"snappy", "snappy", Snappy},
      {"deflate", "deflate", Deflate},
      {"bzip2", "bzip2", Bzip2},
      {"xz", "xz", Xz},
      {"zstandard", "zstandard", Zstandard},
      {"zstd", "zstandard", Zstandard},
      {"none", "null", Plain},
      {"uncompressed", "null", Plain},
  };
  return codecs;
}

const AvroBlockCodec* FindAvroBlockCodec(std::string_view option) {
  for (const AvroBlockCodec& codec : AvroBlockCodecs()) {
    if (option == codec.option) return &codec;
  }
  return nullptr;
}

}  // namespace sluice
