// The reader of DDL: ParseDdl and ParseDdlType of record/schema.h.
#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>
#include <arrow/util/utf8.h>

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/options.h"
#include "record/schema.h"

namespace sluice {
namespace {

using TypePtr = std::shared_ptr<arrow::DataType>;
using FieldPtr = std::shared_ptr<arrow::Field>;

constexpr int kMaxDepth = 100;
constexpr int kMaxColumns = 1000;
constexpr std::size_t kMaxNameBytes = 255;
constexpr std::size_t kMaxDdlBytes = 1 << 20;

const std::vector<std::string>& TypeNames() {
  static const std::vector<std::string> names = {
      "boolean", "byte",   "tinyint", "short",         "smallint",     "int",     "integer",
      "long",    "bigint", "float",   "real",          "double",       "decimal", "dec",
      "numeric", "string", "varchar", "char",          "binary",       "date",    "timestamp",
      "array",   "map",    "struct",  "timestamp_ltz", "timestamp_ntz"};
  return names;
}

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

/// Recursive descent over the text; the position of the next byte is the only state.
class DdlParser {
 public:
  explicit DdlParser(std::string_view text) : text_(text) {}

  Result<SchemaPtr> ParseSchema() {
    TRY(CheckText());
    SkipSpace();
    if (AtEnd()) return Fail("there are no columns; write for example 'id bigint, name string'");
    std::size_t start = position_;
    if (Lower(PeekWord()) == "struct") {
      position_ += 6;
      SkipSpace();
      if (Peek() == '<') {
        position_ = start;
        TRY(TypePtr type, ParseType(0));
        TRY(ExpectEnd());
        return arrow::schema(type->fields());
      }
      position_ = start;
    }
    TRY(auto fields, ParseFields('\0', 0));
    TRY(ExpectEnd());
    return arrow::schema(std::move(fields));
  }

  Result<TypePtr> ParseOneType() {
    TRY(CheckText());
    TRY(TypePtr type, ParseType(0));
    TRY(ExpectEnd());
    return type;
  }

 private:
  Result<void> CheckText() {
    if (text_.size() > kMaxDdlBytes) return Fail("it is longer than 1 MiB");
    arrow::util::InitializeUTF8();
    if (!arrow::util::ValidateUTF8(text_)) return Fail("it is not valid UTF-8");
    return {};
  }

  bool AtEnd() const { return position_ >= text_.size(); }
  char Peek() const { return AtEnd() ? '\0' : text_[position_]; }
  void SkipSpace() {
    while (!AtEnd() && (Peek() == ' ' || Peek() == '\t' || Peek() == '\n' || Peek() == '\r')) {
      ++position_;
    }
  }
  static bool IsWordByte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80;
  }
  std::string_view PeekWord() const {
    std::size_t end = position_;
    while (end < text_.size() && IsWordByte(text_[end])) ++end;
    return text_.substr(position_, end - position_);
  }

  Error Fail(const std::string& what) const { return FailAt(position_, what); }
  static Error FailAt(std::size_t position, const std::string& what) {
    return UserError("schema.ddl",
                     "the schema is wrong at column " + std::to_string(position + 1) + ": " + what);
  }
  /// What stands at the position, for messages.
  std::string Found() const {
    if (AtEnd()) return "the end";
    std::string_view word = PeekWord();
    if (!word.empty()) return "'" + std::string(word.substr(0, 40)) + "'";
    return "'" + std::string(1, Peek()) + "'";
  }

  Result<void> Expect(char c, const char* where) {
    SkipSpace();
    if (Peek() != c || AtEnd()) {
      return Fail(std::string("expected '") + c + "' " + where + ", found " + Found());
    }
    ++position_;
    return {};
  }
  Result<void> ExpectEnd() {
    SkipSpace();
    if (!AtEnd()) return Fail("expected ',' or the end, found " + Found());
    return {};
  }

