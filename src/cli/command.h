/// What every command of `sluice` shares: where it writes, what it can build from, how it ends.
///
/// A command is one file, NAME_command.{h,cc}, with `void AddNameCommand(CLI::App&,
/// CommandContext&)`, listed in command_line.cc. Its callback runs the command and hands the
/// outcome to Finish:
///
///   void AddCheckCommand(CLI::App& app, CommandContext& context) {
///     auto args = std::make_shared<Args>();
///     CLI::App* command = app.add_subcommand("check", "...");
///     command->add_option("JOB", args->job, "...")->required();
///     command->footer("Examples:\n  sluice check clicks.yaml");
///     command->callback([&context, args] { Finish(context, Check(context, *args)); });
///   }
#pragma once

#include <CLI/CLI.hpp>
#include <ostream>
#include <string>
#include <vector>

#include "core/result.h"
#include "job/parts.h"

namespace sluice {

struct CommandContext {
  const Parts& parts;
  std::ostream& out;  ///< Results.
  std::ostream& err;  ///< Messages.
  int exit_code = 0;  ///< See Blame in core/result.h.
};

/// Sets the exit code; an error is printed.
void Finish(CommandContext& context, const Result<int>& exit_code);

/// "error: clicks.yaml:7:5: ... [job.option]", and a line "help: ..." where there is advice.
void PrintError(std::ostream& err, const Error& error);

/// "warning: ..." for each.
void PrintWarnings(std::ostream& err, const std::vector<std::string>& warnings);

}  // namespace sluice
