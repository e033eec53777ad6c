/// A list of named factories: built-in formats, sources and sinks, filled in src/main/ and nowhere
/// else.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/options.h"
#include "core/result.h"

namespace sluice {

/// `Entry` has at least `name`, `summary` and `options` (a std::vector<OptionSpec>), and what its
/// interface header adds. Filled once at start, read-only afterwards, safe from any thread.
template <typename Entry>
class Registry {
 public:
  explicit Registry(std::string kind) : kind_(std::move(kind)) {}

  void Add(Entry entry) {
    std::string name = entry.name;
    entries_.emplace(std::move(name), std::move(entry));
  }

  /// The entry, or a user error with the nearest name and the list of all.
  Result<const Entry*> Find(std::string_view name) const {
    auto it = entries_.find(name);
    if (it != entries_.end()) return &it->second;
    std::string message = "there is no " + kind_ + " called '" + std::string(name) + "'";
    auto near = NearestName(name, names());
    message += near ? "; did you mean '" + *near + "'? Known: " : ". Known: ";
    bool first = true;
    for (const auto& known : names()) {
      message += (first ? "" : ", ") + known;
      first = false;
    }
    return UserError("job.unknown_" + kind_, message);
  }

  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& [name, entry] : entries_) out.push_back(name);
    return out;
  }
  const std::map<std::string, Entry, std::less<>>& entries() const { return entries_; }

 private:
  std::string kind_;
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace sluice
