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

  /// "straight", "one message per read", "every range twice", "killed after step 7", ... as this
  /// build has them. `straight` comes first; it is what --rebaseline writes.
  virtual std::vector<std::string> Modes(const PipeCase& test) = 0;

  /// Runs the case in a folder of its own. An error of the job is part of what is observed; an
  /// Error here means that the case could not be run.
  virtual Result<ObservedPipe> Run(const PipeCase& test, const std::string& mode) = 0;

  /// What this build leaves out, for the end of the report ("kill modes need a build with
  /// failpoints"); empty if nothing.
  virtual std::string Missing() const = 0;
};

}  // namespace sluice
