#include "storage/local/folder_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "core/failpoint.h"
#include "storage/local/disk.h"

namespace sluice {
namespace {

constexpr int kFolderFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
constexpr std::size_t kMaxDurable = 1 << 16;
constexpr int kMaxDepth = 64;
constexpr int kMaxAttempts = 10'000;

/// mkdir -p, with each new folder's parent fsynced. The root's own parents may be links.
Result<void> MakeRoot(const std::string& path, ::mode_t mode) {
  std::size_t end = 0;
  while (end < path.size()) {
    end = path.find('/', end + 1);
    if (end == std::string::npos) end = path.size();
    std::string folder = path.substr(0, end);
    if (folder.empty() || folder.back() == '/') continue;
    if (TheDisk().MakeFolder(AT_FDCWD, folder.c_str(), mode) != 0) {
      if (errno == EEXIST) continue;
      // A parent that exists may refuse with another error, as a read-only file system does.
      int error_number = errno;
      struct stat info;
      if (::stat(folder.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) continue;
      return FileError(error_number, "create the folder", folder);
    }
    std::size_t slash = folder.rfind('/');
    std::string parent = slash == std::string::npos ? "."
                         : slash == 0               ? "/"
                                                    : folder.substr(0, slash);
    FileDescriptor fd(::open(parent.c_str(), kFolderFlags));
    if (!fd.valid()) return FileError(errno, "open the folder", parent);
    if (TheDisk().Sync(fd.get()) != 0) return FsyncError(errno, parent, true);
  }
  return {};
}

struct DirCloser {
  void operator()(DIR* dir) const { ::closedir(dir); }
};
using DirHandle = std::unique_ptr<DIR, DirCloser>;

DirHandle OpenDir(int folder_fd) {
  int copy = ::openat(folder_fd, ".", kFolderFlags);
  if (copy < 0) return nullptr;
  DIR* dir = ::fdopendir(copy);
  if (dir == nullptr) ::close(copy);
  return DirHandle(dir);
}

bool IsDotOrDotDot(const char* name) {
  return name[0] == '.' && (name[1] == 0 || (name[1] == '.' && name[2] == 0));
}

/// nullopt where the file system keeps no time of birth.
std::optional<FolderTree::Identity> Identify(int fd) {
  struct statx info = {};
  if (::statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &info) != 0 ||
      (info.stx_mask & STATX_BTIME) == 0) {
    return std::nullopt;
  }
  return FolderTree::Identity{std::uint64_t{info.stx_dev_major} << 32 | info.stx_dev_minor,
                              info.stx_ino, info.stx_btime.tv_sec, info.stx_btime.tv_nsec};
}

/// Leaves behind what is not empty.
void RemoveEmptyBelow(int parent_fd, const std::string& leaf, int depth) {
  if (depth > kMaxDepth) return;
  FileDescriptor fd(::openat(parent_fd, leaf.c_str(), kFolderFlags | O_NOFOLLOW));
  if (!fd.valid()) return;
  std::vector<std::string> inner;
  if (DirHandle dir = OpenDir(fd.get())) {
    while (const dirent* entry = ::readdir(dir.get())) {
      if (IsDotOrDotDot(entry->d_name)) continue;
      if (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN) return;
      inner.emplace_back(entry->d_name);
    }
  }
  for (const std::string& name : inner) RemoveEmptyBelow(fd.get(), name, depth + 1);
  TheDisk().Unlink(parent_fd, leaf.c_str(), AT_REMOVEDIR);
}

}  // namespace

std::pair<std::string, std::string> SplitName(const std::string& name) {
  std::size_t slash = name.rfind('/');
  if (slash == std::string::npos) return {"", name};
  return {name.substr(0, slash), name.substr(slash + 1)};
}

Result<void> CheckName(std::string_view name) {
  std::size_t begin = 0;
  int depth = 0;
  while (begin <= name.size()) {
    std::size_t end = std::min(name.find('/', begin), name.size());
    std::string_view part = name.substr(begin, end - begin);
    if (part.empty() || part == "." || part == ".." || part.find('\0') != part.npos ||
        ++depth > kMaxDepth) {
      return Error{Blame::kBug, Retry::kNo, "storage.name", "not a storage name"};
    }
    if (part.size() > 255) {
      return UserError("storage.path", "a name of " + std::to_string(part.size()) +
                                           " bytes is longer than the 255 that file systems allow");
    }
    begin = end + 1;
  }
  return {};
}

Result<std::unique_ptr<FolderTree>> FolderTree::Open(const std::string& path, bool create,
                                                     LocalAccess access) {
  if (path.empty() || path.find('\0') != path.npos) {
    return UserError("storage.path", "the path of a folder is empty or holds a NUL");
  }
  std::string root = path;
  while (root.size() > 1 && root.back() == '/') root.pop_back();
  const bool owner_only = access == LocalAccess::kOwnerOnly;
  if (create) TRY(MakeRoot(root, owner_only ? 0700 : 0777));
  FileDescriptor fd(::open(root.c_str(), kFolderFlags));
  if (!fd.valid()) {
    if (errno == ENOTDIR) {
      return UserError("storage.path", root + " is not a folder; give the path of one");
    }
    if (errno == ENOENT) return UserError("storage.path", "there is no folder " + root);
    return FileError(errno, "open the folder", root);
  }
  if (owner_only) {
    struct stat info;
    if (::fstat(fd.get(), &info) != 0) return FileError(errno, "look at", root);
    if (info.st_uid != ::geteuid()) {
      return UserError("storage.denied", root + " belongs to user " + std::to_string(info.st_uid) +
                                             ", this process is user " +
                                             std::to_string(::geteuid()) +
                                             "; a checkpoint must belong to who runs the job");
    }
    if ((info.st_mode & 022) != 0) {
      return UserError("storage.denied",
                       "others may write to " + root +
                           ", so its content cannot be trusted; look at it, then run: "
                           "chmod go-w '" +
                           root + "'");
    }
  }
  return std::unique_ptr<FolderTree>(new FolderTree(std::move(root), std::move(fd), access));
}

std::string FolderTree::FullPath(std::string_view name) const {
  if (name.empty()) return root_;
  return (root_ == "/" ? "" : root_) + "/" + std::string(name);
}

Result<void> FolderTree::CheckRoot() const {
  struct stat info;
  if (::fstat(root_fd_.get(), &info) != 0) return FileError(errno, "look at", root_);
  if (info.st_nlink == 0) {
    return UserError("storage.root_gone",
                     "the folder " + root_ + " was removed while in use; start the job again");
  }
  return {};
}

Result<FileDescriptor> FolderTree::OpenFolder(const std::string& folder) const {
  FileDescriptor fd(::openat(root_fd_.get(), ".", kFolderFlags));
  if (!fd.valid() && errno != ENOENT) return FileError(errno, "open the folder", root_);
  for (std::size_t begin = 0; fd.valid() && begin < folder.size();) {
    std::size_t end = std::min(folder.find('/', begin), folder.size());
    std::string part = folder.substr(begin, end - begin);
    FileDescriptor next(::openat(fd.get(), part.c_str(), kFolderFlags | O_NOFOLLOW));
    if (!next.valid() && errno != ENOENT) {
      return FileError(errno, "open the folder", FullPath(folder.substr(0, end)));
    }
    fd = std::move(next);
    begin = end + 1;
  }
  return fd;
}

Result<int> FolderTree::MakeAndUse(const std::string& folder, const std::function<int(int)>& use) {
  FileDescriptor fd(::openat(root_fd_.get(), ".", kFolderFlags));
  if (!fd.valid()) {
    int error_number = errno;
    TRY(CheckRoot());
    return FileError(error_number, "open the folder", root_);
  }
  struct Undurable {
    FileDescriptor parent;
    std::string parent_name;
    std::optional<Identity> identity;
  };
  std::vector<Undurable> undurable;
  for (std::size_t begin = 0; begin < folder.size();) {
    std::size_t end = std::min(folder.find('/', begin), folder.size());
    const std::string part = folder.substr(begin, end - begin);
    const std::string path = FullPath(std::string_view(folder).substr(0, end));
    FileDescriptor next(::openat(fd.get(), part.c_str(), kFolderFlags | O_NOFOLLOW));
    if (!next.valid() && errno == ENOENT) {
      if (auto failed = FAILPOINT_ERROR("F7"); !failed.ok()) {
        return std::move(failed).error().At("creating the folder " + path);
      }
      if (TheDisk().MakeFolder(fd.get(), part.c_str(), owner_only() ? 0700 : 0777) == 0) {
        FAILPOINT("F3");
      } else if (errno == ENOENT) {
        return ENOENT;
      } else if (errno != EEXIST) {
        return FileError(errno, "create the folder", path);
      }
      next = FileDescriptor(::openat(fd.get(), part.c_str(), kFolderFlags | O_NOFOLLOW));
    }
    if (!next.valid() && errno == ENOENT) return ENOENT;
    if (!next.valid()) return FileError(errno, "open the folder", path);
    std::optional<Identity> identity = Identify(next.get());
    if (!identity || !durable_.contains(*identity)) {
      undurable.push_back({std::move(fd), folder.substr(0, begin == 0 ? 0 : begin - 1), identity});
    }
    fd = std::move(next);
    begin = end + 1;
  }
  if (int error_number = use(fd.get()); error_number != 0) return error_number;
  // Also what another process made: it may have been killed before its fsync.
  for (const Undurable& one : undurable) {
    TRY(SyncFolder(one.parent.get(), one.parent_name));
    if (durable_.size() >= kMaxDurable) durable_.clear();
    if (one.identity) durable_.insert(*one.identity);
  }
  return 0;
}

Result<void> FolderTree::WithFolder(const std::string& folder, const std::string& doing,
                                    const std::string& path, const std::function<int(int)>& use) {
  std::lock_guard lock(mutex_);
  // Another process, or another sink on the same path, may remove an empty folder under us.
  for (int attempt = 0;; ++attempt) {
    TRY(int error_number, MakeAndUse(folder, use));
    if (error_number == 0) return {};
    TRY(CheckRoot());
    if (error_number != ENOENT || attempt == kMaxAttempts)
      return FileError(error_number, doing, path);
    std::this_thread::yield();
  }
}

Result<void> FolderTree::SyncFolder(int folder_fd, std::string_view folder) const {
  if (auto failed = FAILPOINT_ERROR("F7"); !failed.ok()) {
    return std::move(failed).error().At("syncing " + FullPath(folder));
  }
  if (TheDisk().Sync(folder_fd) != 0) return FsyncError(errno, FullPath(folder), true);
  return {};
}

Result<void> FolderTree::WalkEntries(const std::string& folder, const EntryVisit& visit) const {
  std::vector<std::string> pending = {folder};
  while (!pending.empty()) {
    std::string current = std::move(pending.back());
    pending.pop_back();
    TRY(FileDescriptor fd, OpenFolder(current));
    if (!fd.valid()) continue;
    DirHandle dir = OpenDir(fd.get());
    if (dir == nullptr) {
      if (errno == ENOENT) continue;
      return FileError(errno, "list the folder", FullPath(current));
    }
    for (;;) {
      errno = 0;
      const dirent* entry = ::readdir(dir.get());
      if (entry == nullptr) {
        if (errno != 0 && errno != ENOENT)
          return FileError(errno, "list the folder", FullPath(current));
        break;
      }
      if (IsDotOrDotDot(entry->d_name)) continue;
      std::string name = current.empty() ? entry->d_name : current + "/" + entry->d_name;
      bool is_folder = entry->d_type == DT_DIR;
      if (entry->d_type == DT_REG || entry->d_type == DT_UNKNOWN) {
        TRY(is_folder, visit(fd.get(), *entry, name));
      }
      if (is_folder) pending.push_back(std::move(name));
    }
  }
  return {};
}

Result<void> FolderTree::Walk(
    const std::string& folder,
    const std::function<Result<void>(const std::string&, const struct stat&)>& visit) const {
  return WalkEntries(folder,
                     [&](int fd, const dirent& entry, const std::string& name) -> Result<bool> {
                       struct stat info;
                       if (::fstatat(fd, entry.d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
                         if (errno == ENOENT) return false;
                         return FileError(errno, "look at", FullPath(name));
                       }
                       if (S_ISREG(info.st_mode)) TRY(visit(name, info));
                       return S_ISDIR(info.st_mode);
                     });
}

Result<void> FolderTree::WalkNames(const std::string& folder,
                                   const std::function<void(const std::string&)>& visit) const {
  return WalkEntries(folder,
                     [&](int fd, const dirent& entry, const std::string& name) -> Result<bool> {
                       if (entry.d_type != DT_REG) {  // A file system that does not say.
                         struct stat info;
                         if (::fstatat(fd, entry.d_name, &info, AT_SYMLINK_NOFOLLOW) != 0)
                           return false;
                         if (!S_ISREG(info.st_mode)) return S_ISDIR(info.st_mode);
                       }
                       visit(name);
                       return false;
                     });
}

void FolderTree::RemoveEmpty(const std::string& folder) {
  std::lock_guard lock(mutex_);
  for (std::string current = folder; !current.empty();) {
    auto [parent, leaf] = SplitName(current);
    Result<FileDescriptor> fd = OpenFolder(parent);
    if (!fd.ok()) return;
    if (fd->valid()) {
      if (current == folder) RemoveEmptyBelow(fd->get(), leaf, 0);
      if (TheDisk().Unlink(fd->get(), leaf.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) return;
    }
    current = parent;
  }
}

}  // namespace sluice
