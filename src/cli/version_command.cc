#include "cli/version_command.h"

namespace sluice {

void AddVersionCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("version", "Print the version");
  command->callback([&context] { context.out << "sluice " SLUICE_VERSION "\n"; });
}

}  // namespace sluice
