/// The calls by which local storage changes a disk, so that a test can put a disk under it that
/// loses what was not synced (storage/testing/simulated_disk.h).
#pragma once

#include <sys/types.h>

#include <cstddef>

namespace sluice {

/// As the kernel has them: errno tells of a failure. Any thread. What only reads is not here.
class Disk {
 public:
  virtual ~Disk() = default;
  virtual int Create(int folder, const char* name, int flags, ::mode_t mode);  ///< openat
  virtual ::ssize_t Write(int fd, const char* bytes, std::size_t size);
  virtual int Truncate(int fd, ::off_t size);
  virtual int Sync(int fd);  ///< Of a file or a folder.
  virtual int Link(int from_folder, const char* from, int to_folder, const char* to);
  virtual int Unlink(int folder, const char* name, int flags);
  virtual int MakeFolder(int folder, const char* name, ::mode_t mode);
};

/// The kernel's, unless a test put another.
Disk& TheDisk();
/// For tests, before local storage is used. nullptr: the kernel's again.
void ReplaceDisk(Disk* disk);

}  // namespace sluice
