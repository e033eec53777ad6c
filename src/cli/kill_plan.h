/// At which failpoints a pipeline case is killed.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/child_run.h"

namespace sluice {

/// Arrivals at each point in one life of a job; of several lives, the most.
using Arrivals = std::map<std::string, PointArrivals>;

/// SLUICE_FAILPOINTS of one life after the other; the last life, which is not listed, has none.
struct KillMode {
  std::string name;  ///< "killed at K8", "failed at F7:3", ...
  std::vector<std::string> lives;
};

/// Every engine point that is reached, at its first arrival; every point that can fail, at its
/// last; all storage points in turn at their last; a recovery that is killed again and again. A
/// case runs some forty lives that way; `./dev sweep` has all arrivals, each by itself.
std::vector<KillMode> PlanKills(const Arrivals& arrivals);

/// How often each point acted in all modes of all cases.
class KillCounts {
 public:
  /// `armed` as in SLUICE_FAILPOINTS, one point.
  void Note(const std::string& armed, bool reached);
  /// "failpoints reached: F1 12, K1 8; never: K14", "" if nothing was armed.
  std::string Report() const;

 private:
  std::map<std::string, int> reached_;
};

}  // namespace sluice
