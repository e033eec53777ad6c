/// The clock of the benchmarks of parts.
#pragma once

#include <ctime>

namespace sluice_bench {

/// CPU-seconds of this thread.
inline double ThreadCpuSeconds() {
  std::timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

}  // namespace sluice_bench
