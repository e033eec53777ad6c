#include "cli/describe_command.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "job/option_reference.h"

namespace sluice {
namespace {

struct Args {
  std::string name;
  bool json = false;
  bool markdown = false;
  bool json_schema = false;
};

/// Sections called `name`: a kind ("source", "job") or a thing ("kafka").
Result<std::vector<ReferenceSection>> Pick(const std::vector<ReferenceSection>& all,
                                           const std::string& name) {
  std::vector<ReferenceSection> picked;
  std::vector<std::string> known;
  for (const ReferenceSection& section : all) {
    const std::string& called = section.name.empty() ? section.kind : section.name;
    if (called == name || called + "s" == name) picked.push_back(section);
    if (std::find(known.begin(), known.end(), called) == known.end()) known.push_back(called);
  }
  if (!picked.empty()) return picked;
  std::string message = "there is nothing called '" + name.substr(0, 60) + "' to describe";
  if (auto near = NearestName(name, known)) message += "; did you mean '" + *near + "'?";
  message += message.ends_with('?') ? " Known: " : ". Known: ";
  for (std::size_t i = 0; i < known.size(); ++i) message += (i == 0 ? "" : ", ") + known[i];
  return UserError("describe.unknown", message);
}

/// One line for each thing.
std::string Overview(const std::vector<ReferenceSection>& sections) {
  std::string out;
  std::string kind;
  std::size_t width = 0;
  for (const ReferenceSection& section : sections) width = std::max(width, section.name.size());
  for (const ReferenceSection& section : sections) {
    if (section.name.empty()) continue;
    if (section.kind != kind) {
      kind = section.kind;
      out += (out.empty() ? "" : "\n") + kind + "s\n";
    }
    out += "  " + section.name + std::string(width - section.name.size() + 2, ' ') +
           section.summary + "\n";
  }
  return out +
         "\n`sluice describe NAME` shows the options of one of these, or of: job, source, "
         "table, transform, sink\n";
}

Result<int> Describe(CommandContext& context, const Args& args) {
  if (args.json_schema) {
    context.out << JobFileSchema(context.parts);
    return 0;
  }
  std::vector<ReferenceSection> sections = ReferenceSections(context.parts);
  if (!args.name.empty()) {
    TRY(sections, Pick(sections, args.name));
  }
  if (args.json) {
    context.out << ReferenceJson(sections);
  } else if (args.markdown) {
    context.out << ReferenceMarkdown(sections);
  } else {
    context.out << (args.name.empty() ? Overview(sections) : ReferenceText(sections));
  }
  return 0;
}

}  // namespace

void AddDescribeCommand(CLI::App& app, CommandContext& context) {
  auto args = std::make_shared<Args>();
  CLI::App* command =
      app.add_subcommand("describe", "List sources, formats, tables and sinks, with options");
  command->add_option("NAME", args->name, "kafka, files, json, parquet, job, source, ...");
  CLI::Option* json = command->add_flag("--json", args->json, "As JSON");
  CLI::Option* markdown =
      command->add_flag("--markdown", args->markdown, "As the reference page")->excludes(json);
  command
      ->add_flag("--json-schema", args->json_schema, "A JSON schema of the job file, for editors")
      ->excludes(json)
      ->excludes(markdown);
  command->footer(
      "Examples:\n  sluice describe\n  sluice describe kafka\n"
      "  sluice describe --json-schema > job.schema.json");
  command->callback([&context, args] { Finish(context, Describe(context, *args)); });
}

}  // namespace sluice
