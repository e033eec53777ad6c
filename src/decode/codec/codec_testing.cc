#include "decode/codec/codec_testing.h"

#include <bzlib.h>
#include <lz4frame.h>
#include <lzma.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstdlib>

#include "core/crc32c.h"

namespace sluice {
namespace {

/// These inputs always compress: anything else is a bug of the test.
void Must(bool ok) {
  if (!ok) std::abort();
}

std::string Deflate(std::string_view plain, int wrapper) {
  z_stream stream = {};
  Must(deflateInit2(&stream, 6, Z_DEFLATED, wrapper, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, plain.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  Must(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}
std::string Gzip(std::string_view plain) { return Deflate(plain, 15 + 16); }
std::string Zlib(std::string_view plain) { return Deflate(plain, 15); }
std::string RawDeflate(std::string_view plain) { return Deflate(plain, -15); }

/// Compressors for large inputs take tens of megabytes for each message.
bool IsSmall(std::string_view plain) { return plain.size() < 50'000; }

std::string Bzip2(std::string_view plain) {
  std::string out(plain.size() + plain.size() / 100 + 600, '\0');
  auto size = static_cast<unsigned>(out.size());
  Must(BZ2_bzBuffToBuffCompress(out.data(), &size, const_cast<char*>(plain.data()),
                                static_cast<unsigned>(plain.size()), IsSmall(plain) ? 1 : 9, 0,
                                0) == BZ_OK);
  out.resize(size);
  return out;
}

std::string Xz(std::string_view plain) {
  std::string out(lzma_stream_buffer_bound(plain.size()), '\0');
  std::size_t size = 0;
  Must(lzma_easy_buffer_encode(IsSmall(plain) ? 0 : 6, LZMA_CHECK_CRC64, nullptr,
                               reinterpret_cast<const std::uint8_t*>(plain.data()), plain.size(),
                               reinterpret_cast<std::uint8_t*>(out.data()), &size,
                               out.size()) == LZMA_OK);
  out.resize(size);
  return out;
}

std::string Zstd(std::string_view plain) {
  std::string out(ZSTD_compressBound(plain.size()), '\0');
  const std::size_t size = ZSTD_compress(out.data(), out.size(), plain.data(), plain.size(), 3);
  Must(!ZSTD_isError(size));
  out.resize(size);
  return out;
}

std::string Lz4(std::string_view plain) {
  LZ4F_preferences_t preferences = {};
  preferences.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
  std::string out(LZ4F_compressFrameBound(plain.size(), &preferences), '\0');
  const std::size_t size =
      LZ4F_compressFrame(out.data(), out.size(), plain.data(), plain.size(), &preferences);
  Must(!LZ4F_isError(size));
  out.resize(size);
  return out;
}

std::string SnappyRaw(std::string_view plain) {
  std::string out;
  snappy::Compress(plain.data(), plain.size(), &out);
  return out;
}

void AppendBigEndian(std::size_t value, std::string* out) {
  for (int shift = 24; shift >= 0; shift -= 8) *out += static_cast<char>(value >> shift);
}
void AppendLittleEndian(std::size_t value, int bytes, std::string* out) {
  for (int i = 0; i < bytes; ++i) *out += static_cast<char>(value >> (8 * i));
}

/// Calls `block` with pieces of at most `size` bytes.
template <typename Block>
void Cut(std::string_view plain, std::size_t size, Block block) {
  for (; !plain.empty(); plain.remove_prefix(std::min(size, plain.size()))) {
    block(plain.substr(0, size));
  }
}

std::string SnappyFramed(std::string_view plain) {
  std::string out("\xff\x06\0\0sNaPpY", 10);
  Cut(plain, 65536, [&](std::string_view piece) {
    const std::string block = SnappyRaw(piece);
    const bool smaller = block.size() < piece.size();
    const std::string_view body = smaller ? std::string_view(block) : piece;
    const std::uint32_t crc = Crc32c(piece);
    out += smaller ? '\0' : '\1';
    AppendLittleEndian(body.size() + 4, 3, &out);
    AppendLittleEndian(((crc >> 15) | (crc << 17)) + 0xa282ead8u, 4, &out);
    out += body;
  });
  return out;
}

std::string SnappyXerial(std::string_view plain) {
  std::string out("\x82SNAPPY\0\0\0\0\1\0\0\0\1", 16);
  Cut(plain, 32 << 10, [&](std::string_view piece) {
    const std::string block = SnappyRaw(piece);
    AppendBigEndian(block.size(), &out);
    out += block;
  });
  return out;
}

std::string SnappyHadoop(std::string_view plain) {
  std::string out;
  Cut(plain, 256 << 10, [&](std::string_view piece) {
    const std::string block = SnappyRaw(piece);
    AppendBigEndian(piece.size(), &out);
    AppendBigEndian(block.size(), &out);
    out += block;
  });
  return out;
}

}  // namespace

const std::vector<TestCodec>& TestCodecs() {
  static const std::vector<TestCodec> codecs = {
      {"gzip", Gzip, DecompressGzip},
      {"zlib", Zlib, DecompressZlib},
      {"deflate-raw", RawDeflate, DecompressRawDeflate},
      {"bzip2", Bzip2, DecompressBzip2},
      {"xz", Xz, DecompressXz},
      {"zstd", Zstd, DecompressZstd},
      {"lz4", Lz4, DecompressLz4},
      {"snappy-framed", SnappyFramed, DecompressSnappyFramed},
      {"snappy-xerial", SnappyXerial, DecompressSnappyXerial},
      {"snappy-hadoop", SnappyHadoop, DecompressSnappyHadoop},
      {"snappy-raw", SnappyRaw, DecompressSnappyRaw},
  };
  return codecs;
}

const TestCodec& FindTestCodec(std::string_view name) {
  for (const TestCodec& codec : TestCodecs()) {
    if (codec.name == name) return codec;
  }
  std::abort();
}

std::string FromHex(std::string_view hex) {
  std::string out;
  std::string digits;
  for (char c : hex) {
    if (c == ' ') continue;
    digits += c;
    if (digits.size() < 2) continue;
    out += static_cast<char>(std::stoi(digits, nullptr, 16));
    digits.clear();
  }
  Must(digits.empty());
  return out;
}

}  // namespace sluice
