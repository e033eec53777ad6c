#include "decode/grok/grok_expander.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/options.h"
#include "decode/grok/grok_rewriter.h"

namespace sluice {
namespace {

struct TypeName {
  std::string_view name;
  ColumnKind kind;
};

constexpr std::array<TypeName, 8> kTypes = {{{"byte", ColumnKind::kInt8},
                                             {"short", ColumnKind::kInt16},
                                             {"int", ColumnKind::kInt32},
                                             {"long", ColumnKind::kInt64},
                                             {"float", ColumnKind::kFloat},
                                             {"double", ColumnKind::kDouble},
                                             {"boolean", ColumnKind::kBool},
                                             {"string", ColumnKind::kString}}};

constexpr std::size_t kLongestField = 255;
constexpr std::size_t kShownName = 60;

/// Characters, not bytes, in front of `at`, counted from 1.
std::size_t CharacterNumber(std::string_view text, std::size_t at) {
  std::size_t number = 1;
  for (char c : text.substr(0, at)) number += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  return number;
}

std::string Quoted(std::string_view text) {
  if (text.size() <= kShownName) return "'" + std::string(text) + "'";
  std::size_t end = kShownName;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return "'" + std::string(text.substr(0, end)) + "...'";
}

bool IsNameByte(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
         c == '-' || c == '.';
}

bool IsFieldByte(char c) {
  return static_cast<unsigned char>(c) > ' ' && c != 0x7f &&
         std::string_view(":;=[]{}()<>'\"`\\,").find(c) == std::string_view::npos;
}

}  // namespace

class GrokExpander : public GrokRewriter {
 public:
  GrokExpander(const GrokNames& names, const GrokLimits& limits) : names_(names), limits_(limits) {}

  Result<ExpandedGrok> Run(std::string_view pattern) {
    if (pattern.size() > limits_.pattern_bytes) {
      return UserError("grok.limit", "grokPattern is longer than " +
                                         std::to_string(limits_.pattern_bytes) + " bytes");
    }
    out_.sources_.push_back({"grokPattern", "grokPattern", std::string(pattern), 0, -1, 0});
    TRY(ExpandSource(0));
    return std::move(out_);
  }

 private:
  Result<void> ExpandSource(int source) {
    const int outer = std::exchange(source_, source);
    // A copy: sources_ may grow and move its strings while this one is read.
    const std::string text = out_.sources_[static_cast<std::size_t>(source)].text;
    TRY(Rewrite(text));
    source_ = outer;
    return {};
  }

  Error Fail(std::size_t at, const std::string& what) const override {
    return UserError("grok.pattern", out_.Place(source_, at) + ": " + what);
  }

  Result<void> Emit(std::string_view text, std::size_t at, bool verbatim) override {
    if (out_.regex_.size() + text.size() > limits_.expanded_bytes) {
      return Fail(at, "the pattern becomes longer than " + std::to_string(limits_.expanded_bytes) +
                          " bytes when its references are replaced");
    }
    out_.segments_.push_back({static_cast<std::uint32_t>(out_.regex_.size()),
                              static_cast<std::uint32_t>(at), source_, verbatim,
                              static_cast<std::uint32_t>(out_.segments_.size())});
    out_.regex_ += text;
    return {};
  }

