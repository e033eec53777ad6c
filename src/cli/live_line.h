/// One line on the terminal that shows how a job is doing, redrawn in place.
///
/// Log lines written meanwhile appear above it. One at a time in a process (it owns the log hook).
#pragma once

#include <cstdint>
#include <string>

#include "engine/pipeline.h"

namespace sluice {

/// "epoch 12 | 104k records/s | lag 1.2M | rejects 0 | memory 213 MiB".
std::string ProgressText(const Progress& progress, double records_per_second);

class LiveLine {
 public:
  /// Draws only if stderr is a terminal.
  LiveLine();
  ~LiveLine();
  LiveLine(const LiveLine&) = delete;
  LiveLine& operator=(const LiveLine&) = delete;

  /// One thread.
  void Show(const Progress& progress);
};

}  // namespace sluice
