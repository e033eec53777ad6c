/// One life of a job in a process of its own, so that it can be killed.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "core/result.h"

namespace sluice {

struct PointArrivals {
  int count = 0;
  bool can_fail = false;  ///< A FAILPOINT_ERROR site.
};

struct ChildRun {
  bool killed = false;         ///< By itself, at a failpoint.
  bool reached = false;        ///< The armed point acted.
  std::optional<Error> error;  ///< Of a process that ended by itself; as it printed it.
  std::map<std::string, PointArrivals> arrivals;  ///< With "*=count".
};

/// Runs this executable as `run JOB --until-caught-up` with SLUICE_FAILPOINTS=`failpoints`, and
/// waits for its end. Its stderr goes to the file `log`. A process that does not end within two
/// minutes, or ends in a way that nobody asked for, is an Error. Any thread.
Result<ChildRun> RunInChild(const std::string& job_file, const std::string& log,
                            const std::string& failpoints);

}  // namespace sluice
