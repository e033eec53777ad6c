/// From a grok pattern to one regular expression for PCRE2, and the fields that it captures.
///
/// References, `%{NAME}`, `%{NAME:field}` and `%{NAME:field:type}`, are replaced by what their
/// names stand for, to any depth up to a limit. What is written in Oniguruma's syntax (Ruby's,
/// which Logstash and its patterns use) is rewritten where PCRE2 spells it differently and refused
/// where it has no equal, always with its place. docs/formats-grok.md has the list.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "decode/column_builder.h"
#include "decode/grok/grok_library.h"

namespace sluice {

/// Where names are looked up: exactly in `custom`, then in `built_in`; then without case in both.
struct GrokNames {
  const GrokLibrary* custom = nullptr;  ///< May be nullptr.
  const GrokLibrary* built_in = nullptr;
};

/// A field of the pattern, with all groups that capture it: of those the first that matched counts.
struct GrokField {
  std::vector<std::string> path;   ///< {"client"}, or {"source", "ip"} for [source][ip].
  std::string name;                ///< "client", "source.ip"
  std::optional<ColumnKind> type;  ///< As written in the pattern; none is a string.
  std::vector<int> groups;         ///< Numbers n of the groups named g<n> in the expression.
};

struct GrokLimits {
  std::size_t pattern_bytes = 64u << 10;
  std::size_t expanded_bytes = 256u << 10;
  std::size_t references = 10'000;    ///< All replacements together, those of nothing included.
  std::size_t read_bytes = 4u << 20;  ///< Of definitions, each as often as it is referred to.
  int depth = 100;
  std::size_t fields = 1'000;
};

/// A pattern without references.
class ExpandedGrok {
 public:
  const std::string& regex() const { return regex_; }
  const std::vector<GrokField>& fields() const { return fields_; }
  int num_groups() const { return num_groups_; }

  /// For messages: the place that byte `offset` of the expression came from, such as "grokPattern,
  /// character 12" or "DATE_US (built in), character 3 (through grokPattern, character 7)".
  std::string PlaceOf(std::size_t offset) const;
  /// The part that byte `offset` of the expression belongs to, as a person thinks of parts: a
  /// reference whole, unless other parts with fields lie inside it; or one character of text.
  /// Returned is the byte of the expression at which the part begins: a later part of a sequence
  /// has a greater one.
  std::size_t PartOf(std::size_t offset) const;
  /// The part that begins at byte `begin`, with its place: "'%{HTTPDATE:timestamp}' at character 60
  /// of HTTPD_COMMONLOG, which grokPattern has at character 1".
  std::string DescribePart(std::size_t begin) const;

 private:
  friend class GrokExpander;
  struct Source {
    std::string label;  ///< "grokPattern", "DATE_US (built in)", "grokCustomPatterns, line 3"
    std::string name;   ///< "grokPattern", "DATE_US", "line 3 of grokCustomPatterns"
    std::string text;
    int source_column = 0;  ///< Added to the character's number: what stands before on its line.
    int user = -1;          ///< The source that refers to this one.
    std::size_t used_at = 0;
  };
  struct Segment {
    std::uint32_t begin;  ///< In the expression.
    std::uint32_t at;     ///< In the source.
    std::int32_t source;
    bool verbatim;       ///< The bytes that follow are the source's, one by one.
    std::uint32_t part;  ///< The segment that begins the part; this one if it is a part itself.
  };
  const Segment& SegmentAt(std::size_t offset) const;
  std::string Place(int source, std::size_t at) const;
  std::size_t CharacterOf(int source, std::size_t at) const;
  /// The character of the pattern itself whose reference led to the source.
  std::size_t CharacterOfUse(int source) const;

  std::string regex_;
  std::vector<GrokField> fields_;
  int num_groups_ = 0;
  std::vector<Source> sources_;
  std::vector<Segment> segments_;
};

/// User errors with the place: "grokPattern, character 3: there is no pattern called 'IPP'; did you
/// mean 'IP'?".
Result<ExpandedGrok> ExpandGrok(std::string_view pattern, const GrokNames& names,
                                const GrokLimits& limits);

}  // namespace sluice
