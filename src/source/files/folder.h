/// A folder of arriving files: what lies in it, and news of what changes.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/result.h"
#include "source/files/file_stamp.h"

struct inotify_event;

namespace sluice {

struct FolderOptions {
  std::string path;
  std::string glob;  ///< For the last part of a name, as in Spark; empty = all.
  bool recursive = false;
  std::chrono::microseconds poll_interval{10'000'000};
};

/// Files are regular files, or links to some; names with a part that begins with '_' or '.' are
/// none of ours. Threads: one caller at a time, but for Wait and Wake, which any thread may call at
/// any time.
class Folder {
 public:
  explicit Folder(FolderOptions options);
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  /// What is known to have happened since the last call.
  struct News {
    bool anything = false;  ///< List the folder: events were lost, or the interval is over.
    std::vector<std::string> arrived;  ///< Renamed, linked or written to the end.
    std::vector<std::string> touched;  ///< Written to or stamped; perhaps not finished.
  };
  News TakeNews();

  /// All files, in no order. Also starts to watch the folders it meets, before it looks into them.
  Result<std::vector<FileStamp>> List();

  /// False if there is no such file, or it is none of ours.
  bool Stat(const std::string& name, FileStamp* stamp) const;

  /// Returns when there may be news, after Wake, or when the time is over.
  void Wait(std::chrono::milliseconds timeout);
  void Wake();

  /// What tells this folder from others, as ASCII: "DEVICE:INODE:BIRTH /absolute/path", the device
  /// as two numbers. An error if it is not there.
  Result<std::string> Identity() const;
  /// Whether the two are one folder: the same path, whatever lies there now (mounted again,
  /// restored, made anew), or the same inode under another path.
  static bool SameFolder(std::string_view a, std::string_view b);
  /// The path in an identity.
  static std::string PathIn(std::string_view identity);

  std::string PathOf(const std::string& name) const;
  const std::string& path() const { return options_.path; }

 private:
  bool Wanted(std::string_view name) const;
  Result<void> ListInto(const std::string& prefix, std::vector<FileStamp>* files);
  void Watch(const std::string& prefix);
  void TakeEvent(const inotify_event& event, std::unordered_set<std::string>* touched, News* news);

  FolderOptions options_;
  int events_ = -1;  ///< inotify; -1 where there is none, then only the interval helps.
  int wake_ = -1;
  std::unordered_map<int, std::string> watched_;  ///< Watch -> folder, "" or "a/b/".
  std::chrono::steady_clock::time_point listed_{};
  bool listed_once_ = false;
};

}  // namespace sluice
