/// Reads a regular expression in Oniguruma's syntax and says it again in PCRE2's.
///
/// Most of it is the same and passes. Rewritten: \h, \H and \uHHHH, \v, (?m) (there: `.` takes
/// line ends), {,n}, classes inside classes, names of groups. Refused: what PCRE2 would read as
/// something else, or what is no regular expression any more (calls, conditions, verbs, callouts).
/// Sources: Oniguruma's doc/RE, pcre2pattern(3).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/result.h"

namespace sluice {

class GrokRewriter {
 public:
  virtual ~GrokRewriter() = default;

 protected:
  /// Reads `text` from begin to end and hands everything to the functions below. Errors are theirs.
  Result<void> Rewrite(std::string_view text);

  /// An error about byte `at` of the text.
  virtual Error Fail(std::size_t at, const std::string& what) const = 0;
  /// A piece of the result, for what stands at `at`; `verbatim` if it is the text itself.
  virtual Result<void> Emit(std::string_view piece, std::size_t at, bool verbatim) = 0;
  /// The `%{` at `at`. Emits what it stands for and returns the place behind it.
  virtual Result<std::size_t> Reference(std::string_view text, std::size_t at) = 0;
  /// A group's name that begins at `begin` and ends before `end_byte`, whose place goes to `*end`.
  /// Returns n for a group to be called g<n>, or -1 for one that captures nothing.
  virtual Result<int> Group(std::string_view text, std::size_t begin, char end_byte,
                            std::size_t* end) = 0;
  /// The new name of the group that `\k<name>` means.
  virtual Result<std::string> BackReference(std::string_view name, std::size_t at) = 0;

 private:
  Result<std::size_t> RewriteEscape(std::string_view text, std::size_t at);
  Result<std::size_t> RewriteGroup(std::string_view text, std::size_t at);
  Result<std::size_t> RewriteFlags(std::string_view text, std::size_t at);
  Result<std::size_t> RewriteBraces(std::string_view text, std::size_t at);
  Result<std::size_t> RewriteClass(std::string_view text, std::size_t at);
  /// Appends a class's content, brackets left out; nested ones are joined in.
  Result<std::size_t> ReadClass(std::string_view text, std::size_t at, int depth,
                                std::string* content);
  Result<std::size_t> ReadClassEscape(std::string_view text, std::size_t at, std::string* content);
  Result<std::size_t> NamedGroup(std::string_view text, std::size_t at, std::size_t name,
                                 char end_byte);
};

}  // namespace sluice
