#include "cli/completion_command.h"

#include <memory>
#include <string>
#include <vector>

namespace sluice {
namespace {

/// A command as the shells see it: "checkpoint show" and its words.
struct Command {
  std::string name;
  std::string help;
  std::vector<std::string> words;  ///< Options and commands below it.
};

void Collect(const CLI::App* app, const std::string& name, std::vector<Command>* commands) {
  Command command{name, app->get_description(), {}};
  for (const CLI::Option* option : app->get_options()) {
    for (const std::string& word : option->get_lnames()) command.words.push_back("--" + word);
  }
  auto all = [](const CLI::App*) { return true; };
  for (const CLI::App* below : app->get_subcommands(all)) {
    command.words.push_back(below->get_name());
  }
  commands->push_back(std::move(command));
  for (const CLI::App* below : app->get_subcommands(all)) {
    Collect(below, name.empty() ? below->get_name() : name + " " + below->get_name(), commands);
  }
}

std::string Joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

std::string Bash(const std::vector<Command>& commands) {
  std::string out =
      "# Completion for bash. Use: source <(sluice completion bash)\n"
      "_sluice() {\n"
      "  local current=${COMP_WORDS[COMP_CWORD]} path= word\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    [[ $word == -* ]] && continue\n"
      "    case \"$path $word\" in\n";
  for (const Command& command : commands) {
    if (!command.name.empty())
      out += "      \" " + command.name + "\") path=\" " + command.name + "\" ;;\n";
  }
  out +=
      "    esac\n"
      "  done\n"
      "  local words=\n"
      "  case \"$path\" in\n";
  for (const Command& command : commands) {
    std::string path = command.name.empty() ? "" : " " + command.name;
    out += "    \"" + path + "\") words=\"" + Joined(command.words) + "\" ;;\n";
  }
  out +=
      "  esac\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
      "  [[ $current != -* && -n $path ]] && COMPREPLY+=($(compgen -f -- \"$current\"))\n"
      "}\n"
      "complete -o filenames -F _sluice sluice\n";
  return out;
}

std::string Zsh(const std::vector<Command>& commands) {
  // `given`, not `path`: zsh ties that name to PATH.
  std::string out =
      "#compdef sluice\n"
      "# Completion for zsh. Use: source <(sluice completion zsh)\n"
      "_sluice() {\n"
      "  local cursor=$words[CURRENT] given= word\n"
      "  for word in ${words[2,CURRENT-1]}; do\n"
      "    [[ $word == -* ]] && continue\n"
      "    case \"$given $word\" in\n";
  for (const Command& command : commands) {
    if (command.name.empty()) continue;
    out += "      \" " + command.name + "\") given=\" " + command.name + "\" ;;\n";
  }
  out +=
      "    esac\n"
      "  done\n"
      "  case \"$given\" in\n";
  for (const Command& command : commands) {
    std::string path = command.name.empty() ? "" : " " + command.name;
    out += "    \"" + path + "\") compadd -- " + Joined(command.words) + " ;;\n";
  }
  out +=
      "  esac\n"
      "  [[ $cursor != -* && -n $given ]] && _files\n"
      "}\n"
      "compdef _sluice sluice\n";
  return out;
}

std::string Fish(const std::vector<Command>& commands) {
  std::string out =
      "# Completion for fish. Use: sluice completion fish | source\n"
      "complete -c sluice -n __fish_use_subcommand -f\n";
  for (const Command& command : commands) {
    if (command.name.empty()) continue;
    std::size_t space = command.name.find(' ');
    std::string help;
    for (char c : command.help) help += c == '\'' ? std::string("\\'") : std::string(1, c);
    std::string when = space == std::string::npos
                           ? "__fish_use_subcommand"
                           : "'__fish_seen_subcommand_from " + command.name.substr(0, space) + "'";
    std::string name = space == std::string::npos ? command.name : command.name.substr(space + 1);
    out += "complete -c sluice -n " + when + " -a " + name + " -d '" + help + "'\n";
    for (const std::string& word : command.words) {
      if (!word.starts_with("--")) continue;
      out += "complete -c sluice -n '__fish_seen_subcommand_from " + name + "' -l " +
             word.substr(2) + "\n";
    }
  }
  return out;
}

}  // namespace

void AddCompletionCommand(CLI::App& app, CommandContext& context) {
  auto shell = std::make_shared<std::string>();
  CLI::App* command =
      app.add_subcommand("completion", "Print a script that completes commands in your shell");
  command->add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->footer("Example:\n  source <(sluice completion bash)");
  command->callback([&app, &context, shell] {
    std::vector<Command> commands;
    Collect(&app, "", &commands);
    context.out << (*shell == "bash"  ? Bash(commands)
                    : *shell == "zsh" ? Zsh(commands)
                                      : Fish(commands));
  });
}

}  // namespace sluice
