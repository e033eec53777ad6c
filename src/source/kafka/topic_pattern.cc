#include "source/kafka/topic_pattern.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <memory>

#include "core/result.h"

namespace sluice {
namespace {

constexpr int kMaxSteps = 20000;
constexpr int kMaxDepth = 100;
constexpr int kUnbounded = -1;

}  // namespace

/// Recursive descent into a tree, then Thompson's construction.
class TopicPatternParser {
 public:
  using Chars = TopicPattern::Chars;
  using State = TopicPattern::State;

  explicit TopicPatternParser(const std::string& pattern) : text_(pattern) {}

  Result<TopicPattern> Run() {
    std::size_t end = text_.size();
    if (at_ < end && text_[at_] == '^') ++at_;
    if (end > at_ && text_[end - 1] == '$' && !EscapedAt(end - 1)) --end;
    end_ = end;
    TRY(auto root, Alternatives(0));
    if (at_ < end_) return Wrong("an unbalanced ')'");
    TopicPattern pattern;
    pattern.states_.push_back({State::Kind::kEnd, {}, -1, -1});
    pattern.start_ = Build(*root, 0, &pattern);
    if (steps_ > kMaxSteps) return Wrong("repetitions that multiply to more than 20000 states");
    return pattern;
  }

 private:
  struct Node {
    enum class Kind { kEmpty, kChars, kSequence, kAlternatives, kRepeat } kind = Kind::kEmpty;
    Chars chars;
    int min = 0;
    int max = 0;
    std::vector<std::unique_ptr<Node>> children;
  };
  using NodePtr = std::unique_ptr<Node>;

  Error Wrong(const std::string& what) const {
    return UserError("kafka.bad_pattern",
                     "subscribePattern '" + text_ + "' has " + what + " near character " +
                         std::to_string(at_ + 1) +
                         "; use literals, classes, groups, '|' and the quantifiers * + ? {m,n}");
  }

  bool EscapedAt(std::size_t position) const {
    std::size_t slashes = 0;
    while (slashes < position && text_[position - 1 - slashes] == '\\') ++slashes;
    return slashes % 2 == 1;
  }

  bool More() const { return at_ < end_; }
  char Peek() const { return text_[at_]; }

  Result<NodePtr> Alternatives(int depth) {
    if (depth > kMaxDepth) return Wrong("groups nested deeper than 100");
    auto node = std::make_unique<Node>();
    node->kind = Node::Kind::kAlternatives;
    for (;;) {
      TRY(auto sequence, Sequence(depth));
      node->children.push_back(std::move(sequence));
      if (!More() || Peek() != '|') return node;
      ++at_;
    }
  }

  Result<NodePtr> Sequence(int depth) {
    auto node = std::make_unique<Node>();
    node->kind = Node::Kind::kSequence;
    while (More() && Peek() != '|' && Peek() != ')') {
      TRY(auto atom, Atom(depth));
      TRY(auto repeated, Quantified(std::move(atom)));
      node->children.push_back(std::move(repeated));
    }
    return node;
  }

  Result<NodePtr> Atom(int depth) {
    const char c = text_[at_];
    auto node = std::make_unique<Node>();
    node->kind = Node::Kind::kChars;
    switch (c) {
      case '(': {
        ++at_;
        if (More() && Peek() == '?') {
          if (at_ + 1 >= end_ || text_[at_ + 1] != ':') {
            return Wrong(
                "a look-around, a named group or an inline flag '(?', which is not supported");
          }
          at_ += 2;
        }
        TRY(auto inner, Alternatives(depth + 1));
        if (!More()) return Wrong("an unclosed '('");
        ++at_;
        return inner;
      }
      case '[': {
        TRY(node->chars, Class());
        return node;
      }
      case '\\': {
        TRY(node->chars, Escape());
        return node;
      }
      case '.':
        ++at_;
        node->chars.set();
        return node;
      case '*':
      case '+':
      case '?':
      case '{':
        return Wrong("a quantifier with nothing before it");
      case '^':
      case '$':
        return Wrong("an anchor inside the pattern; the pattern always matches whole names");
      default:
        if (static_cast<unsigned char>(c) >= 128) {
          return Wrong("a character that no topic name can have");
        }
        ++at_;
        node->chars.set(static_cast<unsigned char>(c));
        return node;
    }
  }

