#include "decode/grok/grok_rewriter.h"

#include <utility>

namespace sluice {
namespace {

constexpr int kMaxClassDepth = 20;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsHex(char c) { return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

bool Contains(std::string_view set, char c) { return set.find(c) != std::string_view::npos; }

/// `%{NAME` : as text in a class it would silently mean its characters.
bool LooksLikeReference(std::string_view text, std::size_t at) {
  return text.substr(at, 2) == "%{" && at + 2 < text.size() && IsLetter(text[at + 2]) &&
         text.find('}', at) != std::string_view::npos;
}

}  // namespace

Result<void> GrokRewriter::Rewrite(std::string_view text) {
  std::size_t plain = 0;  // Where what passes as it is begins.
  std::size_t i = 0;
  while (i < text.size()) {
    const char c = text[i];
    const bool reference = c == '%' && i + 1 < text.size() && text[i + 1] == '{';
    // Oniguruma takes x?*, x+* and x** for x*.
    const bool stacked = i > 0 && i + 1 < text.size() && text[i + 1] == '*' && Contains("?+*", c) &&
                         !Contains("?+*(|", text[i - 1]);
    if (!reference && !stacked && !Contains("\\([{\n", c)) {
      ++i;
      continue;
    }
    if (i > plain) TRY(Emit(text.substr(plain, i - plain), plain, true));
    if (stacked) {
      TRY(Emit("*", i, false));
      i += 2;
    } else if (reference) {
      TRY(i, Reference(text, i));
    } else if (c == '\\') {
      TRY(i, RewriteEscape(text, i));
    } else if (c == '(') {
      TRY(i, RewriteGroup(text, i));
    } else if (c == '[') {
      TRY(i, RewriteClass(text, i));
    } else if (c == '{') {
      TRY(i, RewriteBraces(text, i));
    } else {
      return Fail(i, "a line ends here; a pattern is one line");
    }
    plain = i;
  }
  if (i > plain) TRY(Emit(text.substr(plain), plain, true));
  return {};
}

Result<std::size_t> GrokRewriter::RewriteEscape(std::string_view text, std::size_t at) {
  if (at + 1 >= text.size()) return Fail(at, "nothing follows the backslash");
  const char c = text[at + 1];
  std::size_t end = at + 2;
  if (c == 'h' || c == 'H') {
    TRY(Emit(c == 'h' ? "[0-9A-Fa-f]" : "[^0-9A-Fa-f]", at, false));
  } else if (c == 'v') {
    TRY(Emit("\\x0b", at, false));
  } else if (c == 'O') {
    TRY(Emit("(?s:.)", at, false));
  } else if (c == 'u') {
    for (end = at + 2; end < text.size() && end < at + 6 && IsHex(text[end]);) ++end;
    if (end != at + 6) return Fail(at, "\\u wants four hexadecimal digits");
    TRY(Emit("\\x{" + std::string(text.substr(at + 2, 4)) + "}", at, false));
  } else if (c == 'k') {
    const char open = at + 2 < text.size() ? text[at + 2] : ' ';
    const char close = open == '<' ? '>' : '\'';
    end = text.find(close, at + 3);
    if ((open != '<' && open != '\'') || end == std::string_view::npos) {
      return Fail(at, "expected \\k<name>");
    }
    TRY(const std::string name, BackReference(text.substr(at + 3, end - at - 3), at));
    TRY(Emit("\\k<" + name + ">", at, false));
    ++end;
  } else if (c >= '1' && c <= '9') {
    return Fail(at,
                "groups are not numbered in grok, since references bring in their own; write "
                "(?<name>...) and \\k<name>");
  } else if (c == 'Q') {
    end = text.find("\\E", at);
    end = end == std::string_view::npos ? text.size() : end + 2;
    TRY(Emit(text.substr(at, end - at), at, true));
    if (!text.substr(at, end - at).ends_with("\\E")) TRY(Emit("\\E", at, false));
  } else if (c == 'c') {
    if (at + 2 >= text.size()) return Fail(at, "expected a character behind \\c");
    end = at + 3;
    TRY(Emit(text.substr(at, 3), at, true));
  } else if (IsLetter(c) && !Contains("dDwWsSbBAzZGKRXNtnrfaexopP", c)) {
    return Fail(at, std::string("the escape \\") + c + " is not supported");
  } else {
    // \x{e4} and \p{L}: these braces are part of the escape.
    if (Contains("xpPo", c) && end < text.size() && text[end] == '{') {
      end = text.find('}', end);
      if (end == std::string_view::npos) return Fail(at, "this escape is not closed");
      ++end;
    }
    TRY(Emit(text.substr(at, end - at), at, true));
  }
  return end;
}

Result<std::size_t> GrokRewriter::NamedGroup(std::string_view text, std::size_t at,
                                             std::size_t name, char end_byte) {
  std::size_t end = 0;
  TRY(const int group, Group(text, name, end_byte, &end));
  TRY(Emit(group < 0 ? "(?:" : "(?<g" + std::to_string(group) + ">", at, false));
  return end + 1;
}

Result<std::size_t> GrokRewriter::RewriteGroup(std::string_view text, std::size_t at) {
  const std::string_view rest = text.substr(at);
  if (rest.starts_with("(*")) return Fail(at, "verbs, (*...), are not supported");
  if (!rest.starts_with("(?")) {
    TRY(Emit("(", at, true));
    return at + 1;
  }
  for (const std::string_view open : {"(?:", "(?=", "(?!", "(?>", "(?<=", "(?<!"}) {
    if (!rest.starts_with(open)) continue;
    TRY(Emit(open, at, true));
    return at + open.size();
  }
  if (rest.starts_with("(?<")) return NamedGroup(text, at, at + 3, '>');
  if (rest.starts_with("(?'")) return NamedGroup(text, at, at + 3, '\'');
  if (rest.starts_with("(?P<")) return NamedGroup(text, at, at + 4, '>');
  if (rest.starts_with("(?#")) {
    const std::size_t close = text.find(')', at);
    if (close == std::string_view::npos) return Fail(at, "this comment is not closed");
    return close + 1;
  }
  return RewriteFlags(text, at);
}

/// `(?im)`, `(?i-m:`
Result<std::size_t> GrokRewriter::RewriteFlags(std::string_view text, std::size_t at) {
  std::string flags = "(?";
  std::size_t i = at + 2;
  for (; i < text.size() && (IsLetter(text[i]) || text[i] == '-'); ++i) {
    const char c = text[i];
    if (c == 'x')
      return Fail(i, "the flag x is not supported; write the expression without blanks");
    if (!Contains("ims-", c)) break;
    // Ruby's m lets `.` take line ends, which is s elsewhere.
    flags += c == 'm' ? 's' : c;
  }
  if (i >= text.size() || (text[i] != ':' && text[i] != ')')) {
    return Fail(at,
                "this kind of group is not supported; there are (...), (?:...), (?<name>...), "
                "(?>...), (?=...), (?!...), (?<=...), (?<!...), (?#...), and the flags i, m and s");
  }
  flags += text[i];
  TRY(Emit(flags, at, false));
  return i + 1;
}

/// `{n}`, `{n,}`, `{n,m}`, `{,m}`; anything else in braces is text.
Result<std::size_t> GrokRewriter::RewriteBraces(std::string_view text, std::size_t at) {
  std::size_t i = at + 1;
  while (i < text.size() && IsDigit(text[i])) ++i;
  const bool lower = i > at + 1;
  const bool comma = i < text.size() && text[i] == ',';
  const std::size_t from = i;
  if (comma) {
    ++i;
    while (i < text.size() && IsDigit(text[i])) ++i;
  }
  if (i >= text.size() || text[i] != '}' || (!lower && i - from < 2)) {
    TRY(Emit("\\{", at, false));
    return at + 1;
  }
  ++i;
  const char next = i < text.size() ? text[i] : ' ';
  if (next == '+' || (next == '?' && !comma)) {
    return Fail(i, std::string("engines read '") + next +
                       "' behind {n} differently; write (?:...{n})" + next);
  }
  if (lower) {
    TRY(Emit(text.substr(at, i - at), at, true));
  } else {
    TRY(Emit("{0" + std::string(text.substr(at + 1, i - at - 1)), at, false));
  }
  return i;
}

Result<std::size_t> GrokRewriter::RewriteClass(std::string_view text, std::size_t at) {
  std::string content;
  TRY(const std::size_t end, ReadClass(text, at, 0, &content));
  const bool negated = at + 1 < text.size() && text[at + 1] == '^';
  std::string rewritten = (negated ? "[^" : "[") + content + "]";
  const std::string_view original = text.substr(at, end - at);
  TRY(Emit(rewritten, at, rewritten == original));
  return end;
}

Result<std::size_t> GrokRewriter::ReadClass(std::string_view text, std::size_t at, int depth,
                                            std::string* content) {
  std::size_t i = at + 1;
  if (depth > kMaxClassDepth) return Fail(at, "classes are nested too deep");
  if (i < text.size() && text[i] == '^') {
    if (depth > 0) return Fail(at, "a negated class inside a class is not supported");
    ++i;
  }
  if (i < text.size() && text[i] == ']') {
    *content += "\\]";
    ++i;
  }
  bool after_nested = false;
  while (i < text.size()) {
    const char c = text[i];
    if (c == ']') return i + 1;
    const bool nested_before = std::exchange(after_nested, false);
    if (c == '[') {
      const std::size_t posix = text.substr(i, 2) == "[:" ? text.find(":]", i + 2) : text.npos;
      if (posix != std::string_view::npos) {
        content->append(text.substr(i, posix + 2 - i));
        i = posix + 2;
        continue;
      }
      if (!content->empty() && content->back() == '-' && text[i - 1] == '-') {
        return Fail(i, "a range cannot end in a class; write \\[ for the bracket itself");
      }
      TRY(i, ReadClass(text, i, depth + 1, content));
      after_nested = true;
    } else if (c == '\\') {
      TRY(i, ReadClassEscape(text, i, content));
    } else if (text.substr(i, 2) == "&&") {
      return Fail(i, "intersections of classes, &&, are not supported");
    } else if (LooksLikeReference(text, i)) {
      return Fail(i, "a reference cannot stand inside a class");
    } else if (c == '-' && nested_before) {
      *content += "\\-";
      ++i;
    } else {
      *content += c;
      ++i;
    }
  }
  return Fail(at, "this class has no ]; write \\[ for the bracket itself");
}

Result<std::size_t> GrokRewriter::ReadClassEscape(std::string_view text, std::size_t at,
                                                  std::string* content) {
  if (at + 1 >= text.size()) return Fail(at, "nothing follows the backslash");
  const char c = text[at + 1];
  if (c == 'h') {
    *content += "0-9A-Fa-f";
  } else if (c == 'v') {
    *content += "\\x0b";
  } else if (c == 'u') {
    std::size_t end = at + 2;
    while (end < text.size() && end < at + 6 && IsHex(text[end])) ++end;
    if (end != at + 6) return Fail(at, "\\u wants four hexadecimal digits");
    *content += "\\x{" + std::string(text.substr(at + 2, 4)) + "}";
    return end;
  } else if ((IsLetter(c) && !Contains("dDwWsSbtnrfaexopP", c)) || (c >= '1' && c <= '9')) {
    return Fail(at, std::string("the escape \\") + c + " is not supported in a class");
  } else {
    content->append(text.substr(at, 2));
  }
  return at + 2;
}

}  // namespace sluice
