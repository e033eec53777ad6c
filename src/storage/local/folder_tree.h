/// The folders of a local storage: opened one component at a time beneath the root, made durably.
#pragma once

#include <dirent.h>
#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "core/result.h"
#include "storage/local/file_error.h"
#include "storage/local/local_storage.h"

namespace sluice {

inline constexpr std::string_view kTemporaryPrefix = ".tmp-";
inline constexpr std::string_view kProbePrefix = ".probe-";

/// Any thread. Folder names are relative to the root; "" is the root itself.
class FolderTree {
 public:
  /// Device, inode and time of birth: inode numbers alone are reused.
  using Identity = std::tuple<std::uint64_t, std::uint64_t, std::int64_t, std::uint32_t>;

  static Result<std::unique_ptr<FolderTree>> Open(const std::string& path, bool create,
                                                  LocalAccess access);

  const std::string& root() const { return root_; }
  std::string FullPath(std::string_view name) const;
  ::mode_t file_mode() const { return access_ == LocalAccess::kOwnerOnly ? 0600 : 0666; }
  bool owner_only() const { return access_ == LocalAccess::kOwnerOnly; }

  /// An invalid descriptor if it is absent.
  Result<FileDescriptor> OpenFolder(const std::string& folder) const;

  /// Makes what is missing of `folder` and calls `use` with it, which returns 0 or an errno, for
  /// the error "cannot DOING PATH". When it returns, the names of `folder` and of its parents are
  /// durable. While `use` runs no thread of this process removes the folder; if another process
  /// does so before, it is called again.
  Result<void> WithFolder(const std::string& folder, const std::string& doing,
                          const std::string& path, const std::function<int(int folder_fd)>& use);

  /// Calls `visit(name, stat)` for each regular file beneath `folder`, in no order. Links are
  /// skipped.
  Result<void> Walk(
      const std::string& folder,
      const std::function<Result<void>(const std::string&, const struct stat&)>& visit) const;
  /// The same without asking for each file's stat.
  Result<void> WalkNames(const std::string& folder,
                         const std::function<void(const std::string&)>& visit) const;

  /// Removes the empty folders in `folder`, then it and its parents as long as they are empty.
  void RemoveEmpty(const std::string& folder);

  Result<void> SyncFolder(int folder_fd, std::string_view folder) const;

 private:
  /// `visit(folder's fd, entry's own name, its whole name)` for each entry that is, or may be, a
  /// file; true if it turned out to be a folder.
  using EntryVisit = std::function<Result<bool>(int, const dirent&, const std::string&)>;
  Result<void> WalkEntries(const std::string& folder, const EntryVisit& visit) const;

  FolderTree(std::string root, FileDescriptor fd, LocalAccess access)
      : root_(std::move(root)), root_fd_(std::move(fd)), access_(access) {}
  /// ENOENT if a part of it vanished meanwhile.
  Result<int> MakeAndUse(const std::string& folder, const std::function<int(int)>& use);
  Result<void> CheckRoot() const;

  const std::string root_;
  const FileDescriptor root_fd_;
  const LocalAccess access_;
  std::mutex mutex_;            ///< Held while folders are made, used for a new name, or removed.
  std::set<Identity> durable_;  ///< Folders whose name in their parent is known to be durable.
};

/// The parts of "a/b/c": {"a/b", "c"}; of "c": {"", "c"}.
std::pair<std::string, std::string> SplitName(const std::string& name);

/// REQUIRES of every name, checked: see storage.h. At most 255 bytes a part, no NUL.
Result<void> CheckName(std::string_view name);

}  // namespace sluice
