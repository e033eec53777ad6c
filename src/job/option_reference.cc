#include "job/option_reference.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "job/job_options.h"

namespace sluice {
namespace {

using Json = nlohmann::ordered_json;

/// Every `|` of a table cell escaped, on one line.
std::string Cell(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (c == '|') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

std::string Code(const std::string& text) { return text.empty() ? "" : "`" + text + "`"; }

std::string DefaultText(const OptionSpec& spec) {
  if (spec.required) return "required";
  return spec.default_value.empty() ? "" : spec.default_value;
}

/// Help, and what else there is to know.
std::string Notes(const OptionSpec& spec) {
  std::string notes = spec.help;
  auto add = [&notes](const std::string& more) { notes += (notes.empty() ? "" : " ") + more; };
  if (!spec.aliases.empty()) {
    std::string list;
    for (const std::string& alias : spec.aliases) list += (list.empty() ? "" : ", ") + alias;
    add("Also: " + list + ".");
  }
  if (spec.secret) add("A secret: give it by reference.");
  return notes;
}

/// The text wrapped at 90 columns, each line behind `indent`.
std::string Wrap(const std::string& text, const std::string& indent) {
  constexpr std::size_t kWidth = 90;
  std::string out;
  std::string line = indent;
  std::size_t start = 0;
  while (start < text.size()) {
    std::size_t end = std::min(text.find(' ', start), text.size());
    std::string word = text.substr(start, end - start);
    if (line.size() > indent.size() && line.size() + 1 + word.size() > kWidth) {
      out += line + "\n";
      line = indent;
    }
    if (line.size() > indent.size()) line += " ";
    line += word;
    start = end + 1;
  }
  return out + line + "\n";
}

template <typename Entry>
void AddEntries(const std::string& kind, const Registry<Entry>& registry,
                std::vector<ReferenceSection>* sections) {
  for (const auto& [name, entry] : registry.entries()) {
    sections->push_back({kind, name, entry.summary, entry.options});
  }
}

Json ToJson(const OptionSpec& spec) {
  Json out = {{"name", spec.name}, {"type", TypeText(spec)}, {"required", spec.required}};
  if (!spec.default_value.empty()) out["default"] = spec.default_value;
  out["help"] = spec.help;
  if (!spec.example.empty()) out["example"] = spec.example;
  if (!spec.choices.empty()) out["choices"] = spec.choices;
  if (!spec.aliases.empty()) out["aliases"] = spec.aliases;
  if (spec.secret) out["secret"] = true;
  return out;
}

/// The schema of a value. Scalars may always be text, as in Glue.
Json ValueSchema(const OptionSpec& spec) {
  Json schema;
  switch (spec.type) {
    case OptionType::kString:
      // Case is ignored when the file is read; editors offer the declared spelling.
      schema = spec.choices.empty() ? Json{{"type", {"string", "number", "boolean", "object"}}}
                                    : Json{{"enum", spec.choices}};
      break;
    case OptionType::kBool:
      schema = {{"enum", {true, false, "true", "false"}}};
      break;
    case OptionType::kInt:
      schema = {{"type", {"integer", "string"}}};
      if (spec.min) schema["minimum"] = *spec.min;
      if (spec.max) schema["maximum"] = *spec.max;
      break;
    case OptionType::kDouble:
      schema = {{"type", {"number", "string"}}};
      break;
    case OptionType::kDuration:
    case OptionType::kBytes:
      schema = {{"type", {"string", "number"}}};
      break;
    case OptionType::kList:
      schema = {{"type", {"array", "string"}}};
      break;
    case OptionType::kMap:
      schema = {{"type", {"object", "string"}}};
      break;
  }
  std::string notes = Notes(spec);
  if (!notes.empty()) schema["description"] = notes;
  if (!spec.default_value.empty()) schema["default"] = spec.default_value;
  if (!spec.example.empty()) schema["examples"] = {spec.example};
  return schema;
}

void AddProperties(const std::vector<OptionSpec>& specs, Json* schema) {
  for (const OptionSpec& spec : specs) {
    if (spec.name.ends_with(".*")) {
      std::string prefix;
      for (char c : spec.name.substr(0, spec.name.size() - 1)) {
        prefix += c == '.' ? std::string("\\.") : std::string(1, c);
      }
      (*schema)["patternProperties"]["^" + prefix] = {{"type", {"string", "number", "boolean"}},
                                                      {"description", spec.help}};
      continue;
    }
    (*schema)["properties"][spec.name] = ValueSchema(spec);
    for (const std::string& alias : spec.aliases) {
      (*schema)["properties"][alias] = {{"description", "The same as " + spec.name + "."}};
    }
  }
}

/// Options without an alias that must be there; one with aliases may go by another name.
Json Required(const std::vector<OptionSpec>& specs) {
  Json names = Json::array();
  for (const OptionSpec& spec : specs) {
    if (spec.required && spec.aliases.empty()) names.push_back(spec.name);
  }
  return names;
}

/// An object whose options depend on the value of `selector`.
template <typename Entry>
Json SelectedObject(const std::vector<OptionSpec>& shared, const std::string& selector,
                    const Registry<Entry>& registry, const std::vector<OptionSpec>& further) {
  Json object = {{"type", "object"}};
  AddProperties(shared, &object);
  object["properties"][selector]["enum"] = registry.names();
  object["properties"][selector].erase("type");
  object["required"] = Required(shared);
  Json variants = Json::array();
  for (const auto& [name, entry] : registry.entries()) {
    Json then = {{"properties", Json::object()}};
    std::vector<OptionSpec> all = JoinSpecs(JoinSpecs(shared, entry.options), further);
    AddProperties(all, &then);
    then["properties"][selector] = Json::object();
    Json required = Required(entry.options);
    if (!required.empty()) then["required"] = required;
    then["additionalProperties"] = false;
    variants.push_back({{"if", {{"properties", {{selector, {{"const", name}}}}}}}, {"then", then}});
  }
  if (!variants.empty()) object["allOf"] = variants;
  return object;
}

}  // namespace

std::string ReferenceSection::Title() const {
  if (kind == "job") return "The job file";
  if (name.empty()) return "Every " + kind;
  std::string title = kind + " " + name;
  title[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(title[0])));
  return title;
}

std::vector<ReferenceSection> ReferenceSections(const Parts& parts) {
  std::vector<ReferenceSection> sections;
  sections.push_back({"job", "", "At the root of the file.", JobOptionSpecs()});
  sections.push_back({"source", "", "Options that every source has.", SourceOptionSpecs()});
  AddEntries("source", parts.sources, &sections);
  AddEntries("format", parts.formats, &sections);
  if (!parts.registry_options.empty()) {
    std::string formats;
    for (const auto& [name, entry] : parts.formats.entries()) {
      if (!entry.registered_as.empty()) formats += (formats.empty() ? "" : " and ") + name;
    }
    sections.push_back({"schema", "registry",
                        "Options of sources with classification " + formats +
                            ", where messages name their schema in a registry.",
                        parts.registry_options});
  }
  sections.push_back({"table", "", "Options that every table has.", TableOptionSpecs()});
  AddEntries("table", parts.tables, &sections);
  sections.push_back({"transform", "", "An entry of `transforms`.", TransformOptionSpecs()});
  sections.push_back({"sink", "", "Options that every sink has.", SinkOptionSpecs()});
  AddEntries("sink", parts.sinks, &sections);
  AddEntries("file format", parts.encoders, &sections);
  AddEntries("storage", parts.storages, &sections);
  return sections;
}

std::string TypeText(const OptionSpec& spec) {
  if (!spec.choices.empty()) {
    std::string list;
    for (const std::string& choice : spec.choices) list += (list.empty() ? "" : ", ") + choice;
    return "one of " + list;
  }
  switch (spec.type) {
    case OptionType::kString:
      return "text";
    case OptionType::kBool:
      return "true or false";
    case OptionType::kInt:
      return "whole number";
    case OptionType::kDouble:
      return "number";
    case OptionType::kDuration:
      return "duration";
    case OptionType::kBytes:
      return "size";
    case OptionType::kList:
      return "list";
    case OptionType::kMap:
      break;
  }
  return "map";
}

std::string ReferenceMarkdown(const std::vector<ReferenceSection>& sections) {
  std::string out =
      "# Options\n\n"
      "Written by `./dev docs` from the declarations that validate them (`sluice describe "
      "--markdown`). Values may always be text. A duration is `100 seconds`, `5 min`, `250 ms` or "
      "a number of seconds; a size is `128 MiB`, `1 GB` or a number of bytes; a list may be text "
      "separated by commas, a map a JSON object as text. In any value of a source, a table, a sink "
      "or "
      "the job, `${NAME}` or `${ENV:NAME}` is an environment variable, `${file:/path}` the content "
      "of "
      "a file, and `$${` a plain `${`.\n";
  for (const ReferenceSection& section : sections) {
    out += "\n## " + section.Title() + "\n\n";
    if (!section.summary.empty()) out += section.summary + "\n\n";
    if (section.options.empty()) {
      out += "No options.\n";
      continue;
    }
    out += "| option | type | default | |\n|---|---|---|---|\n";
    for (const OptionSpec& spec : section.options) {
      std::string value = spec.required ? "required" : Code(spec.default_value);
      std::string notes = Notes(spec);
      if (!spec.example.empty())
        notes += (notes.empty() ? "" : " ") + ("Example: " + Code(spec.example));
      out += "| " + Code(Cell(spec.name)) + " | " + Cell(TypeText(spec)) + " | " + Cell(value) +
             " | " + Cell(notes) + " |\n";
    }
  }
  return out;
}

std::string ReferenceText(const std::vector<ReferenceSection>& sections) {
  std::string out;
  for (const ReferenceSection& section : sections) {
    out += (out.empty() ? "" : "\n") + section.Title() + "\n";
    if (!section.summary.empty()) out += Wrap(section.summary, "  ");
    for (const OptionSpec& spec : section.options) {
      out += "\n  " + spec.name + "  (" + TypeText(spec);
      std::string value = DefaultText(spec);
      if (!value.empty()) out += spec.required ? ", required" : ", default " + value;
      out += ")\n";
      std::string notes = Notes(spec);
      if (!notes.empty()) out += Wrap(notes, "      ");
      if (!spec.example.empty()) out += "      Example: " + spec.example + "\n";
    }
  }
  return out;
}

std::string ReferenceJson(const std::vector<ReferenceSection>& sections) {
  Json out = Json::array();
  for (const ReferenceSection& section : sections) {
    Json options = Json::array();
    for (const OptionSpec& spec : section.options) options.push_back(ToJson(spec));
    out.push_back({{"kind", section.kind},
                   {"name", section.name},
                   {"summary", section.summary},
                   {"options", options}});
  }
  return out.dump(2) + "\n";
}

std::string JobFileSchema(const Parts& parts) {
  Json schema = {{"$schema", "http://json-schema.org/draft-07/schema#"},
                 {"title", "sluice job file"},
                 {"type", "object"}};
  AddProperties(JobOptionSpecs(), &schema);
  std::vector<OptionSpec> formats;
  for (const auto& [name, entry] : parts.formats.entries()) {
    formats = JoinSpecs(std::move(formats), entry.options);
  }
  formats = JoinSpecs(std::move(formats), parts.registry_options);
  Json source = SelectedObject(SourceOptionSpecs(), "type", parts.sources, formats);
  // One of them, or several; `avro, json` in one text is for those who cannot write a list.
  Json& classification = source["properties"]["classification"];
  classification.erase("type");
  classification["anyOf"] =
      Json::array({{{"enum", parts.formats.names()}},
                   {{"type", "string"}, {"pattern", ","}},
                   {{"type", "array"}, {"items", {{"enum", parts.formats.names()}}}}});
  Json& properties = schema["properties"];
  properties["sources"]["type"] = "object";
  properties["sources"]["minProperties"] = 1;
  properties["sources"]["additionalProperties"] = source;
  properties["tables"]["type"] = "object";
  properties["tables"]["additionalProperties"] =
      SelectedObject(TableOptionSpecs(), "type", parts.tables, {});
  properties["sinks"]["type"] = "object";
  properties["sinks"]["minProperties"] = 1;
  properties["sinks"]["additionalProperties"] =
      SelectedObject(SinkOptionSpecs(), "type", parts.sinks, {});
  Json transform = {{"type", "object"}};
  AddProperties(TransformOptionSpecs(), &transform);
  transform["required"] = Required(TransformOptionSpecs());
  transform["additionalProperties"] = false;
  properties["transforms"]["type"] = {"array", "null"};
  properties["transforms"]["items"] = transform;
  schema["required"] = Required(JobOptionSpecs());
  schema["additionalProperties"] = false;
  return schema.dump(2) + "\n";
}

}  // namespace sluice
