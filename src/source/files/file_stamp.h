/// A file as its folder shows it, and the compact form in which it is remembered.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice {

struct FileStamp {
  std::string name;        ///< Relative to the source's folder, with '/' between folders.
  std::int64_t size = 0;   ///< Bytes.
  std::int64_t mtime = 0;  ///< Nanoseconds since 1970: the last change of the content.
  std::int64_t ctime = 0;  ///< Nanoseconds since 1970: also moved by rename.

  bool SameContent(const FileStamp& other) const {
    return size == other.size && mtime == other.mtime;
  }
};

FileStamp MakeStamp(std::string name, const struct stat& status);

/// The order in which files that were found together are read: oldest first, then by name.
bool ReadBefore(const FileStamp& a, const FileStamp& b);

/// What a position keeps of a file that was read: 12 bytes. Two names with one hash look like a
/// changed file and stop the job: with 100,000 files remembered, about one chance in 10^14 per new
/// file, and never a record lost or doubled in silence but for a further chance in 2^32.
struct FileMark {
  std::uint64_t name = 0;     ///< Hash of the name.
  std::uint32_t content = 0;  ///< Hash of size and mtime.
};

std::uint64_t HashName(std::string_view name);
FileMark MarkOf(const FileStamp& stamp);

/// 16 characters of base64.
std::string EncodeMark(const FileMark& mark);
/// REQUIRES: `bytes` holds 12.
FileMark DecodeMark(const char* bytes);

}  // namespace sluice