  /// `%{NAME}`, `%{NAME:field}`, `%{NAME:field:type}` at `at`; the place behind it.
  Result<std::size_t> Reference(std::string_view text, std::size_t at) override {
    std::size_t i = at + 2;
    while (i < text.size() && IsNameByte(text[i])) ++i;
    const std::string_view name = text.substr(at + 2, i - at - 2);
    if (name.empty()) {
      return Fail(at,
                  "'%{' begins a reference, as in %{WORD:field}; for the characters themselves "
                  "write %\\{");
    }
    int group = -1;
    if (i < text.size() && text[i] == ':') {
      TRY(group, Field(text, i + 1, "}", &i));
    }
    if (i >= text.size() || text[i] != '}') {
      return Fail(at, i < text.size() && text[i] == '='
                          ? "a definition inside a reference is not supported; put it into "
                            "grokCustomPatterns"
                          : "this reference is not closed; expected %{NAME}, %{NAME:field} or "
                            "%{NAME:field:type}");
    }
    TRY(const GrokDefinition* definition, FindDefinition(name, at));
    read_bytes_ += definition->regex.size();
    if (++references_ > limits_.references || read_bytes_ > limits_.read_bytes) {
      return Fail(at, "the pattern has more than " + std::to_string(limits_.references) +
                          " references, those in definitions counted as often as they are used, "
                          "or " +
                          std::to_string(limits_.read_bytes >> 20) + " MiB of definitions");
    }
    TRY(CheckStack(*definition, at));
    const std::size_t first = out_.segments_.size();
    const int groups = out_.num_groups_;
    TRY(Emit(group < 0 ? "(?:" : "(?<g" + std::to_string(group) + ">", at, false));
    const bool custom = definition->file.empty();
    ExpandedGrok::Source source;
    source.label = custom ? "grokCustomPatterns, line " + std::to_string(definition->line)
                          : std::string(definition->name) + " (built in)";
    source.name = custom ? "line " + std::to_string(definition->line) + " of grokCustomPatterns"
                         : std::string(definition->name);
    source.text = definition->regex;
    source.source_column = custom ? definition->column - 1 : 0;
    source.user = source_;
    source.used_at = at;
    out_.sources_.push_back(std::move(source));
    stack_.push_back(definition);
    TRY(ExpandSource(static_cast<int>(out_.sources_.size()) - 1));
    stack_.pop_back();
    TRY(Emit(")", at, false));
    if (group >= 0 || out_.num_groups_ == groups) {
      for (std::size_t k = first; k < out_.segments_.size(); ++k) {
        out_.segments_[k].part = static_cast<std::uint32_t>(first);
      }
    }
    return i + 1;
  }

  Result<int> Group(std::string_view text, std::size_t begin, char end_byte,
                    std::size_t* end) override {
    const char ends[] = {end_byte, 0};
    TRY(const int group, Field(text, begin, ends, end));
    return group;
  }

  Result<std::string> BackReference(std::string_view name, std::size_t at) override {
    for (const GrokField& field : out_.fields_) {
      if (field.name == name) return "g" + std::to_string(field.groups.back());
    }
    return Fail(at, "there is no group called " + Quoted(name) + " in front of this");
  }

  Result<const GrokDefinition*> FindDefinition(std::string_view name, std::size_t at) {
    for (const GrokLibrary* library : {names_.custom, names_.built_in}) {
      const GrokDefinition* found = library == nullptr ? nullptr : library->Find(name);
      if (found != nullptr) return found;
    }
    for (const GrokLibrary* library : {names_.custom, names_.built_in}) {
      if (library == nullptr) continue;
      const auto found = library->FindAnyCase(name);
      if (found.size() > 1) {
        return Fail(at, Quoted(name) + " may mean '" + std::string(found[0]->name) + "' or '" +
                            std::string(found[1]->name) + "'; write one of them as it is defined");
      }
      if (!found.empty()) return found[0];
    }
    std::string message = "there is no pattern called " + Quoted(name);
    std::vector<std::string> known;
    for (const GrokLibrary* library : {names_.custom, names_.built_in}) {
      if (library != nullptr) library->AppendNames(&known);
    }
    if (names_.built_in != &GrokLibrary::Ecs() && GrokLibrary::Ecs().Find(name) != nullptr) {
      message += "; the library of grokLibrary: ecs has one";
    } else if (auto near = NearestName(name, known)) {
      message += "; did you mean '" + *near + "'?";
    } else {
      message += "; define it in grokCustomPatterns, or see `sluice grok --list`";
    }
    return Fail(at, message);
  }

