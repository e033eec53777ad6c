#include "job/checkpoint_storage.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace sluice {
namespace {

Result<std::unique_ptr<Storage>> Open(const std::string& location, const RawOptions& settings,
                                      const Parts& parts, StorageUse use) {
  use.owner_only = true;
  return OpenStorage(parts.storages, settings, "storage", location, use);
}

/// Beside a remote checkpoint nothing keeps others out of the spool: in a folder for temporary
/// files anybody may have made it.
Result<void> MakeOwnSpool(const std::string& folder) {
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return UserError("job.spool", "cannot make the spool folder " + folder + ": " +
                                      std::strerror(errno) + "; set spoolDirectory to another one");
  }
  struct stat info {};
  if (::lstat(folder.c_str(), &info) != 0 || !S_ISDIR(info.st_mode) || info.st_uid != ::geteuid() ||
      (info.st_mode & 022) != 0) {
    return UserError("job.spool", "the spool folder " + folder +
                                      " is not this user's alone; remove it, or set "
                                      "spoolDirectory to another one");
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Storage>> OpenCheckpoint(const Job& job, const Parts& parts, bool create) {
  if (create && IsRemote(job.checkpoint_location) && !job.options.Has("spoolDirectory")) {
    TRY(MakeOwnSpool(job.spool_directory));
  }
  StorageUse use;
  use.create = create;
  use.spool_directory = job.spool_directory;
  return Open(job.checkpoint_location, job.storage, parts, use);
}

Result<std::unique_ptr<Storage>> OpenCheckpointAt(const std::string& location, const Parts& parts) {
  return Open(location, {}, parts, {});
}

}  // namespace sluice
