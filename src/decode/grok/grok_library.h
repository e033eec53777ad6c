/// What %{NAME} stands for: named regular expressions, built in or a job's own.
///
/// Immutable once made; safe to read from any thread.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/result.h"

namespace sluice {

struct GrokDefinition {
  std::string_view name;
  std::string_view regex;
  std::string_view file;  ///< Of the built-in library: "firewalls". Empty: the job's own.
  int line = 0;           ///< From 1, in the file or in `grokCustomPatterns`.
  int column = 0;         ///< From 1, in bytes: where `regex` begins.
};

/// A list of definitions. Their texts live as long as the list.
class GrokLibrary {
 public:
  /// The patterns of logstash-patterns-core: those with the fields' old names ("legacy", which AWS
  /// Glue has too), or those with the names of the Elastic Common Schema ("ecs").
  static const GrokLibrary& Legacy();
  static const GrokLibrary& Ecs();

  /// A definition a line, `NAME regex`; empty lines and lines that begin with # do not count. A
  /// name has letters, digits, _, - and .; a line without a regex and a name defined twice are user
  /// errors with the line.
  static Result<GrokLibrary> ParseCustom(std::string_view text);

  GrokLibrary(GrokLibrary&&) = default;
  GrokLibrary& operator=(GrokLibrary&&) = default;

  /// nullptr: there is none of exactly this name.
  const GrokDefinition* Find(std::string_view name) const;
  /// All whose names differ from `name` at most in case.
  std::vector<const GrokDefinition*> FindAnyCase(std::string_view name) const;

  /// In the order of their files and lines.
  const std::vector<GrokDefinition>& definitions() const { return definitions_; }
  /// Appends all names.
  void AppendNames(std::vector<std::string>* names) const;

 private:
  GrokLibrary() = default;
  static GrokLibrary MakeBuiltIn(std::string_view folder);
  Result<void> AddLines(std::string_view text, std::string_view file);

  std::unique_ptr<std::string> text_;  ///< What the views of custom definitions point into.
  std::vector<GrokDefinition> definitions_;
  std::unordered_map<std::string_view, std::size_t> by_name_;
  std::unordered_multimap<std::string, std::size_t> by_lower_name_;
};

/// A file of the built-in library; the build makes the list out of the pinned package.
struct GrokPatternFile {
  std::string_view folder;  ///< "legacy" or "ecs"
  std::string_view name;
  std::string_view text;
};
const std::vector<GrokPatternFile>& GrokPatternFiles();

}  // namespace sluice
