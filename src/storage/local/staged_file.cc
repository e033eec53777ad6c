#include "storage/local/staged_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "core/crc32c.h"
#include "core/failpoint.h"
#include "storage/local/disk.h"

namespace sluice {
namespace {

constexpr std::size_t kReadBytes = 256u << 10;

class StagedFileWriter final : public StagedWriter {
 public:
  StagedFileWriter(FolderTree* tree, FileDescriptor fd, std::string staged_name,
                   std::string final_name)
      : tree_(tree), fd_(std::move(fd)), path_(tree->FullPath(staged_name)) {
    file_.staged_name = std::move(staged_name);
    file_.final_name = std::move(final_name);
  }

  ~StagedFileWriter() override {
    if (finished_) return;
    auto [folder, leaf] = SplitName(file_.staged_name);
    Result<FileDescriptor> fd = tree_->OpenFolder(folder);
    if (fd.ok() && fd->valid()) TheDisk().Unlink(fd->get(), leaf.c_str(), 0);
    fd_.Close();
    tree_->RemoveEmpty(folder);
  }

  Result<void> Write(std::string_view bytes) override {
    TRY(WriteAll(fd_.get(), bytes, path_));
    file_.crc32c = Crc32c(bytes, file_.crc32c);
    file_.size += static_cast<std::int64_t>(bytes.size());
    FAILPOINT("F1");
    return {};
  }

  std::int64_t bytes_written() const override { return file_.size; }

  void Flush() override {
    if (file_.size == flushed_) return;
    // Only a hint: where it is not supported, Finish waits longer.
    ::sync_file_range(fd_.get(), flushed_, file_.size - flushed_, SYNC_FILE_RANGE_WRITE);
    flushed_ = file_.size;
  }

  void BeginFinish() override { Flush(); }

  Result<StagedFile> Finish() override {
    TRY(SyncFile(fd_.get(), path_));
    fd_.Close();
    const std::string folder = SplitName(file_.staged_name).first;
    TRY(FileDescriptor folder_fd, tree_->OpenFolder(folder));
    if (!folder_fd.valid()) {
      return RemoteError("storage.staged_missing",
                         "the folder of the staged file " + path_ + " was removed");
    }
    TRY(tree_->SyncFolder(folder_fd.get(), folder));
    finished_ = true;
    return file_;
  }

 private:
  FolderTree* const tree_;
  FileDescriptor fd_;
  const std::string path_;
  StagedFile file_;
  std::int64_t flushed_ = 0;
  bool finished_ = false;
};

}  // namespace

Result<void> WriteAll(int fd, std::string_view bytes, const std::string& path) {
  if (auto failed = FAILPOINT_ERROR("F7"); !failed.ok()) {
    return std::move(failed).error().At("writing " + path);
  }
  while (!bytes.empty()) {
    ::ssize_t written = TheDisk().Write(fd, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return FileError(errno, "write", path);
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<void> ReadAll(int fd, std::size_t size, const std::string& path,
                     const std::function<void(std::string_view)>& use) {
  if (auto failed = FAILPOINT_ERROR("F7"); !failed.ok()) {
    return std::move(failed).error().At("reading " + path);
  }
  std::string buffer(std::min(size, kReadBytes), '\0');
  while (size > 0) {
    ::ssize_t count = ::read(fd, buffer.data(), std::min(size, buffer.size()));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return FileError(errno, "read", path);
    if (count == 0) return RemoteError("storage.io", path + " became shorter while it was read");
    use(std::string_view(buffer.data(), static_cast<std::size_t>(count)));
    size -= static_cast<std::size_t>(count);
  }
  return {};
}

Result<void> SyncFile(int fd, const std::string& path) {
  FAILPOINT("F2");
  if (auto failed = FAILPOINT_ERROR("F8"); !failed.ok()) return FsyncError(EIO, path, false);
  if (TheDisk().Sync(fd) != 0) return FsyncError(errno, path, false);
  FAILPOINT("F2");
  return {};
}

Result<std::unique_ptr<StagedWriter>> OpenStagedFile(FolderTree* tree,
                                                     const std::string& staged_name,
                                                     const std::string& final_name) {
  TRY(CheckName(staged_name));
  auto [folder, leaf] = SplitName(staged_name);
  const std::string path = tree->FullPath(staged_name);
  if (auto failed = FAILPOINT_ERROR("F7"); !failed.ok()) {
    return std::move(failed).error().At("creating " + path);
  }
  FileDescriptor file;
  TRY(tree->WithFolder(folder, "create", path, [&, &leaf = leaf](int fd) {
    file = FileDescriptor(TheDisk().Create(
        fd, leaf.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, tree->file_mode()));
    return file.valid() ? 0 : errno;
  }));
  return std::unique_ptr<StagedWriter>(
      std::make_unique<StagedFileWriter>(tree, std::move(file), staged_name, final_name));
}

}  // namespace sluice
