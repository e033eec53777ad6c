/// A regular expression over topic names: the part of java.util.regex that topic names need.
///
/// Accepted: literals, `.`, `[...]` with ranges and `^`, `\d \w \s \D \W \S`, an escaped
/// punctuation mark, groups `(...)` and `(?:...)`, `|`, `*`, `+`, `?`, `{m}`, `{m,}`, `{m,n}`; `^`
/// at the start and `$` at the end of the pattern, which change nothing. The pattern must match the
/// whole name, as Java's Matcher.matches. Refused by name: look-around, back references, lazy and
/// possessive quantifiers, inline flags, named groups, character class operations, `\p{...}`,
/// `\Q...\E`. Matching takes time linear in the name for any pattern, and the compiled size is
/// capped.
#pragma once

#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace sluice {

class TopicPattern {
 public:
  static Result<TopicPattern> Make(const std::string& pattern);

  bool Matches(std::string_view topic) const;

 private:
  friend class TopicPatternParser;
  using Chars = std::bitset<128>;
  /// A state of a nondeterministic automaton: either consumes a character of `chars` and goes to
  /// `next`, or (kSplit) goes to `next` and `other` for nothing; -1 is no state.
  struct State {
    enum class Kind { kChars, kSplit, kEnd } kind = Kind::kEnd;
    Chars chars;
    int next = -1;
    int other = -1;
  };
  void Follow(int state, std::vector<int>* list, std::vector<char>* seen) const;

  std::vector<State> states_;
  int start_ = -1;
};

}  // namespace sluice
