#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <iostream>

#include "cli/command_line.h"
#include "main/built_in_parts.h"

namespace {

/// A sink may hold a thousand files open, one for each partition value; the usual soft limit is
/// 1,024.
void RaiseFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

/// A file that is opened later must not become standard output or the log: whoever starts the
/// program with one of them closed would have rows printed into a slot of the checkpoint. What
/// takes its place cannot be written, so that lost output is noticed.
void FillStandardFiles() {
  for (int standard = 0; standard <= 2; ++standard) {
    if (fcntl(standard, F_GETFD) != -1) continue;
    if (open("/dev/null", O_RDONLY) != standard) _exit(1);
  }
}

}  // namespace

int main(int argc, char** argv) {
  FillStandardFiles();
  RaiseFileLimit();
  return sluice::RunCommandLine(argc, argv, sluice::BuiltInParts(), std::cout, std::cerr);
}
