/// What the kernel's error numbers mean for a user of local files, and a file descriptor that
/// closes.
#pragma once

#include <unistd.h>

#include <string>
#include <utility>

#include "core/result.h"

namespace sluice {

/// `doing` reads as in "cannot create /x/y". EACCES and its kin are the user's, ENOSPC may be
/// retried.
Error FileError(int error_number, const std::string& doing, const std::string& path);

/// A failed fsync. `folder`: not to be retried, since what the folder holds cannot be written
/// again.
Error FsyncError(int error_number, const std::string& path, bool folder);

/// Closes on destruction.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    if (this != &other) {
      Close();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~FileDescriptor() { Close(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void Close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  int fd_ = -1;
};

}  // namespace sluice
