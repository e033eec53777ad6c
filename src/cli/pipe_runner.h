/// How `sluice test` runs pipeline cases: through the engine, in every way that must give the same
/// rows.
#pragma once

#include <string>
#include <vector>

#include "cli/pipe_case.h"
#include "core/result.h"

namespace sluice {

/// One thread at a time.
class PipeRunner {
 public:
  virtual ~PipeRunner() = default;

  /// "straight", "one message per read", "every range twice", "killed at K8", ... as this build has
  /// them. `straight` comes first; it is what --rebaseline writes. Run may be asked only for modes
  /// of the case that Modes was asked for last.
  virtual std::vector<std::string> Modes(const PipeCase& test) = 0;

  /// Runs the case in a folder of its own. An error of the job is part of what is observed; an
  /// Error here means that the case could not be run.
  virtual Result<ObservedPipe> Run(const PipeCase& test, const std::string& mode) = 0;

  /// For the end of the report: what this build leaves out ("kill modes need a build with
  /// failpoints"), or how often each failpoint was reached; empty if there is nothing to say.
  virtual std::string Remarks() const = 0;
};

}  // namespace sluice
