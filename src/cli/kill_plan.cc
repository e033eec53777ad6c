#include "cli/kill_plan.h"

#include <set>

namespace sluice {
namespace {

/// Recoveries are killed where they commit what was decided, and where they begin and end.
constexpr const char* kRecoveryPoints[] = {"K2", "K3", "K15", "F4", "K10", "K12", "K13", "K14"};

std::set<int> Places(const std::string& point, int count) {
  std::set<int> places = {1, count};
  if (point.starts_with('K') && count > 1) places.insert(2);
  if (point.starts_with('F') && count > 2) places.insert(count / 2 + 1);
  return places;
}

std::string Armed(const std::string& point, int arrival) {
  return arrival == 1 ? point : point + ":" + std::to_string(arrival);
}

}  // namespace

std::vector<KillMode> PlanKills(const Arrivals& arrivals) {
  std::vector<KillMode> modes;
  for (const auto& [point, at] : arrivals) {
    for (const int arrival : Places(point, at.count)) {
      const std::string place = Armed(point, arrival);
      modes.push_back({"killed at " + place, {place + "=kill"}});
    }
    if (!at.can_fail) continue;
    for (const int arrival : Places(point, at.count)) {
      const std::string place = Armed(point, arrival);
      modes.push_back({"failed at " + place, {place + "=error"}});
    }
  }
  if (!arrivals.contains("K8")) return modes;
  for (const std::string point : kRecoveryPoints) {
    modes.push_back({"killed at K8, recovery at " + point, {"K8=kill", point + "=kill"}});
  }
  modes.push_back({"killed at F4, recovery at F5", {"F4=kill", "F5=kill"}});
  modes.push_back({"killed at K4, recovery at K8, K15 and K12",
                   {"K4=kill", "K8=kill", "K15=kill", "K12=kill"}});
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
