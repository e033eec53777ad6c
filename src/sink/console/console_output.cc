#include "sink/console/console_output.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>

#include "core/logging.h"

namespace sluice {
namespace {

Error Closed(const std::string& why) {
  return RemoteError("console.closed",
                     "cannot print: " + why +
                         ". Nothing is lost: what was decided is committed by the next start. "
                         "Start the job with a standard output that somebody reads, or with "
                         "`> /dev/null`, or take the console sink out of the job",
                     Retry::kNo);
}

Error WriteError(int error_number) {
  if (error_number == EPIPE) return Closed("the reader of standard output went away");
  if (error_number == EBADF) return Closed("standard output is closed");
  return RemoteError("console.write", std::string("cannot write to standard output: ") +
                                          std::strerror(error_number) +
                                          "; make room, or send it elsewhere");
}

/// Only then can lines of the two mix. A log that goes elsewhere should not wait for whoever reads
/// the rows.
bool SharedWithLog(int output) {
  struct stat ours {};
  struct stat log {};
  return ::fstat(output, &ours) == 0 && ::fstat(STDERR_FILENO, &log) == 0 &&
         ours.st_dev == log.st_dev && ours.st_ino == log.st_ino && ours.st_rdev == log.st_rdev;
}

Result<void> WriteAll(int output, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(output, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      // Whoever shares the terminal may have made it non-blocking.
      pollfd waiting{output, POLLOUT, 0};
      ::poll(&waiting, 1, -1);
    } else if (errno != EINTR) {
      return WriteError(errno);
    }
  }
  return {};
}

}  // namespace

Result<void> ProbeOutput(int output) {
  const int flags = ::fcntl(output, F_GETFL);
  if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY) return WriteError(EBADF);
  pollfd now{output, 0, 0};
  if (::poll(&now, 1, 0) == 1 && (now.revents & POLLERR) != 0) return WriteError(EPIPE);
  return {};
}

Result<void> WriteOutput(int output, std::string_view text) {
  std::optional<LogPause> pause;
  if (SharedWithLog(output)) pause.emplace();
  return WriteAll(output, text);
}

}  // namespace sluice
