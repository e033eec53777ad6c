#include "job/references.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace sluice {
namespace {

constexpr std::size_t kMaxFileBytes = 64u << 10;

bool IsVariableName(std::string_view name) {
  return !name.empty() && std::isdigit(static_cast<unsigned char>(name[0])) == 0 &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return c < 128 && (std::isalnum(c) != 0 || c == '_'); });
}

Result<std::string> FromEnvironment(const std::string& name) {
  const char* text = std::getenv(name.c_str());
  if (text != nullptr) return std::string(text);
  return UserError("job.reference",
                   "the environment variable " + name + " is not set; set it before the start");
}

Result<std::string> FromFile(const std::string& path) {
  auto failed = [&path](const std::string& why) {
    return UserError("job.reference", "the file " + path + " cannot be read: " + why);
  };
  std::error_code status;
  if (std::filesystem::is_directory(path, status)) return failed("it is a folder");
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) return failed(std::strerror(errno));
  std::string text(kMaxFileBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kMaxFileBytes) return failed("it is larger than 64 KiB");
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

Result<std::string> Lookup(const std::string& reference) {
  constexpr std::string_view kFile = "file:";
  constexpr std::string_view kEnvironment = "ENV:";
  if (reference.starts_with(kFile) && reference.size() > kFile.size()) {
    return FromFile(reference.substr(kFile.size()));
  }
  std::string name =
      reference.starts_with(kEnvironment) ? reference.substr(kEnvironment.size()) : reference;
  if (IsVariableName(name)) return FromEnvironment(name);
  return UserError("job.reference", "'${" + reference.substr(0, 60) +
                                        "}' is not a reference; write ${NAME} or ${ENV:NAME} for "
                                        "an environment variable, ${file:/path} for a file, and "
                                        "$${ where ${ itself is meant");
}

/// True if anything was put in.
Result<bool> Expand(std::string* text) {
  std::string out;
  bool expanded = false;
  std::size_t done = 0;
  while (true) {
    std::size_t start = text->find("${", done);
    if (start == std::string::npos) break;
    out.append(*text, done, start - done);
    if (start > 0 && (*text)[start - 1] == '$' && start > done) {
      out += "{";  // "$${": the first "$" is there already.
      done = start + 2;
      continue;
    }
    std::size_t end = text->find('}', start);
    if (end == std::string::npos) {
      return UserError("job.reference", "'${' without '}'; write $${ where ${ itself is meant");
    }
    TRY(std::string value, Lookup(text->substr(start + 2, end - start - 2)));
    out += value;
    expanded = true;
    done = end + 1;
  }
  if (done == 0) return false;
  out.append(*text, done, std::string::npos);
  *text = std::move(out);
  return expanded;
}

}  // namespace

Result<void> ResolveReferences(const std::string& owner, const std::string& option,
                               RawValue* value) {
  for (RawValue& item : value->items) TRY(ResolveReferences(owner, option, &item));
  for (auto& [key, entry] : value->entries) {
    TRY(ResolveReferences(owner, option.empty() ? key : option, &entry));
  }
  Result<bool> expanded = Expand(&value->text);
  if (!expanded.ok()) {
    std::string place = value->place.ToString();
    return std::move(expanded).error().At((place.empty() ? "" : place + ": ") + owner + ": " +
                                          option);
  }
  value->hidden |= *expanded;
  for (const RawValue& item : value->items) value->hidden |= item.hidden;
  for (const auto& [key, entry] : value->entries) value->hidden |= entry.hidden;
  return {};
}

}  // namespace sluice
