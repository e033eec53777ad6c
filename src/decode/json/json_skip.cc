// JsonReader: values that are checked and not kept, and the ways to fail.
#include <cstring>
#include <utility>

#include "decode/json/json_reader.h"

namespace sluice {

bool JsonReader::Syntax(const char* at, const char* reason) {
  failure_.byte = PositionOf(at);
  failure_.code = "json.syntax";
  failure_.field.clear();
  failure_.reason = at >= end_ ? std::string(reason) + ", found the end" : reason;
  return false;
}

bool JsonReader::Refuse(const char* at, const char* code, std::string reason) {
  failure_.byte = PositionOf(at);
  failure_.code = code;
  failure_.field.clear();
  failure_.reason = std::move(reason);
  return false;
}

bool JsonReader::OutOfMemory() {
  out_of_memory_ = true;
  return false;
}

bool JsonReader::Open(const char* p) {
  if (++depth_ <= options_.limits.depth) return true;
  return Refuse(p, "limit.depth",
                "nested more than " + std::to_string(options_.limits.depth) + " deep");
}

bool JsonReader::Close() {
  if (--depth_ == 0 || next_ != last_) return true;
  return Syntax(end_, "expected ',' or a closing bracket");
}

bool JsonReader::TextOf(const char* open, std::string_view* out) {
  std::string_view raw = RawContent(open);
  if (raw.size() > options_.limits.string_bytes) return CheckString(open);
  *out = raw;
  if (!has_escapes_ || std::memchr(raw.data(), '\\', raw.size()) == nullptr) return true;
  if (scratch_.size() < raw.size()) scratch_.resize(raw.size());
  const char* where = nullptr;
  std::size_t size = UnescapeJson(raw.data(), raw.data() + raw.size(), scratch_.data(), &where);
  if (size == kBadEscape) return Syntax(where, "this escape is not valid");
  *out = {scratch_.data(), size};
  return true;
}

bool JsonReader::CheckString(const char* open) {
  if (!has_escapes_ && static_cast<std::size_t>(end_ - open) <= options_.limits.string_bytes) {
    return true;
  }
  std::string_view raw = RawContent(open);
  if (raw.size() > options_.limits.string_bytes) {
    return Refuse(
        open, "limit.string",
        "a string is longer than " + std::to_string(options_.limits.string_bytes) + " bytes");
  }
  const char* where = nullptr;
  if (!has_escapes_ ||
      UnescapeJson(raw.data(), raw.data() + raw.size(), nullptr, &where) != kBadEscape) {
    return true;
  }
  return Syntax(where, "this escape is not valid");
}

bool JsonReader::CheckLiteral(const char* p, std::string_view word) {
  if (static_cast<std::size_t>(end_ - p) >= word.size() &&
      std::memcmp(p, word.data(), word.size()) == 0 &&
      (p + word.size() == end_ || IsJsonTerminator(p[word.size()]))) {
    return true;
  }
  return Syntax(p, "expected a value");
}

bool JsonReader::CheckScalar(const char* p) {
  switch (*p) {
    case '"':
      return CheckString(p);
    case 't':
      return CheckLiteral(p, "true");
    case 'f':
      return CheckLiteral(p, "false");
    case 'n':
      return CheckLiteral(p, "null");
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9': {
      JsonNumber number;
      return ScanJsonNumber(p, &number) || Syntax(number.end, "this number is not valid");
    }
    default:
      return Syntax(p, "expected a value");
  }
}

bool JsonReader::SkipKey() {
  const char* p = data_ + *next_++;
  if (*p != '"') return Syntax(p, "expected a key in double quotes");
  if (!CheckString(p)) return false;
  p = data_ + *next_++;
  return *p == ':' || Syntax(p, "expected ':' after a key");
}

/// Iterative, so that nesting costs a byte each and no stack.
bool JsonReader::Skip() {
  nesting_.clear();
  for (;;) {
    const char* p = data_ + *next_++;
    if (*p == '{' || *p == '[') {
      if (!Open(p)) return false;
      const char closer = *p == '{' ? '}' : ']';
      if (data_[*next_] != closer) {
        nesting_.push_back(closer);
        if (closer == '}' && !SkipKey()) return false;
        continue;
      }
      ++next_;
      if (!Close()) return false;
    } else if (!CheckScalar(p)) {
      return false;
    }
    // Behind a value: out of every container that ends here.
    for (;;) {
      if (nesting_.empty()) return true;
      p = data_ + *next_++;
      if (*p == ',') {
        if (nesting_.back() == '}' && !SkipKey()) return false;
        break;
      }
      if (*p != nesting_.back()) {
        return Syntax(p, nesting_.back() == '}' ? "expected ',' or '}' in an object"
                                                : "expected ',' or ']' in an array");
      }
      nesting_.pop_back();
      if (!Close()) return false;
    }
  }
}

}  // namespace sluice
