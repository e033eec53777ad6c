#include "storage/local/local_storage.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <filesystem>
#include <utility>

#include "core/crc32c.h"
#include "core/failpoint.h"
#include "core/random_id.h"
#include "storage/local/disk.h"
#include "storage/local/folder_tree.h"
#include "storage/local/staged_file.h"

namespace sluice {
namespace {

constexpr int kStaleSeconds = 3600;

bool HasTemporaryName(const std::string& name) {
  return SplitName(name).second.starts_with(kTemporaryPrefix);
}

bool SameFile(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

class LocalStorage final : public Storage {
 public:
  explicit LocalStorage(std::unique_ptr<FolderTree> tree) : tree_(std::move(tree)) {}

  const std::string& location() const override { return tree_->root(); }
  /// PATH_MAX is 4,096 for the whole path; this leaves room for where the folder is.
  std::size_t longest_name() const override { return 2048; }
  Result<Created> PutNew(const std::string& name, std::string_view bytes) override;
  Result<void> Overwrite(const std::string& name, std::string_view bytes) override;
  Result<std::optional<std::string>> Read(const std::string& name) override;
  Result<std::vector<ListedFile>> List(const std::string& prefix) override;
  Result<void> ForEachName(const std::string& prefix,
                           const std::function<void(const std::string&)>& visit) override;
  Result<void> Remove(const std::string& name) override;
  void RemoveEmptyFolders(const std::string& prefix) override { tree_->RemoveEmpty(prefix); }
  Result<std::unique_ptr<StagedWriter>> Stage(const std::string& staged_name,
                                              const std::string& final_name) override;
  Result<void> Publish(const std::vector<StagedFile>& files) override;
  Result<void> ForgetStaged(const std::vector<StagedFile>& files) override;
  Result<void> DropStaged(const std::vector<StagedFile>& files) override {
    return ForgetStaged(files);
  }
  Result<std::vector<StagedLeftover>> ListStaged(const std::string& staged_prefix) override;
  Result<void> RemoveLeftover(const StagedLeftover& leftover) override {
    return Remove(leftover.staged_name);
  }
  Result<void> Probe(bool staging) override;

 private:
  Result<FileDescriptor> OpenToRead(const std::string& name, struct stat* info);
  Result<Created> LinkTemporary(int folder, const std::string& temporary, const std::string& leaf,
                                const std::string& name);
  Result<void> PublishOne(const StagedFile& file);
  Result<void> CheckPublished(const StagedFile& file, const std::optional<struct stat>& staged);
  Result<void> ProbeSlot(const std::string& folder);
  Result<void> ProbeStaging(const std::string& folder);
  void RemoveStale();
  Error Unfit(const std::string& what) const {
    return UserError("storage.unfit", tree_->root() + " cannot be used: " + what);
  }

  const std::unique_ptr<FolderTree> tree_;
};

Result<Created> LocalStorage::PutNew(const std::string& name, std::string_view bytes) {
  TRY(CheckName(name));
  auto [folder, leaf] = SplitName(name);
  const std::string path = tree_->FullPath(name);
  const std::string temporary = std::string(kTemporaryPrefix) + RandomHex(8);
  FileDescriptor folder_fd;
  FileDescriptor file;
  TRY(tree_->WithFolder(folder, "create a file for", path, [&](int fd) {
    file = FileDescriptor(TheDisk().Create(fd, temporary.c_str(),
                                           O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                                           tree_->file_mode()));
    if (!file.valid()) return errno;
    folder_fd = FileDescriptor(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (folder_fd.valid()) return 0;
    int error_number = errno;
    TheDisk().Unlink(fd, temporary.c_str(), 0);
    return error_number;
  }));
  auto write = [&]() -> Result<void> {
    // In two parts, so that a test can tear it.
    TRY(WriteAll(file.get(), bytes.substr(0, bytes.size() / 2), path));
    FAILPOINT("F1");
    TRY(WriteAll(file.get(), bytes.substr(bytes.size() / 2), path));
    return SyncFile(file.get(), path);
  };
  Result<Created> created = Created::kYes;
  if (auto written = write(); !written.ok()) {
    created = std::move(written).error();
  } else {
    created = LinkTemporary(folder_fd.get(), temporary, leaf, name);
  }
  TheDisk().Unlink(folder_fd.get(), temporary.c_str(), 0);
  if (!created.ok()) return std::move(created).error();
  // Also for a slot of another process, which may have been killed before its fsync.
  TRY(tree_->SyncFolder(folder_fd.get(), folder));
  return *created;
}

Result<Created> LocalStorage::LinkTemporary(int folder, const std::string& temporary,
                                            const std::string& leaf, const std::string& name) {
  const std::string path = tree_->FullPath(name);
  if (auto failed = FAILPOINT_ERROR("F7"); !failed.ok()) {
    return std::move(failed).error().At("linking " + path);
  }
  if (TheDisk().Link(folder, temporary.c_str(), folder, leaf.c_str()) == 0) return Created::kYes;
  int error_number = errno;
  // A network file system may have linked it although it says otherwise.
  struct stat ours;
  struct stat there;
  bool have_ours = ::fstatat(folder, temporary.c_str(), &ours, AT_SYMLINK_NOFOLLOW) == 0;
  if (::fstatat(folder, leaf.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0) {
    return have_ours && SameFile(ours, there) ? Created::kYes : Created::kExists;
  }
  if (error_number == EIO || (error_number == ENOENT && !have_ours)) {
    return RemoteError("storage.unknown", "it is not known whether " + path + " was created");
  }
  return FileError(error_number, "create", path);
}

Result<void> LocalStorage::Overwrite(const std::string& name, std::string_view bytes) {
  TRY(CheckName(name));
  auto [folder, leaf] = SplitName(name);
  const std::string path = tree_->FullPath(name);
  FileDescriptor file;
  TRY(tree_->WithFolder(folder, "open", path, [&, &leaf = leaf](int fd) {
    file = FileDescriptor(TheDisk().Create(
        fd, leaf.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, tree_->file_mode()));
    return file.valid() ? 0 : errno;
  }));
  TRY(WriteAll(file.get(), bytes, path));
  if (TheDisk().Truncate(file.get(), static_cast<::off_t>(bytes.size())) != 0) {
    return FileError(errno, "write", path);
  }
  return {};
}

Result<FileDescriptor> LocalStorage::OpenToRead(const std::string& name, struct stat* info) {
  auto [folder, leaf] = SplitName(name);
  const std::string path = tree_->FullPath(name);
  TRY(FileDescriptor fd, tree_->OpenFolder(folder));
  if (!fd.valid()) return FileDescriptor();
  FileDescriptor file(
      ::openat(fd.get(), leaf.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file.valid()) {
    if (errno == ENOENT) return FileDescriptor();
    return FileError(errno, "open", path);
  }
  if (::fstat(file.get(), info) != 0) return FileError(errno, "look at", path);
  if (!S_ISREG(info->st_mode)) return UserError("storage.path", path + " is not a regular file");
  if (tree_->owner_only() && (info->st_uid != ::geteuid() || (info->st_mode & 022) != 0)) {
    return UserError("storage.denied", path +
                                           " belongs to another user, or others may write to it; "
                                           "its content cannot be trusted");
  }
  return file;
}

Result<std::optional<std::string>> LocalStorage::Read(const std::string& name) {
  TRY(CheckName(name));
  struct stat info;
  TRY(FileDescriptor file, OpenToRead(name, &info));
  if (!file.valid()) return std::optional<std::string>();
  std::string bytes;
  TRY(ReadAll(file.get(), static_cast<std::size_t>(info.st_size), tree_->FullPath(name),
              [&](std::string_view part) { bytes.append(part); }));
  return std::optional<std::string>(std::move(bytes));
}

Result<std::vector<ListedFile>> LocalStorage::List(const std::string& prefix) {
  if (!prefix.empty()) TRY(CheckName(prefix));
  std::vector<ListedFile> files;
  TRY(tree_->Walk(prefix, [&](const std::string& name, const struct stat& info) -> Result<void> {
    if (!HasTemporaryName(name)) files.push_back({name, info.st_size});
    return {};
  }));
  std::sort(files.begin(), files.end(),
            [](const ListedFile& a, const ListedFile& b) { return a.name < b.name; });
  return files;
}

Result<void> LocalStorage::ForEachName(const std::string& prefix,
                                       const std::function<void(const std::string&)>& visit) {
  if (!prefix.empty()) TRY(CheckName(prefix));
  return tree_->WalkNames(prefix, [&](const std::string& name) {
    if (!HasTemporaryName(name)) visit(name);
  });
}

Result<void> LocalStorage::Remove(const std::string& name) {
  TRY(CheckName(name));
  auto [folder, leaf] = SplitName(name);
  TRY(FileDescriptor fd, tree_->OpenFolder(folder));
  if (!fd.valid()) return {};
  if (auto failed = FAILPOINT_ERROR("F7"); !failed.ok()) {
    return std::move(failed).error().At("removing " + tree_->FullPath(name));
  }
  if (TheDisk().Unlink(fd.get(), leaf.c_str(), 0) != 0 && errno != ENOENT) {
    return FileError(errno, "remove", tree_->FullPath(name));
  }
  return {};
}

Result<std::unique_ptr<StagedWriter>> LocalStorage::Stage(const std::string& staged_name,
                                                          const std::string& final_name) {
  TRY(CheckName(final_name));
  return OpenStagedFile(tree_.get(), staged_name, final_name);
}

Result<void> LocalStorage::Publish(const std::vector<StagedFile>& files) {
  for (const StagedFile& file : files) TRY(PublishOne(file));
  return {};
}

Result<void> LocalStorage::ForgetStaged(const std::vector<StagedFile>& files) {
  for (const StagedFile& file : files) TRY(Remove(file.staged_name));
  return {};
}

Result<std::vector<StagedLeftover>> LocalStorage::ListStaged(const std::string& staged_prefix) {
  TRY(CheckName(staged_prefix));
  std::vector<StagedLeftover> leftovers;
  TRY(tree_->Walk(
      staged_prefix, [&](const std::string& name, const struct stat& info) -> Result<void> {
        if (HasTemporaryName(name)) return {};
        const std::int64_t written = info.st_mtim.tv_sec * 1'000'000 + info.st_mtim.tv_nsec / 1'000;
        leftovers.push_back({name, "", info.st_size, "", written});
        return {};
      }));
  return leftovers;
}

Result<void> LocalStorage::PublishOne(const StagedFile& file) {
  TRY(CheckName(file.staged_name));
  TRY(CheckName(file.final_name));
  auto [staged_folder, staged_leaf] = SplitName(file.staged_name);
  auto [final_folder, final_leaf] = SplitName(file.final_name);
  const std::string path = tree_->FullPath(file.final_name);

  std::optional<struct stat> staged;
  TRY(FileDescriptor from, tree_->OpenFolder(staged_folder));
  struct stat info;
  if (from.valid() && ::fstatat(from.get(), staged_leaf.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) {
    if (!S_ISREG(info.st_mode) || info.st_size != file.size) {
      return RemoteError("storage.staged_damaged",
                         "the staged file " + tree_->FullPath(file.staged_name) + " has " +
                             std::to_string(info.st_size) + " bytes instead of " +
                             std::to_string(file.size) +
                             "; it was changed or lost bytes, so it is "
                             "not published as " +
                             path,
                         Retry::kNo);
    }
    staged = info;
  } else if (from.valid() && errno != ENOENT) {
    return FileError(errno, "look at", tree_->FullPath(file.staged_name));
  }

  if (auto failed = FAILPOINT_ERROR("F7"); !failed.ok()) {
    return std::move(failed).error().At("linking " + path);
  }
  FileDescriptor to;
  bool elsewhere = false;
  TRY(tree_->WithFolder(
      final_folder, "publish", path, [&, &from_leaf = staged_leaf, &to_leaf = final_leaf](int fd) {
        to = FileDescriptor(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
        if (!to.valid()) return errno;
        if (!staged) return 0;
        if (TheDisk().Link(from.get(), from_leaf.c_str(), fd, to_leaf.c_str()) == 0) return 0;
        elsewhere = errno == EXDEV;
        return elsewhere || errno == EEXIST ? 0 : errno;
      }));
  if (elsewhere) {
    return UserError("storage.unfit", path +
                                          " lies on another file system than its staging folder "
                                          "_staging, so it cannot be published at once");
  }
  FAILPOINT("F4");
  TRY(CheckPublished(file, staged));
  // Also if it was there: who linked it may have been killed before this.
  return tree_->SyncFolder(to.get(), final_folder);
}

Result<void> LocalStorage::CheckPublished(const StagedFile& file,
                                          const std::optional<struct stat>& staged) {
  struct stat info;
  TRY(FileDescriptor published, OpenToRead(file.final_name, &info));
  const std::string path = tree_->FullPath(file.final_name);
  if (!published.valid()) {
    if (staged)
      return RemoteError("storage.unknown", path + " is gone right after it was published");
    return RemoteError("storage.staged_missing",
                       "neither " + path + " nor its staged file " +
                           tree_->FullPath(file.staged_name) + " is there: somebody removed it",
                       Retry::kNo);
  }
  if (staged && SameFile(*staged, info)) return {};
  FAILPOINT("F5");
  std::uint32_t crc = 0;
  if (info.st_size == file.size) {
    TRY(ReadAll(published.get(), static_cast<std::size_t>(info.st_size), path,
                [&](std::string_view part) { crc = Crc32c(part, crc); }));
    if (crc == file.crc32c) return {};
  }
  return RemoteError("storage.conflict",
                     path + " holds other bytes than those this epoch wants to publish there (" +
                         std::to_string(info.st_size) + " bytes, expected " +
                         std::to_string(file.size) +
                         "); it was changed or put there by somebody else, "
                         "and nothing is overwritten",
                     Retry::kNo);
}

Result<void> LocalStorage::Probe(bool staging) {
  RemoveStale();
  const std::string folder = std::string(kProbePrefix) + RandomHex(8);
  Result<void> result = ProbeSlot(folder);
  if (result.ok() && staging) result = ProbeStaging(folder);
  for (const std::string& inner : {folder, "_staging/" + folder}) {
    if (auto left = List(inner); left.ok()) {
      for (const ListedFile& file : *left) static_cast<void>(Remove(file.name));
    }
    tree_->RemoveEmpty(inner);
  }
  return result;
}

Result<void> LocalStorage::ProbeSlot(const std::string& folder) {
  const std::string name = folder + "/slot";
  TRY(Created first, PutNew(name, "first"));
  TRY(Created second, PutNew(name, "second"));
  if (first != Created::kYes || second != Created::kExists) {
    return Unfit("a file could be created twice under one name there");
  }
  TRY(auto bytes, Read(name));
  TRY(auto files, List(folder));
  if (bytes != "first" || files.size() != 1 || files[0].name != name) {
    return Unfit("a new file was not listed, or not read back, at once");
  }
  return {};
}

Result<void> LocalStorage::ProbeStaging(const std::string& folder) {
  const std::string staged_name = "_staging/" + folder + "/file";
  TRY(auto writer, Stage(staged_name, folder + "/file"));
  TRY(writer->Write("probe"));
  TRY(StagedFile file, writer->Finish());
  if (auto failed = FAILPOINT_ERROR("F6"); !failed.ok()) {
    return Unfit("staging and target lie on different devices");
  }
  if (auto published = Publish({file}); !published.ok()) {
    return Unfit(
        "a staged file cannot be published there by a hard link, which exactly-once needs (" +
        published.error().message + ")");
  }
  TRY(Publish({file}));
  TRY(ForgetStaged({file}));
  TRY(auto bytes, Read(file.final_name));
  if (bytes != "probe") return Unfit("a published file was not read back");
  return {};
}

/// In a checkpoint everywhere, in a target (which may be large, and has no slots) not at all: there
/// only probes make temporary names, in folders of their own.
void LocalStorage::RemoveStale() {
  const std::time_t horizon = std::time(nullptr) - kStaleSeconds;
  std::vector<std::string> stale;
  if (tree_->owner_only()) {
    static_cast<void>(tree_->Walk("", [&](const std::string& name, const struct stat& info) {
      if (info.st_mtime < horizon && (HasTemporaryName(name) || name.starts_with(kProbePrefix))) {
        stale.push_back(name);
      }
      return Result<void>();
    }));
  }
  for (const std::string& name : stale) {
    static_cast<void>(Remove(name));
    tree_->RemoveEmpty(SplitName(name).first);
  }
}

std::string PathOf(const std::string& location) {
  return location.starts_with("file://") ? location.substr(7) : location;
}

}  // namespace

Result<std::unique_ptr<Storage>> OpenLocalStorage(const std::string& path, bool create,
                                                  LocalAccess access) {
  TRY(auto tree, FolderTree::Open(path, create, access));
  return std::unique_ptr<Storage>(std::make_unique<LocalStorage>(std::move(tree)));
}

StorageEntry LocalStorageEntry() {
  StorageEntry entry;
  entry.name = "file";
  entry.summary = "A folder of a local file system";
  entry.normal = [](const std::string& location) -> Result<std::string> {
    std::error_code failed;
    std::string absolute =
        std::filesystem::absolute(PathOf(location), failed).lexically_normal().string();
    if (failed) {
      return UserError("storage.location", "the current folder is gone: " + failed.message());
    }
    while (absolute.size() > 1 && absolute.back() == '/') absolute.pop_back();
    return absolute;
  };
  entry.open = [](const std::string& location, const Options&, const StorageUse& use) {
    return OpenLocalStorage(PathOf(location), use.create,
                            use.owner_only ? LocalAccess::kOwnerOnly : LocalAccess::kByUmask);
  };
  return entry;
}

}  // namespace sluice