  /// `name type, name type...` up to `close` (not consumed) or the end.
  Result<std::vector<FieldPtr>> ParseFields(char close, int depth) {
    std::vector<FieldPtr> fields;
    std::set<std::string, std::less<>> names;
    for (;;) {
      SkipSpace();
      std::size_t start = position_;
      TRY(FieldPtr field, ParseField(depth));
      if (!names.insert(field->name()).second) {
        return FailAt(start, "there are two columns called '" + field->name() + "'");
      }
      fields.push_back(std::move(field));
      SkipSpace();
      if (Peek() != ',') break;
      ++position_;
    }
    if (close != '\0' && Peek() != close) {
      return Fail(std::string("expected ',' or '") + close + "', found " + Found());
    }
    return fields;
  }

  Result<FieldPtr> ParseField(int depth) {
    if (++columns_ > kMaxColumns) {
      return Fail("more than " + std::to_string(kMaxColumns) + " columns, nested ones included");
    }
    TRY(std::string name, ParseName());
    SkipSpace();
    if (Peek() == ':') ++position_;
    TRY(TypePtr type, ParseType(depth));
    bool nullable = true;
    std::shared_ptr<arrow::KeyValueMetadata> metadata;
    for (;;) {
      SkipSpace();
      std::string word = Lower(PeekWord());
      if (word == "not" && nullable && metadata == nullptr) {
        position_ += 3;
        SkipSpace();
        if (Lower(PeekWord()) != "null") return Fail("expected NULL after NOT, found " + Found());
        position_ += 4;
        nullable = false;
      } else if (word == "comment" && metadata == nullptr) {
        position_ += 7;
        TRY(std::string comment, ParseText());
        metadata = arrow::key_value_metadata({"comment"}, {std::move(comment)});
      } else {
        break;
      }
    }
    return arrow::field(std::move(name), std::move(type), nullable, std::move(metadata));
  }

  Result<std::string> ParseName() {
    SkipSpace();
    std::size_t start = position_;
    std::string name;
    if (Peek() == '`') {
      ++position_;
      for (;;) {
        if (AtEnd()) return FailAt(start, "this back-ticked name does not end");
        char c = text_[position_++];
        if (c == '\0') return FailAt(position_ - 1, "a name cannot contain a NUL character");
        if (c == '`') {
          if (Peek() != '`') break;
          ++position_;
        }
        name.push_back(c);
      }
    } else {
      name = std::string(PeekWord());
      if (name.empty()) return Fail("expected a column name, found " + Found());
      position_ += name.size();
      char next = Peek();
      if (next == '-' || next == '.' || next == '$' || next == '@' || next == '/') {
        return Fail(std::string("'") + next + "' in a name: write the name in back-ticks");
      }
    }
    if (name.empty()) return FailAt(start, "a column name is empty");
    if (name.size() > kMaxNameBytes) {
      return FailAt(start,
                    "a column name is longer than " + std::to_string(kMaxNameBytes) + " bytes");
    }
    return name;
  }

  Result<std::string> ParseText() {
    SkipSpace();
    std::size_t start = position_;
    char quote = Peek();
    if (quote != '\'' && quote != '"') {
      return Fail("expected a quoted text after COMMENT, found " + Found());
    }
    ++position_;
    std::string out;
    for (;;) {
      if (AtEnd()) return FailAt(start, "this comment does not end");
      char c = text_[position_++];
      if (c == quote) {
        if (Peek() != quote) return out;
        ++position_;
      } else if (c == '\\' && !AtEnd()) {
        c = text_[position_++];
        if (c == 'n') c = '\n';
        if (c == 'r') c = '\r';
        if (c == 't') c = '\t';
      }
      out.push_back(c);
    }
  }

  /// A number in brackets, of at most `max`.
  Result<int> ParseNumber(int max, const char* what) {
    SkipSpace();
    std::size_t start = position_;
    std::int64_t value = 0;
    while (Peek() >= '0' && Peek() <= '9') {
      value = value * 10 + (Peek() - '0');
      if (value > max) {
        return FailAt(start, std::string(what) + " is at most " + std::to_string(max));
      }
      ++position_;
    }
    if (position_ == start) return Fail(std::string("expected ") + what + ", found " + Found());
    return static_cast<int>(value);
  }

