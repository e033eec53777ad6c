#include "cli/command_line.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "cli/check_command.h"
#include "cli/checkpoint_command.h"
#include "cli/command.h"
#include "cli/completion_command.h"
#include "cli/deadletters_command.h"
#include "cli/decode_command.h"
#include "cli/demo_command.h"
#include "cli/describe_command.h"
#include "cli/detect_command.h"
#include "cli/engine_pipe_runner.h"
#include "cli/generate_command.h"
#include "cli/grok_command.h"
#include "cli/preview_command.h"
#include "cli/replay_command.h"
#include "cli/run_command.h"
#include "cli/schema_command.h"
#include "cli/test_command.h"
#include "cli/version_command.h"

namespace sluice {
namespace {

void AddCommands(CLI::App& app, CommandContext& context, PipeRunner* pipes) {
  AddRunCommand(app, context);
  AddCheckCommand(app, context);
  AddPreviewCommand(app, context);
  AddDetectCommand(app, context);
  AddDecodeCommand(app, context);
  AddGrokCommand(app, context);
  AddDescribeCommand(app, context);
  AddCheckpointCommand(app, context);
  AddSchemaCommand(app, context);
  AddDeadLettersCommand(app, context);
  AddReplayCommand(app, context);
  AddTestCommand(app, context, pipes);
  AddGenerateCommand(app, context);
  AddDemoCommand(app, context);
  AddCompletionCommand(app, context);
  AddVersionCommand(app, context);
  // For the list of commands; AsHelpOption turns it into --help.
  app.add_subcommand("help", "Show how a command is used")
      ->footer("Examples:\n  sluice help run\n  sluice help checkpoint show");
}

/// `help COMMAND` as `COMMAND --help`.
std::vector<std::string> AsHelpOption(int argc, const char* const* argv) {
  std::vector<std::string> args(argv + 1, argv + argc);
  if (args.empty() || args[0] != "help") return args;
  if (args.size() == 2 && (args[1] == "--help" || args[1] == "-h")) return args;
  args.erase(args.begin());
  args.emplace_back("--help");
  return args;
}

std::vector<std::string> CommandNames(CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  return names;
}

/// The command that was being parsed, the innermost one.
CLI::App* ActiveCommand(CLI::App* app) {
  while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
  return app;
}

/// The option of `command` nearest to the first one in `message`, if that one is unknown.
std::string NearestOption(CLI::App* command, const std::string& message) {
  std::size_t start = message.find("--");
  if (start == std::string::npos) return "";
  std::string given = message.substr(start + 2);
  given = given.substr(0, given.find_first_of(" =,"));
  std::vector<std::string> names;
  for (const CLI::Option* option : command->get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back(name);
  }
  if (std::find(names.begin(), names.end(), given.substr(0, given.find(':'))) != names.end()) {
    return "";
  }
  auto near = NearestName(given, names);
  return near ? "; did you mean '--" + *near + "'?" : "";
}

int Refuse(std::ostream& err, const std::string& message, const CLI::App* command) {
  err << "error: " << message << "\n";
  std::string name = command->get_name();
  for (const CLI::App* parent = command->get_parent(); parent != nullptr;
       parent = parent->get_parent()) {
    name = parent->get_name() + " " + name;
  }
  err << "help: `" << name << " --help` shows the usage\n";
  err.flush();
  return ExitCode(UserError("", ""));
}

/// Runs the command; what it wrote may still lie in the stream's buffer.
int Dispatch(int argc, const char* const* argv, const Parts& parts, std::ostream& out,
             std::ostream& err) {
  CommandContext context{parts, out, err};
  CLI::App app("Streams records from Kafka and files through SQL into files, exactly once.",
               "sluice");
  app.set_version_flag("--version", "sluice " SLUICE_VERSION);
  app.require_subcommand(1);
  app.footer(
      "Examples:\n"
      "  sluice check clicks.yaml      validate a job and print its plan\n"
      "  sluice run clicks.yaml        run it until it is stopped\n"
      "  sluice describe kafka         options of the Kafka source\n"
      "Exit codes: 0 done, 1 failed, 2 your mistake, 3 bad data, 4 another writer is active.");
  EnginePipeRunner pipes(parts);
  AddCommands(app, context, &pipes);

  std::vector<std::string> names = CommandNames(app);
  std::vector<std::string> args = AsHelpOption(argc, argv);
  if (!args.empty() && !args[0].starts_with('-')) {
    const std::string& given = args[0];
    if (std::find(names.begin(), names.end(), given) == names.end()) {
      auto near = NearestName(given, names);
      return Refuse(err,
                    "there is no command '" + given.substr(0, 60) + "'" +
                        (near ? "; did you mean '" + *near + "'?" : ""),
                    &app);
    }
  }
  try {
    std::reverse(args.begin(), args.end());  // As CLI11 takes them.
    app.parse(args);
  } catch (const CLI::Success& e) {
    return app.exit(e, out, err);
  } catch (const CLI::ParseError& e) {
    CLI::App* command = ActiveCommand(&app);
    return Refuse(err, e.what() + NearestOption(command, e.what()), command);
  }
  return context.exit_code;
}

/// A command whose results are lost has failed, whatever it says itself. A reader that went away,
/// as `head` does, knows why.
int FlushResults(std::ostream& out, std::ostream& err, int exit_code) {
  const bool lost = !out;
  out.clear();  // Another try tells the reason of the first failure, too.
  errno = 0;
  out.flush();
  if (out && !lost) return exit_code;
  const int reason = errno;
  if (reason != EPIPE) {
    err << "error: not all of the output could be written"
        << (reason == 0 ? "" : std::string(": ") + std::strerror(reason)) << " [output.write]\n";
    err.flush();
  }
  return exit_code == 0 ? 1 : exit_code;
}

}  // namespace

int RunCommandLine(int argc, const char* const* argv, const Parts& parts, std::ostream& out,
                   std::ostream& err) {
  return FlushResults(out, err, Dispatch(argc, argv, parts, out, err));
}

}  // namespace sluice