  Result<void> CheckStack(const GrokDefinition& definition, std::size_t at) const {
    if (static_cast<int>(stack_.size()) >= limits_.depth) {
      return Fail(
          at, "patterns refer to each other more than " + std::to_string(limits_.depth) + " deep");
    }
    const auto begin = std::find(stack_.begin(), stack_.end(), &definition);
    if (begin == stack_.end()) return {};
    std::string chain;
    for (auto it = begin; it != stack_.end(); ++it) chain += std::string((*it)->name) + " -> ";
    return Fail(at, "'" + std::string(definition.name) + "' refers to itself: " + chain +
                        std::string(definition.name));
  }

  /// `field` or `field:type` from `begin` on, up to one of `ends`. The number of the group that is
  /// to capture it; -1 for a field called UNWANTED, which Glue's own patterns use for none.
  Result<int> Field(std::string_view text, std::size_t begin, std::string_view ends,
                    std::size_t* end) {
    GrokField field;
    std::size_t i = begin;
    if (i < text.size() && text[i] == '[') {
      while (i < text.size() && text[i] == '[') {
        const std::size_t from = ++i;
        while (i < text.size() && (IsFieldByte(text[i]) && text[i] != '.')) ++i;
        if (i == from || i >= text.size() || text[i] != ']') {
          return Fail(begin, "expected a field such as [source][ip]");
        }
        field.path.emplace_back(text.substr(from, i++ - from));
        field.name += (field.name.empty() ? "" : ".") + field.path.back();
      }
    } else {
      while (i < text.size() && IsFieldByte(text[i]) && ends.find(text[i]) == ends.npos) ++i;
      if (i == begin) return Fail(begin, "expected a field's name, as in %{WORD:field}");
      field.name = text.substr(begin, i - begin);
      field.path = {field.name};
    }
    if (field.name.size() > kLongestField) {
      return Fail(begin, "the field's name is longer than " + std::to_string(kLongestField));
    }
    // A slip in the library's HTTPD24_ERRORLOG: `[code]?`.
    if (field.path.size() > 1 && i < text.size() && text[i] == '?') ++i;
    if (i < text.size() && text[i] == ':') {
      const std::size_t from = ++i;
      while (i < text.size() && IsNameByte(text[i])) ++i;
      TRY(field.type, TypeCalled(text.substr(from, i - from), from));
    }
    if (i >= text.size() || ends.find(text[i]) == ends.npos) {
      return Fail(std::min(i, text.size()), i >= text.size()
                                                ? "this is not closed"
                                                : "a field's name cannot have this character");
    }
    *end = i;
    if (field.name == "UNWANTED") return -1;
    TRY(const int group, AddField(std::move(field), begin));
    return group;
  }

  Result<ColumnKind> TypeCalled(std::string_view name, std::size_t at) const {
    std::vector<std::string> known;
    for (const TypeName& type : kTypes) {
      if (type.name == name) return type.kind;
      known.emplace_back(type.name);
    }
    std::string message = "there is no type " + Quoted(name);
    if (auto near = NearestName(name, known)) message += "; did you mean '" + *near + "'?";
    message += message.ends_with('?') ? " Types are" : "; types are";
    for (const std::string& type : known) message += (&type == &known[0] ? " " : ", ") + type;
    return Fail(at, message + ". For others declare the source's `schema`");
  }

