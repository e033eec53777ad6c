#include "storage/storage_entry.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace sluice {
namespace {

constexpr char kLocal[] = "file";

std::string SchemeOf(const std::string& location) {
  const std::size_t end = location.find("://");
  if (end == std::string::npos || location.find('/') < end) return kLocal;
  std::string scheme = location.substr(0, end);
  // Names that Hadoop's clients have for the same thing.
  return scheme == "s3a" || scheme == "s3n" ? "s3" : scheme;
}

Result<const StorageEntry*> FindKind(const StorageRegistry& kinds, const std::string& location) {
  auto kind = kinds.Find(SchemeOf(location));
  if (kind.ok()) return kind;
  std::string known;
  for (const std::string& name : kinds.names()) known += ", " + name + "://";
  return UserError("storage.scheme", "'" + location + "' begins with a scheme that is not known; " +
                                         "there are plain paths" + known);
}

}  // namespace

bool IsRemote(const std::string& location) { return SchemeOf(location) != kLocal; }

std::string LocationBelow(const std::string& location, const std::string& folder) {
  return location + (location.ends_with('/') ? "" : "/") + folder;
}

std::vector<OptionSpec> StorageOptionSpecs(const StorageRegistry& kinds) {
  std::vector<OptionSpec> specs;
  for (const auto& [name, kind] : kinds.entries()) {
    specs.insert(specs.end(), kind.options.begin(), kind.options.end());
  }
  return specs;
}

Result<std::string> NormalLocation(const StorageRegistry& kinds, const std::string& location) {
  TRY(const StorageEntry* kind, FindKind(kinds, location));
  return kind->normal(location);
}

Result<std::unique_ptr<Storage>> OpenStorage(const StorageRegistry& kinds,
                                             const RawOptions& settings, const std::string& owner,
                                             const std::string& location, const StorageUse& use) {
  TRY(const StorageEntry* kind, FindKind(kinds, location));
  TRY(Options options, ParseOptions(StorageOptionSpecs(kinds), settings, owner));
  return kind->open(location, options, use);
}

}  // namespace sluice
