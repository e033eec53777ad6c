/// The files of a folder in the order in which they are read, each once.
///
/// Files are found whenever Discover is called; what is found together is sorted by age and goes
/// behind what was found before. A place in this order is an index that counts from the job's
/// beginning, so that all files present at some moment have been read as soon as the index of that
/// moment's end is reached. Any thread.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/metrics.h"
#include "core/result.h"
#include "source/files/files_position.h"
#include "source/files/folder.h"

namespace sluice {

class FileQueue {
 public:
  /// `folder` outlives the queue, which is the only one to call it, Wait and Wake aside. `too_old`
  /// may be null.
  FileQueue(Folder* folder, const Clock* clock, Counter* too_old);

  /// Goes on from `position`. The order of what was found behind it is kept where it is still
  /// known, else the folder is listed anew.
  Result<void> GoTo(const FilesPosition& position);

  /// Looks for new files, and for changes of those that have been read (an error, "files.changed").
  /// Cheap when nothing happened; `all` lists the folder in any case.
  Result<void> Discover(bool all = false);

  /// The file at `index`, which counts as being read from now on; none if it has not been found
  /// yet.
  std::optional<FileStamp> Begin(std::int64_t index);
  /// It was not as found: before its first byte was read, its new content counts.
  void Update(std::int64_t index, const FileStamp& stamp);
  /// It was gone before it could be read. If it comes back it is new.
  void Forget(std::int64_t index);

  /// As far as the horizon may move once the file at `index` is read: not past a file that still
  /// waits, nor into the future. Nanoseconds, for files of `max_age`.
  std::int64_t HorizonLimit(std::int64_t index, std::int64_t max_age) const;
  /// Newcomers older than this are reported instead of queued.
  void SetHorizon(std::int64_t horizon);
  std::int64_t scanned() const;  ///< Nanoseconds; the last listing of the whole folder.

  /// The position behind all files found so far. Only for comparing.
  FilesPosition End() const;

  /// Positions before this one will not be asked for again: lets go of what only they need.
  Result<void> Settle(const FilesPosition& position);

 private:
  void NoteListing(const std::vector<FileStamp>& files);
  bool IsNewcomer(const FileStamp& stamp, std::uint64_t name) const;
  Result<void> Consider(FileStamp stamp, bool may_be_new, std::vector<FileStamp>* found);
  Result<void> CheckKnown(const FileStamp& stamp, const FileMark& mark, bool* known);
  Result<void> DiscoverLocked(bool all);
  void Append(FileStamp stamp);
  void UpdateLocked(std::int64_t index, const FileStamp& stamp);
  void ResetMinima();
  FileStamp& At(std::int64_t index) { return files_[static_cast<std::size_t>(index - base_)]; }
  std::int64_t end() const { return base_ + static_cast<std::int64_t>(files_.size()); }

  Folder* folder_;
  const Clock* clock_;
  Counter* too_old_;

  mutable std::mutex mutex_;
  bool started_ = false;
  std::int64_t base_ = 0;        ///< Index of files_.front().
  std::int64_t base_bytes_ = 0;  ///< Of the files before it.
  std::int64_t begun_ = 0;       ///< Files below this index are being read or have been.
  std::deque<FileStamp> files_;
  std::unordered_map<std::uint64_t, std::int64_t> indexes_;  ///< Name hash -> index, for files_.
  FileMarks settled_;                                        ///< Files before base_.
  std::int64_t horizon_ = FilesPosition::kNoHorizon;
  std::int64_t scanned_ = 0;
  std::unordered_set<std::uint64_t> reported_;  ///< Newcomers that were too old.
  std::vector<std::uint64_t> listed_;           ///< Name hashes of the last whole listing, sorted.
  std::unordered_set<std::uint64_t> arrived_;   ///< Those of files queued one by one since then.
  bool have_listing_ = false;
  /// Candidates for the least mtime of the files from some index on: (index, mtime), both rising.
  std::deque<std::pair<std::int64_t, std::int64_t>> minima_;
};

}  // namespace sluice