  /// Adds a group to a field, and the field if it is new.
  Result<int> AddField(GrokField field, std::size_t at) {
    const int group = out_.num_groups_++;
    for (GrokField& known : out_.fields_) {
      if (known.path == field.path) {
        if (known.type.has_value() && field.type.has_value() && *known.type != *field.type) {
          return Fail(at, "the field " + Quoted(field.name) +
                              " is captured twice with different types; give it one");
        }
        if (!known.type.has_value()) known.type = field.type;
        known.groups.push_back(group);
        return group;
      }
      const std::size_t common = std::min(known.path.size(), field.path.size());
      if (std::equal(known.path.begin(), known.path.begin() + static_cast<std::ptrdiff_t>(common),
                     field.path.begin())) {
        return Fail(at, "a field cannot be both a value and a group of fields: " +
                            Quoted(known.name) + " and " + Quoted(field.name));
      }
      if (known.name == field.name) {
        return Fail(
            at, "the fields [a][b] and a.b would be told apart by nothing: " + Quoted(field.name));
      }
    }
    if (out_.fields_.size() >= limits_.fields) {
      return Fail(at,
                  "the pattern captures more than " + std::to_string(limits_.fields) + " fields");
    }
    field.groups.push_back(group);
    out_.fields_.push_back(std::move(field));
    return group;
  }

  GrokNames names_;
  GrokLimits limits_;
  ExpandedGrok out_;
  int source_ = 0;
  std::size_t references_ = 0;
  std::size_t read_bytes_ = 0;
  std::vector<const GrokDefinition*> stack_;
};

const ExpandedGrok::Segment& ExpandedGrok::SegmentAt(std::size_t offset) const {
  auto after = std::upper_bound(
      segments_.begin(), segments_.end(), offset,
      [](std::size_t value, const Segment& segment) { return value < segment.begin; });
  return after == segments_.begin() ? *after : *(after - 1);
}

std::size_t ExpandedGrok::CharacterOf(int source, std::size_t at) const {
  const Source& from = sources_[static_cast<std::size_t>(source)];
  return CharacterNumber(from.text, at) + static_cast<std::size_t>(from.source_column);
}

std::size_t ExpandedGrok::CharacterOfUse(int source) const {
  const Source* user = &sources_[static_cast<std::size_t>(source)];
  while (user->user > 0) user = &sources_[static_cast<std::size_t>(user->user)];
  return CharacterNumber(sources_[0].text, user->used_at);
}

std::string ExpandedGrok::Place(int source, std::size_t at) const {
  std::string place = sources_[static_cast<std::size_t>(source)].label + ", character " +
                      std::to_string(CharacterOf(source, at));
  // Of the references that led here only the one in the pattern itself: what to look for there.
  if (source == 0) return place;
  return place + " (through grokPattern, character " + std::to_string(CharacterOfUse(source)) + ")";
}

std::string ExpandedGrok::PlaceOf(std::size_t offset) const {
  if (segments_.empty()) return Place(0, 0);
  const Segment& segment = SegmentAt(offset);
  return Place(segment.source, segment.at + (segment.verbatim ? offset - segment.begin : 0));
}

std::size_t ExpandedGrok::PartOf(std::size_t offset) const {
  if (segments_.empty()) return 0;
  const Segment& segment = SegmentAt(offset);
  const Segment& part = segments_[segment.part];
  return &part == &segment && segment.verbatim ? offset : part.begin;
}

std::string ExpandedGrok::DescribePart(std::size_t begin) const {
  if (segments_.empty()) return "the end of grokPattern";
  const Segment& segment = SegmentAt(begin);
  const Source& source = sources_[static_cast<std::size_t>(segment.source)];
  const std::size_t at =
      std::min(segment.at + (segment.verbatim ? begin - segment.begin : 0), source.text.size());
  const std::string_view rest = std::string_view(source.text).substr(at);
  std::string_view part = rest.substr(0, rest.find("%{"));
  if (rest.starts_with("%{")) part = rest.substr(0, rest.find('}') + 1);
  std::string text = part.empty() ? "the end of " + source.name
                                  : Quoted(part) + " at character " +
                                        std::to_string(CharacterOf(segment.source, at)) + " of " +
                                        source.name;
  if (segment.source == 0) return text;
  return text + ", which grokPattern has at character " +
         std::to_string(CharacterOfUse(segment.source));
}

Result<ExpandedGrok> ExpandGrok(std::string_view pattern, const GrokNames& names,
                                const GrokLimits& limits) {
  return GrokExpander(names, limits).Run(pattern);
}

}  // namespace sluice
