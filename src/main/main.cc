#include <sys/resource.h>

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

}  // namespace

int main(int argc, char** argv) {
  RaiseFileLimit();
  return sluice::RunCommandLine(argc, argv, sluice::BuiltInParts(), std::cout, std::cerr);
}