  static Chars Named(char letter) {
    Chars chars;
    for (int c = 0; c < 128; ++c) {
      const bool in = letter == 'd'   ? std::isdigit(c) != 0
                      : letter == 'w' ? std::isalnum(c) != 0 || c == '_'
                                      : std::isspace(c) != 0;
      chars.set(static_cast<std::size_t>(c), in);
    }
    return chars;
  }

  Result<Chars> Escape() {
    ++at_;
    if (!More()) return Wrong("a lone '\\' at its end");
    const char c = Peek();
    if (c != '\0' && std::strchr("dwsDWS", c) != nullptr) {
      ++at_;
      const Chars named = Named(static_cast<char>(std::tolower(c)));
      return std::isupper(static_cast<unsigned char>(c)) != 0 ? ~named : named;
    }
    if (!std::ispunct(static_cast<unsigned char>(c))) {
      return Wrong(std::string("the escape '\\") + c + "', which is not supported");
    }
    ++at_;
    Chars chars;
    chars.set(static_cast<unsigned char>(c));
    return chars;
  }

  Result<Chars> Class() {
    ++at_;
    bool negated = false;
    if (More() && Peek() == '^') {
      negated = true;
      ++at_;
    }
    Chars chars;
    bool first = true;
    for (;; first = false) {
      if (!More()) return Wrong("an unclosed '['");
      char c = Peek();
      if (c == ']' && !first) break;
      if (c == '[' || (c == '&' && at_ + 1 < end_ && text_[at_ + 1] == '&')) {
        return Wrong("a character class operation, which is not supported");
      }
      if (static_cast<unsigned char>(c) >= 128) {
        return Wrong("a character that no topic name can have");
      }
      if (c == '\\') {
        TRY(auto escaped, Escape());
        chars |= escaped;
        if (escaped.count() != 1) continue;
        c = text_[at_ - 1];
      } else {
        ++at_;
        chars.set(static_cast<unsigned char>(c));
      }
      if (at_ + 1 < end_ && Peek() == '-' && text_[at_ + 1] != ']') {
        ++at_;
        char high = Peek();
        if (high == '\\') {
          TRY(auto escaped, Escape());
          if (escaped.count() != 1) return Wrong("a range that ends in a class");
          high = text_[at_ - 1];
        } else {
          ++at_;
        }
        if (static_cast<unsigned char>(high) >= 128 || high < c)
          return Wrong("a range upside down");
        for (int i = c; i <= high; ++i) chars.set(static_cast<std::size_t>(i));
      }
    }
    ++at_;
    return negated ? ~chars : chars;
  }

  Result<NodePtr> Quantified(NodePtr atom) {
    if (!More()) return atom;
    int min = 0;
    int max = kUnbounded;
    switch (Peek()) {
      case '*':
        ++at_;
        break;
      case '+':
        ++at_;
        min = 1;
        break;
      case '?':
        ++at_;
        max = 1;
        break;
      case '{': {
        ++at_;
        TRY(min, Number());
        max = min;
        if (More() && Peek() == ',') {
          ++at_;
          max = kUnbounded;
          if (More() && Peek() != '}') {
            TRY(max, Number());
          }
        }
        if (!More() || Peek() != '}') return Wrong("an unclosed '{'");
        ++at_;
        if (max != kUnbounded && max < min) return Wrong("a repetition upside down");
        break;
      }
      default:
        return atom;
    }
    if (More() && (Peek() == '?' || Peek() == '+' || Peek() == '*' || Peek() == '{')) {
      return Wrong("a lazy, possessive or doubled quantifier, which is not supported");
    }
    auto node = std::make_unique<Node>();
    node->kind = Node::Kind::kRepeat;
    node->min = min;
    node->max = max;
    node->children.push_back(std::move(atom));
    return node;
  }

