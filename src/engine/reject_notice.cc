#include "engine/reject_notice.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/logging.h"

namespace sluice {
namespace {

constexpr int kSeconds = 60;

/// "12.5 %"; neither 0 nor 100 % unless it is none or all.
std::string Share(std::int64_t part, std::int64_t all) {
  const double share = static_cast<double>(part) / static_cast<double>(all);
  double tenths = std::round(share * 1000);
  if (part < all && tenths >= 1000) tenths = 999;
  if (part > 0 && tenths < 1) return "under 0.1 %";
  const auto whole = static_cast<std::int64_t>(tenths);
  return std::to_string(whole / 10) + (whole % 10 == 0 ? "" : "." + std::to_string(whole % 10)) +
         " %";
}

void Warn(const std::string& kind, const std::string& name, std::int64_t epoch,
          std::int64_t refused, std::int64_t all, const std::string& first,
          const std::string& where) {
  if (refused == 0 || all == 0) return;
  LogLimited(LogLevel::kWarn, "rejects " + kind + " " + name, kSeconds,
             "a " + kind + " refused rows",
             {{kind, name},
              {"epoch", std::to_string(epoch)},
              {"refused", std::to_string(refused)},
              {"of", std::to_string(all)},
              {"share", Share(refused, all)},
              {"first", first},
              {"dead_letters", where}});
}

}  // namespace

void WarnOfRejects(const PipelineSpec& spec, std::int64_t epoch, const EpochCounts& counts) {
  const std::string none = "none (badRecords: skip)";
  const std::string& kept = counts.dead_letters > 0 ? spec.dead_letter_location : none;
  // Those of a replay count under the names of their entries.
  for (const auto& [name, of] : counts.sources) {
    const bool skips = std::any_of(
        spec.sources.begin(), spec.sources.end(), [&name = name](const PipelineSource& source) {
          return source.name == name && source.bad_records == BadRecords::kSkip;
        });
    const std::int64_t refused = of.rejected_whole + of.row_rejects;
    Warn("source", name, epoch, refused, of.rows + refused, of.first_reject, skips ? none : kept);
  }
  for (const auto& [name, step] : counts.steps) {
    Warn("step", name, epoch, step.dead, step.in, step.first_dead, kept);
  }
  for (const auto& [name, sink] : counts.sinks) {
    Warn("sink", name, epoch, sink.dead, sink.received, sink.first_dead, kept);
  }
}

}  // namespace sluice
