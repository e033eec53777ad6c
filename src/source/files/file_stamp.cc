#include "source/files/file_stamp.h"

#include <cstring>
#include <tuple>
#include <utility>

#include "core/base64.h"

namespace sluice {
namespace {

std::int64_t Nanos(const timespec& time) {
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

/// The finalizer of MurmurHash3 (A. Appleby): every input bit reaches every output bit.
std::uint64_t Mix(std::uint64_t x) {
  x = (x ^ (x >> 33)) * 0xff51afd7ed558ccd;
  x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53;
  return x ^ (x >> 33);
}

}  // namespace

FileStamp MakeStamp(std::string name, const struct stat& status) {
  return {std::move(name), static_cast<std::int64_t>(status.st_size), Nanos(status.st_mtim),
          Nanos(status.st_ctim)};
}

bool ReadBefore(const FileStamp& a, const FileStamp& b) {
  return std::tie(a.mtime, a.name) < std::tie(b.mtime, b.name);
}

std::uint64_t HashName(std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a, 64 bits
  for (const char c : name) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  return Mix(hash);
}

FileMark MarkOf(const FileStamp& stamp) {
  const std::uint64_t size = Mix(static_cast<std::uint64_t>(stamp.size) + 1);
  const std::uint64_t content = Mix(size ^ static_cast<std::uint64_t>(stamp.mtime));
  return {HashName(stamp.name), static_cast<std::uint32_t>(content)};
}

std::string EncodeMark(const FileMark& mark) {
  char bytes[12];
  for (int i = 0; i < 8; ++i) bytes[i] = static_cast<char>(mark.name >> (8 * i));
  for (int i = 0; i < 4; ++i) bytes[8 + i] = static_cast<char>(mark.content >> (8 * i));
  return Base64Encode({bytes, sizeof bytes});
}

FileMark DecodeMark(const char* bytes) {
  FileMark mark;
  for (int i = 0; i < 8; ++i) {
    mark.name |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  }
  for (int i = 0; i < 4; ++i) {
    mark.content |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[8 + i])) << (8 * i);
  }
  return mark;
}

}  // namespace sluice
