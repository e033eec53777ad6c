#include "storage/local/disk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>

namespace sluice {
namespace {

Disk kernel;
std::atomic<Disk*> current = &kernel;

}  // namespace

int Disk::Create(int folder, const char* name, int flags, ::mode_t mode) {
  return ::openat(folder, name, flags, mode);
}
::ssize_t Disk::Write(int fd, const char* bytes, std::size_t size) {
  return ::write(fd, bytes, size);
}
int Disk::Truncate(int fd, ::off_t size) { return ::ftruncate(fd, size); }
int Disk::Sync(int fd) { return ::fsync(fd); }
int Disk::Link(int from_folder, const char* from, int to_folder, const char* to) {
  return ::linkat(from_folder, from, to_folder, to, 0);
}
int Disk::Unlink(int folder, const char* name, int flags) {
  return ::unlinkat(folder, name, flags);
}
int Disk::MakeFolder(int folder, const char* name, ::mode_t mode) {
  return ::mkdirat(folder, name, mode);
}

Disk& TheDisk() { return *current.load(std::memory_order_acquire); }
void ReplaceDisk(Disk* disk) {
  current.store(disk == nullptr ? &kernel : disk, std::memory_order_release);
}

}  // namespace sluice
