#include "net/aws_profile.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace sluice {
namespace {

constexpr std::streamsize kMaxFile = 1 << 20;

std::string_view Strip(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t from = text.find_first_not_of(kBlank);
  if (from == std::string_view::npos) return "";
  return text.substr(from, text.find_last_not_of(kBlank) - from + 1);
}

/// The profile that a heading "[...]" opens; "" for sections of other kinds.
std::string HeadingOf(std::string_view line, bool config_file) {
  const std::string_view inside = Strip(line.substr(1, line.find(']') - 1));
  if (!config_file || inside == "default") return std::string(inside);
  if (!inside.starts_with("profile ") && !inside.starts_with("profile\t")) return "";
  return std::string(Strip(inside.substr(8)));
}

std::string Home(const Environment& environment, const std::string& file) {
  const std::string home = environment("HOME");
  return home.empty() ? "" : home + "/.aws/" + file;
}

}  // namespace

Environment ProcessEnvironment() {
  return [](const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return std::string(value == nullptr ? "" : value);
  };
}

std::optional<std::string> ReadSettingsFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::string text(kMaxFile + 1, '\0');
  file.read(text.data(), kMaxFile + 1);
  if (file.bad() || file.gcount() > kMaxFile) return std::nullopt;
  text.resize(static_cast<std::size_t>(file.gcount()));
  while (!text.empty() && Strip(text.substr(text.size() - 1)).empty()) text.pop_back();
  return text;
}

AwsProfile ParseAwsProfile(std::string_view text, const std::string& name, bool config_file) {
  AwsProfile profile;
  bool ours = false;
  std::istringstream lines{std::string(text)};
  for (std::string raw; std::getline(lines, raw);) {
    const std::string_view line = Strip(raw);
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    if (line[0] == '[') {
      ours = line.find(']') != std::string_view::npos && HeadingOf(line, config_file) == name;
      continue;
    }
    const std::size_t equals = line.find('=');
    const bool nested = raw[0] == ' ' || raw[0] == '\t';
    if (!ours || nested || equals == std::string_view::npos) continue;
    std::string key(Strip(line.substr(0, equals)));
    for (char& c : key) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
    }
    profile[key] = Strip(line.substr(equals + 1));
  }
  return profile;
}

Result<AwsProfile> FindAwsProfile(const std::string& name, const Environment& environment) {
  std::string wanted = name.empty() ? environment("AWS_PROFILE") : name;
  const bool asked = !wanted.empty();
  if (!asked) wanted = "default";
  const std::string config = environment("AWS_CONFIG_FILE");
  const std::string credentials = environment("AWS_SHARED_CREDENTIALS_FILE");
  AwsProfile profile;
  if (auto text = ReadSettingsFile(config.empty() ? Home(environment, "config") : config)) {
    profile = ParseAwsProfile(*text, wanted, true);
  }
  if (auto text =
          ReadSettingsFile(credentials.empty() ? Home(environment, "credentials") : credentials)) {
    for (auto& [key, value] : ParseAwsProfile(*text, wanted, false)) profile[key] = value;
  }
  if (asked && profile.empty()) {
    return UserError("aws.profile", "there is no AWS profile " + wanted +
                                        " in the shared credentials and config files");
  }
  return profile;
}

}  // namespace sluice
