/// `sluice test`: runs text cases, the project's and the user's.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/pipe_runner.h"
#include "core/result.h"
#include "decode/decoder.h"
#include "encode/encoder.h"

namespace sluice {

struct TestOptions {
  std::vector<std::string> paths;  ///< Files, or folders that are searched for *.case and *.pipe.
  bool rebaseline = false;         ///< Rewrite what does not hold, instead of failing.
};

/// What cases are run with. `pipes` may be null: then pipeline cases are reported as not run.
struct TestParts {
  const FormatRegistry* formats = nullptr;
  const EncoderRegistry* encoders = nullptr;
  PipeRunner* pipes = nullptr;
};

/// Decode cases run twice: all messages in one batch, and one per batch. The report goes to `out`;
/// its last line is "N passed, N failed". Returns the exit code: 0, or 1 if a case failed. Errors
/// are the user's: a path that does not exist, or under which there is no case.
Result<int> RunTests(const TestOptions& options, const TestParts& parts, std::ostream& out);

/// `pipes` outlives the command; null where pipeline cases cannot be run.
void AddTestCommand(CLI::App& app, CommandContext& context, PipeRunner* pipes);

}  // namespace sluice