  Result<TypePtr> ParseDecimal() {
    int precision = 10;
    int scale = 0;
    SkipSpace();
    if (Peek() == '(') {
      ++position_;
      std::size_t start = position_;
      TRY(precision, ParseNumber(38, "a decimal's precision"));
      if (precision == 0) return FailAt(start, "a decimal's precision is at least 1");
      SkipSpace();
      if (Peek() == ',') {
        ++position_;
        start = position_;
        TRY(scale, ParseNumber(38, "a decimal's scale"));
        if (scale > precision) {
          return FailAt(start, "a decimal's scale is at most its precision");
        }
      }
      TRY(Expect(')', "after the decimal's precision and scale"));
    }
    return arrow::decimal128(precision, scale);
  }

  Result<TypePtr> ParseType(int depth) {
    SkipSpace();
    if (depth >= kMaxDepth) {
      return Fail("types are nested more than " + std::to_string(kMaxDepth) + " deep");
    }
    std::size_t start = position_;
    std::string word = Lower(PeekWord());
    if (word.empty()) return Fail("expected a type, found " + Found());
    position_ += word.size();
    if (word == "boolean") return arrow::boolean();
    if (word == "byte" || word == "tinyint") return arrow::int8();
    if (word == "short" || word == "smallint") return arrow::int16();
    if (word == "int" || word == "integer") return arrow::int32();
    if (word == "long" || word == "bigint") return arrow::int64();
    if (word == "float" || word == "real") return arrow::float32();
    if (word == "double") return arrow::float64();
    if (word == "string") return arrow::utf8();
    if (word == "binary") return arrow::binary();
    if (word == "date") return arrow::date32();
    if (word == "timestamp" || word == "timestamp_ltz") {
      return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
    }
    if (word == "timestamp_ntz") return arrow::timestamp(arrow::TimeUnit::MICRO);
    if (word == "decimal" || word == "dec" || word == "numeric") return ParseDecimal();
    if (word == "varchar" || word == "char") {
      TRY(Expect('(', "and a length after varchar or char"));
      TRY(ParseNumber(INT32_MAX, "a length"));
      TRY(Expect(')', "after the length"));
      return arrow::utf8();
    }
    if (word == "array") {
      TRY(Expect('<', "after array"));
      TRY(TypePtr element, ParseType(depth + 1));
      TRY(Expect('>', "after the array's element type"));
      return arrow::list(arrow::field("element", std::move(element)));
    }
    if (word == "map") {
      TRY(Expect('<', "after map"));
      TRY(TypePtr key, ParseType(depth + 1));
      TRY(Expect(',', "between the map's key and value types"));
      TRY(TypePtr value, ParseType(depth + 1));
      TRY(Expect('>', "after the map's value type"));
      return arrow::map(std::move(key), std::move(value));
    }
    if (word == "struct") {
      TRY(Expect('<', "after struct"));
      TRY(auto fields, ParseFields('>', depth + 1));
      TRY(Expect('>', "after the struct's last field"));
      return arrow::struct_(fields);
    }
    return UnknownType(start, word);
  }

  static Error UnknownType(std::size_t start, const std::string& word) {
    std::string message = "there is no type '" + word.substr(0, 40) + "'";
    if (auto near = NearestName(word, TypeNames())) message += "; did you mean '" + *near + "'?";
    message += message.ends_with('?') ? " Types: " : ". Types: ";
    for (const auto& name : TypeNames()) {
      if (&name != &TypeNames().front()) message += ", ";
      message += name;
    }
    return FailAt(start, message);
  }

  std::string_view text_;
  std::size_t position_ = 0;
  int columns_ = 0;
};

}  // namespace

Result<SchemaPtr> ParseDdl(std::string_view ddl) { return DdlParser(ddl).ParseSchema(); }

Result<std::shared_ptr<arrow::DataType>> ParseDdlType(std::string_view type) {
  return DdlParser(type).ParseOneType();
}

}  // namespace sluice
