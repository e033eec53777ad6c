/// A place in a stream of files: which files have been read, and how far the next one.
///
/// The text is JSON, 16 bytes for every file within maxFileAge and little else:
///   {"files":12,"byte":0,"bytes":4711,"records":99,"horizon":..,"scanned":..,"seen":{"..":".."}}
/// `files` and `byte` alone order the positions of one history: files counts those done with since
/// the job began, in the order in which they were found. Files older than the horizon are no longer
/// in `seen`.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/result.h"
#include "source/files/file_stamp.h"

namespace sluice {

/// Name hash -> content hash.
using FileMarks = std::unordered_map<std::uint64_t, std::uint32_t>;

struct FilesPosition {
  static constexpr std::int64_t kNoHorizon = std::numeric_limits<std::int64_t>::min();

  std::int64_t files = 0;    ///< Read whole, or gone before they could be.
  std::int64_t byte = 0;     ///< Next byte of the file that is being read; 0 before its first line.
  std::int64_t bytes = 0;    ///< Of the files read whole.
  std::int64_t records = 0;  ///< Delivered so far; -1 in an end, where nobody has counted them.

  std::int64_t horizon = kNoHorizon;  ///< Nanoseconds; files last changed before it are not read.
  std::int64_t scanned = 0;           ///< Nanoseconds; when the folder was last listed as a whole.
  /// End of a span of mtimes (nanoseconds, exclusive) -> the marks of its files as base64, one
  /// after another. Spans are dropped as the horizon passes them.
  std::map<std::int64_t, std::string> seen;

  FileStamp current;      ///< The file that is being read; only if byte > 0.
  std::int64_t line = 0;  ///< Lines of it that lie before `byte`.

  /// Counts a file as read whole: remembers it, moves the horizon to `max_age` before it, but not
  /// beyond `limit`, and stands at the start of the next file. All in nanoseconds.
  void Finish(const FileStamp& file, std::int64_t max_age, std::int64_t limit);

  std::string ToText() const;
  /// A user error for what ToText did not write.
  static Result<FilesPosition> Parse(std::string_view text);
  /// Only the first four numbers, without looking at the rest.
  static FilesPosition ParseNumbers(std::string_view text);

  Result<FileMarks> Marks() const;
};

/// By files, then byte.
int Compare(const FilesPosition& a, const FilesPosition& b);

}  // namespace sluice
