/// Runs pipeline cases through the real engine, files source and files sink.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "cli/kill_plan.h"
#include "cli/pipe_folder.h"
#include "cli/pipe_runner.h"
#include "job/parts.h"

namespace sluice {

/// Each epoch of a case is one life of a job that runs until it has caught up, so that one decision
/// holds exactly that epoch. Where the build has failpoints, lives of the kill modes are processes
/// of this executable, which therefore has to be `sluice`.
class EnginePipeRunner final : public PipeRunner {
 public:
  /// `parts` must outlive the runner.
  explicit EnginePipeRunner(const Parts& parts) : parts_(parts) {}

  std::vector<std::string> Modes(const PipeCase& test) override;
  Result<ObservedPipe> Run(const PipeCase& test, const std::string& mode) override;
  std::string Remarks() const override;

 private:
  Result<ObservedPipe> RunHere(const PipeCase& test, const std::string& mode) const;
  void RunAllKilled(const PipeCase& test);
  Result<ObservedPipe> RunKilled(const PipeCase& test, const KillMode& mode);
  Result<Arrivals> CountArrivals(const PipeCase& test) const;

  const Parts& parts_;
  std::vector<KillMode> plan_;  ///< Of the case that Modes was asked for last.
  /// Outcomes of `plan_`, once one of them was asked for: they are run side by side.
  std::vector<Result<ObservedPipe>> killed_;
  std::mutex counts_mutex_;
  KillCounts counts_;
};

}  // namespace sluice
