#include "decode/grok/grok_library.h"

#include <cctype>
#include <utility>

namespace sluice {
namespace {

/// What AWS Glue documents among its built-in patterns and logstash-patterns-core does not have.
constexpr std::string_view kGlueAdditions =
    "BOOLEAN (?i)(?:true|false)\n"
    "HOST %{HOSTNAME}\n"
    "DATESTAMP_US %{DATE_US}[- ]%{TIME}\n"
    "DATESTAMP_EU %{DATE_EU}[- ]%{TIME}\n"
    "MESSAGESLOG %{SYSLOGBASE} %{DATA}\n";

constexpr std::size_t kLongestName = 255;

bool IsBlank(char c) { return c == ' ' || c == '\t'; }

bool IsNameByte(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.';
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

Error WrongLine(int line, const std::string& what) {
  return UserError("grok.custom", "grokCustomPatterns, line " + std::to_string(line) + ": " + what);
}

}  // namespace

Result<void> GrokLibrary::AddLines(std::string_view text, std::string_view file) {
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    const std::string_view whole = line;
    while (!line.empty() && IsBlank(line.front())) line.remove_prefix(1);
    if (line.empty() || line.front() == '#') continue;
    std::size_t name = 0;
    while (name < line.size() && IsNameByte(line[name])) ++name;
    std::size_t regex = name;
    while (regex < line.size() && IsBlank(line[regex])) ++regex;
    if (name == 0 || (name < line.size() && regex == name)) {
      return WrongLine(number,
                       "expected a name of letters, digits, _, - and ., then a space and a "
                       "regular expression, as in: DIGIT \\d");
    }
    if (name > kLongestName) {
      return WrongLine(number, "the name is longer than " + std::to_string(kLongestName));
    }
    if (regex == line.size()) {
      return WrongLine(number, "'" + std::string(line.substr(0, name)) +
                                   "' has no regular expression behind it, as in: DIGIT \\d");
    }
    const GrokDefinition definition{line.substr(0, name), line.substr(regex), file, number,
                                    static_cast<int>(whole.size() - line.size() + regex) + 1};
    const auto [known, added] = by_name_.emplace(definition.name, definitions_.size());
    if (!added) {
      // Files of the built-in library repeat some definitions word for word.
      if (!file.empty()) continue;
      return WrongLine(number, "'" + std::string(definition.name) + "' is defined in line " +
                                   std::to_string(definitions_[known->second].line) + " already");
    }
    by_lower_name_.emplace(Lower(definition.name), definitions_.size());
    definitions_.push_back(definition);
  }
  return {};
}

Result<GrokLibrary> GrokLibrary::ParseCustom(std::string_view text) {
  GrokLibrary library;
  library.text_ = std::make_unique<std::string>(text);
  TRY(library.AddLines(*library.text_, ""));
  return library;
}

GrokLibrary GrokLibrary::MakeBuiltIn(std::string_view folder) {
  GrokLibrary library;
  // Lines that are no definition would be a mistake in the package; a test looks for them.
  for (const GrokPatternFile& file : GrokPatternFiles()) {
    if (file.folder == folder) (void)library.AddLines(file.text, file.name);
  }
  (void)library.AddLines(kGlueAdditions, "glue");
  return library;
}

const GrokLibrary& GrokLibrary::Legacy() {
  static const GrokLibrary library = MakeBuiltIn("legacy");
  return library;
}

const GrokLibrary& GrokLibrary::Ecs() {
  static const GrokLibrary library = MakeBuiltIn("ecs");
  return library;
}

const GrokDefinition* GrokLibrary::Find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &definitions_[found->second];
}

std::vector<const GrokDefinition*> GrokLibrary::FindAnyCase(std::string_view name) const {
  std::vector<const GrokDefinition*> found;
  const auto [begin, end] = by_lower_name_.equal_range(Lower(name));
  for (auto it = begin; it != end; ++it) found.push_back(&definitions_[it->second]);
  return found;
}

void GrokLibrary::AppendNames(std::vector<std::string>* names) const {
  for (const GrokDefinition& definition : definitions_) names->emplace_back(definition.name);
}

}  // namespace sluice
