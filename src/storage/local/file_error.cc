#include "storage/local/file_error.h"

#include <cerrno>
#include <cstring>
#include <string>

namespace sluice {
namespace {

std::string Describe(int error_number) {
  char buffer[128];
  return strerror_r(error_number, buffer, sizeof buffer);
}

}  // namespace

Error FileError(int error_number, const std::string& doing, const std::string& path) {
  std::string what = "cannot " + doing + " " + path + ": " + Describe(error_number);
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
      return RemoteError("storage.full",
                         what +
                             "; free some space there: nothing is lost, and the job goes on "
                             "from its last commit");
    case EACCES:
    case EPERM:
    case EROFS:
      return UserError(
          "storage.denied",
          what + "; check its owner and mode: this process is user " + std::to_string(::geteuid()));
    case ELOOP:
    case ENOTDIR:
      return UserError("storage.path",
                       what +
                           "; a symbolic link or a file stands where a folder must be, and links "
                           "are not followed here");
    case EISDIR:
    case ENAMETOOLONG:
      return UserError("storage.path", what);
    case EMFILE:
    case ENFILE:
      return RemoteError("storage.too_many_files", what + "; raise the limit (ulimit -n)");
    default:
      return RemoteError("storage.io", what);
  }
}

Error FsyncError(int error_number, const std::string& path, bool folder) {
  if (error_number == ENOSPC || error_number == EDQUOT)
    return FileError(error_number, "sync", path);
  std::string what = "cannot sync " + path + " to its disk: " + Describe(error_number);
  if (folder) {
    return RemoteError(
        "storage.fsync",
        what +
            "; the disk may be failing, so the job stops here; the next start goes on "
            "from the last commit",
        Retry::kNo);
  }
  return RemoteError("storage.fsync", what + "; the file is discarded and will be written again");
}

}  // namespace sluice
