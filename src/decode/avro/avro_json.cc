#include "decode/avro/avro_json.h"

#include <arrow/util/utf8.h>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace sluice {
namespace {

constexpr std::size_t kMaxSchemaBytes = 1 << 20;
/// A record in a record takes three levels: the object, its fields, the field.
constexpr int kMaxNesting = 400;
constexpr std::size_t kMaxValues = 100'000;

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<AvroJson> Parse() {
    AvroJson root;
    TRY(ReadValue(&root, 0));
    SkipSpace();
    if (at_ != text_.size()) return Fail("expected the end of the schema");
    return root;
  }

 private:
  using Kind = AvroJson::Kind;

  Error Fail(const std::string& message) const { return AvroSchemaError(message, at_); }

  void SkipSpace() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
      ++at_;
    }
  }

  /// The next character that is no white space; 0 at the end.
  char Peek() {
    SkipSpace();
    return at_ < text_.size() ? text_[at_] : '\0';
  }

  Result<void> ReadValue(AvroJson* out, int depth) {
    const char c = Peek();
    out->place = at_;
    if (at_ == text_.size()) return Fail("the schema ends too early");
    if (++values_ > kMaxValues) {
      return Fail("the schema has more than " + std::to_string(kMaxValues) + " values");
    }
    if (depth > kMaxNesting) {
      return Fail("the schema is nested more than " + std::to_string(kMaxNesting) + " deep");
    }
    if (c == '"') {
      out->kind = Kind::kString;
      return ReadString(&out->text);
    }
    if (c == '{') return ReadObject(out, depth);
    if (c == '[') return ReadArray(out, depth);
    if (c == '-' || (c >= '0' && c <= '9')) return ReadNumber(out);
    for (auto [word, kind] : {std::pair{std::string_view("true"), Kind::kTrue},
                              std::pair{std::string_view("false"), Kind::kFalse},
                              std::pair{std::string_view("null"), Kind::kNull}}) {
      if (text_.substr(at_, word.size()) != word) continue;
      out->kind = kind;
      at_ += word.size();
      return {};
    }
    return Fail("expected a JSON value");
  }

  Result<void> ReadObject(AvroJson* out, int depth) {
    out->kind = Kind::kObject;
    ++at_;
    if (Peek() == '}') {
      ++at_;
      return {};
    }
    for (;;) {
      if (Peek() != '"') return Fail("expected a key in double quotes");
      const std::size_t place = at_;
      AvroJsonMember member;
      TRY(ReadString(&member.name));
      // Objects of schemas have few keys of their own; longer ones are defaults, capped as a whole.
      if (out->Find(member.name) != nullptr) {
        return AvroSchemaError("the key \"" + member.name + "\" is repeated", place);
      }
      if (out->members.size() >= 1000) return Fail("an object has more than 1000 keys");
      if (Peek() != ':') return Fail("expected ':' after a key");
      ++at_;
      TRY(ReadValue(&member.value, depth + 1));
      out->members.push_back(std::move(member));
      const char c = Peek();
      if (c != ',' && c != '}') return Fail("expected ',' or '}' in an object");
      ++at_;
      if (c == '}') return {};
    }
  }

  Result<void> ReadArray(AvroJson* out, int depth) {
    out->kind = Kind::kArray;
    ++at_;
    if (Peek() == ']') {
      ++at_;
      return {};
    }
    for (;;) {
      out->items.emplace_back();
      TRY(ReadValue(&out->items.back(), depth + 1));
      const char c = Peek();
      if (c != ',' && c != ']') return Fail("expected ',' or ']' in an array");
      ++at_;
      if (c == ']') return {};
    }
  }

  std::size_t Digits() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
    return at_ - begin;
  }

  Result<void> ReadNumber(AvroJson* out) {
    const std::size_t begin = at_;
    if (text_[at_] == '-') ++at_;
    const bool zero = at_ < text_.size() && text_[at_] == '0';
    const std::size_t digits = Digits();
    bool good = digits > 0 && !(zero && digits > 1);
    if (good && at_ < text_.size() && text_[at_] == '.') {
      ++at_;
      good = Digits() > 0;
    }
    if (good && at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
      ++at_;
      if (at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-')) ++at_;
      good = Digits() > 0;
    }
    if (!good) return AvroSchemaError("this number is not valid JSON", begin);
    out->kind = Kind::kNumber;
    out->text = text_.substr(begin, at_ - begin);
    return {};
  }

  Result<void> ReadString(std::string* out) {
    const std::size_t open = at_++;
    for (;;) {
      const std::size_t begin = at_;
      while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' &&
             static_cast<unsigned char>(text_[at_]) >= 0x20) {
        ++at_;
      }
      out->append(text_.substr(begin, at_ - begin));
      if (at_ == text_.size()) return AvroSchemaError("this string does not end", open);
      if (text_[at_] == '"') {
        ++at_;
        return {};
      }
      if (text_[at_] != '\\') return Fail("a control character in a string must be an escape");
      TRY(ReadEscape(out));
    }
  }

  Result<std::uint32_t> ReadHex() {
    std::uint32_t value = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      const char c = at_ < text_.size() ? text_[at_] : '\0';
      const bool letter = (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
      if (!letter && !(c >= '0' && c <= '9')) return Fail("\\u wants four hex digits");
      value = value * 16 + static_cast<std::uint32_t>(letter ? (c | 0x20) - 'a' + 10 : c - '0');
    }
    return value;
  }

  Result<void> ReadEscape(std::string* out) {
    static constexpr std::string_view kLetters = "\"\\/bfnrt";
    static constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    const std::size_t place = at_++;
    const char c = at_ < text_.size() ? text_[at_++] : '\0';
    const std::size_t index = c == '\0' ? std::string_view::npos : kLetters.find(c);
    if (index != std::string_view::npos) {
      out->push_back(kMeanings[index]);
      return {};
    }
    if (c != 'u') return AvroSchemaError("this escape is not valid", place);
    TRY(std::uint32_t code, ReadHex());
    if (code >= 0xd800 && code < 0xe000) {
      if (code >= 0xdc00 || text_.substr(at_, 2) != "\\u") {
        return AvroSchemaError("half of a surrogate pair", place);
      }
      at_ += 2;
      TRY(std::uint32_t low, ReadHex());
      if (low < 0xdc00 || low >= 0xe000) return AvroSchemaError("half of a surrogate pair", place);
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    AppendUtf8(code, out);
    return {};
  }

  static void AppendUtf8(std::uint32_t code, std::string* out) {
    if (code < 0x80) {
      out->push_back(static_cast<char>(code));
      return;
    }
    const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static constexpr std::uint32_t kLead[] = {0, 0xc0, 0xe0, 0xf0};
    out->push_back(static_cast<char>(kLead[more] | code >> (6 * more)));
    for (int i = more - 1; i >= 0; --i) {
      out->push_back(static_cast<char>(0x80 | (code >> (6 * i) & 0x3f)));
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t values_ = 0;
};

}  // namespace

const AvroJson* AvroJson::Find(std::string_view name) const {
  const auto found =
      std::find_if(members.begin(), members.end(),
                   [&](const AvroJsonMember& member) { return member.name == name; });
  return found == members.end() ? nullptr : &found->value;
}

const char* AvroJson::Describe() const {
  switch (kind) {
    case Kind::kNull:
      return "null";
    case Kind::kTrue:
    case Kind::kFalse:
      return "a boolean";
    case Kind::kNumber:
      return "a number";
    case Kind::kString:
      return "a string";
    case Kind::kArray:
      return "an array";
    case Kind::kObject:
      return "an object";
  }
  return "";
}

Error AvroSchemaError(const std::string& message, std::size_t place) {
  return UserError("avro.schema", message + ", at column " + std::to_string(place + 1));
}

Result<AvroJson> ParseAvroJson(std::string_view text) {
  if (text.size() > kMaxSchemaBytes) {
    return UserError("avro.schema", "the Avro schema has " + std::to_string(text.size()) +
                                        " bytes; the limit is " + std::to_string(kMaxSchemaBytes));
  }
  arrow::util::InitializeUTF8();
  if (!arrow::util::ValidateUTF8(text)) {
    return UserError("avro.schema", "the Avro schema is not valid UTF-8");
  }
  return Parser(text).Parse();
}

}  // namespace sluice
