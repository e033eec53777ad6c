#include "cli/kill_plan.h"

#include <iterator>
#include <utility>

namespace sluice {
namespace {

/// A decided epoch is recovered from ever further on.
constexpr const char* kRecovery[] = {"K8=kill", "K3=kill",  "K15=kill", "F4=kill", "K10=kill",
                                     "F5=kill", "K12=kill", "K2=kill",  "K14=kill"};

bool IsEnginePoint(const std::string& point) { return point.starts_with('K'); }

}  // namespace

std::vector<KillMode> PlanKills(const Arrivals& arrivals) {
  std::vector<KillMode> modes;
  KillMode storage{"killed at each storage point in turn", {}};
  for (const auto& [point, at] : arrivals) {
    const std::string last = at.count == 1 ? point : point + ":" + std::to_string(at.count);
    if (at.can_fail) {
      modes.push_back({"failed at " + last, {last + "=error"}});
    } else if (IsEnginePoint(point)) {
      modes.push_back({"killed at " + point, {point + "=kill"}});
    } else {
      storage.lives.push_back(last + "=kill");
    }
  }
  if (!storage.lives.empty()) modes.push_back(std::move(storage));
  if (arrivals.contains("K8")) {
    modes.push_back(
        {"killed at K8, its recoveries further on", {std::begin(kRecovery), std::end(kRecovery)}});
  }
  return modes;
}

void KillCounts::Note(const std::string& armed, bool reached) {
  reached_[armed.substr(0, armed.find_first_of(":="))] += reached ? 1 : 0;
}

std::string KillCounts::Report() const {
  std::string hit;
  std::string never;
  for (const auto& [point, count] : reached_) {
    if (count == 0) {
      never += (never.empty() ? "" : ", ") + point;
    } else {
      hit += (hit.empty() ? "" : ", ") + point + " " + std::to_string(count);
    }
  }
  if (hit.empty() && never.empty()) return "";
  return "failpoints reached: " + (hit.empty() ? "none" : hit) +
         (never.empty() ? "" : "; never: " + never);
}

}  // namespace sluice