  Result<int> Number() {
    int value = 0;
    const std::size_t start = at_;
    while (More() && std::isdigit(static_cast<unsigned char>(Peek())) != 0) {
      value = value * 10 + (Peek() - '0');
      if (value > 249) return Wrong("a repetition of more than 249, the longest topic name");
      ++at_;
    }
    if (at_ == start) return Wrong("a '{' without a number");
    return value;
  }

  /// The entry state of `node` followed by `next`. Gives up after kMaxSteps.
  int Build(const Node& node, int next, TopicPattern* out) {
    if (++steps_ > kMaxSteps) return next;
    switch (node.kind) {
      case Node::Kind::kEmpty:
        return next;
      case Node::Kind::kChars:
        out->states_.push_back({State::Kind::kChars, node.chars, next, -1});
        return static_cast<int>(out->states_.size()) - 1;
      case Node::Kind::kSequence:
        for (auto it = node.children.rbegin(); it != node.children.rend(); ++it) {
          next = Build(**it, next, out);
        }
        return next;
      case Node::Kind::kAlternatives: {
        int entry = Build(*node.children.back(), next, out);
        for (std::size_t i = node.children.size() - 1; i-- > 0;) {
          entry = Split(Build(*node.children[i], next, out), entry, out);
        }
        return entry;
      }
      case Node::Kind::kRepeat: {
        const Node& child = *node.children[0];
        if (node.max == kUnbounded) {
          const int loop = Split(-1, next, out);
          out->states_[static_cast<std::size_t>(loop)].next = Build(child, loop, out);
          next = loop;
        } else {
          const int exit = next;
          for (int i = node.min; i < node.max && steps_ <= kMaxSteps; ++i) {
            next = Split(Build(child, next, out), exit, out);
          }
        }
        for (int i = 0; i < node.min && steps_ <= kMaxSteps; ++i) next = Build(child, next, out);
        return next;
      }
    }
    return next;
  }

  static int Split(int next, int other, TopicPattern* out) {
    out->states_.push_back({State::Kind::kSplit, {}, next, other});
    return static_cast<int>(out->states_.size()) - 1;
  }

  const std::string& text_;
  std::size_t at_ = 0;
  std::size_t end_ = 0;
  int steps_ = 0;
};

Result<TopicPattern> TopicPattern::Make(const std::string& pattern) {
  if (pattern.empty()) return UserError("kafka.bad_pattern", "subscribePattern is empty");
  return TopicPatternParser(pattern).Run();
}

void TopicPattern::Follow(int state, std::vector<int>* list, std::vector<char>* seen) const {
  std::vector<int> todo{state};
  while (!todo.empty()) {
    const int id = todo.back();
    todo.pop_back();
    if (id < 0 || (*seen)[static_cast<std::size_t>(id)] != 0) continue;
    (*seen)[static_cast<std::size_t>(id)] = 1;
    const State& at = states_[static_cast<std::size_t>(id)];
    if (at.kind == State::Kind::kSplit) {
      todo.push_back(at.next);
      todo.push_back(at.other);
    } else {
      list->push_back(id);
    }
  }
}

bool TopicPattern::Matches(std::string_view topic) const {
  std::vector<int> now;
  std::vector<int> then;
  std::vector<char> seen(states_.size(), 0);
  Follow(start_, &now, &seen);
  for (const char c : topic) {
    if (static_cast<unsigned char>(c) >= 128) return false;
    std::fill(seen.begin(), seen.end(), 0);
    then.clear();
    for (const int id : now) {
      const State& at = states_[static_cast<std::size_t>(id)];
      if (at.kind == State::Kind::kChars && at.chars[static_cast<unsigned char>(c)]) {
        Follow(at.next, &then, &seen);
      }
    }
    now.swap(then);
  }
  for (const int id : now) {
    if (states_[static_cast<std::size_t>(id)].kind == State::Kind::kEnd) return true;
  }
  return false;
}

}  // namespace sluice
