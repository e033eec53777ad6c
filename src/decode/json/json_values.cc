// JsonReader: values into columns.
#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "decode/copy_bytes.h"
#include "decode/json/json_reader.h"
#include "decode/repeated_keys.h"
#include "decode/row_limits.h"
#include "record/schema.h"

namespace sluice {
namespace {

/// Bytes of maps that may be read again, beside 16 times the message.
constexpr std::int64_t kMaxReread = 1 << 20;

/// Whether a double is the integer that was written.
bool HoldsInteger(const JsonNumber& number, double value) {
  std::int64_t integer;
  return ToInt64(number, &integer) && value < 0x1p63 && static_cast<std::int64_t>(value) == integer;
}

/// Whether a float is the number that was written, as far as a double can tell.
bool HoldsFloat(const JsonNumber& number, float value) {
  double exact;
  return ParseDouble(number.text(), &exact) == Conversion::kOk &&
         static_cast<double>(value) == exact;
}

bool BeginsNumber(char c) { return static_cast<unsigned char>(c - '0') <= 9 || c == '-'; }

}  // namespace

bool JsonReader::Misfit(JsonField& field, const char* at, const char* code, std::string reason) {
  if (detection_ != nullptr) {
    return RescueMisfit(field, at, code) && (field.column->AppendNull() || OutOfMemory());
  }
  if (!failed_) {
    failed_ = true;
    failure_.byte = PositionOf(at);
    failure_.code = code;
    failure_.field = field.column->path();
    failure_.reason = std::move(reason);
  }
  return field.column->AppendNull() || OutOfMemory();
}

bool JsonReader::MisfitType(JsonField& field, const char* at) {
  return Misfit(
      field, at, "convert.type",
      "expected " + FormatDdlType(*field.column->type()) + ", found " + DescribeJson(*at));
}

/// Everything that is not the form the type's fast path reads: null, or a misfit.
bool JsonReader::ReadOther(JsonField& field, const char* p) {
  if (*p == 'n') {
    if (!CheckLiteral(p, "null")) return false;
    if (!field.nullable)
      return Misfit(field, p, "convert.null", "null, but the column is NOT NULL");
    return field.column->AppendNull() || OutOfMemory();
  }
  if (field.kind == ColumnKind::kString) return ReadRaw(field, p);
  --next_;
  if (detection_ != nullptr) {
    return RescueNested(field) && (field.column->AppendNull() || OutOfMemory());
  }
  return Skip() && MisfitType(field, p);
}

/// A string column takes any other value as it is written.
bool JsonReader::ReadRaw(JsonField& field, const char* p) {
  --next_;
  if (!Skip()) return false;
  const char* stop = data_ + next_[-1] + 1;
  if (*p != '{' && *p != '[') {
    stop = p;
    while (!IsJsonTerminator(*stop)) ++stop;
  }
  const auto size = static_cast<std::size_t>(stop - p);
  if (size > options_.limits.string_bytes) {
    return Refuse(
        p, "limit.string",
        "a string is longer than " + std::to_string(options_.limits.string_bytes) + " bytes");
  }
  char* out = field.column->ReserveBytes(size);
  if (out == nullptr) return OutOfMemory();
  std::memcpy(out, p, size);
  return field.column->CommitBytes(size) || OutOfMemory();
}

template <typename T>
bool JsonReader::AppendInteger(JsonField& field, const JsonNumber& number) {
  if (!number.integral) {
    return Misfit(field, number.begin, "convert.type",
                  "expected " + FormatDdlType(*field.column->type()) +
                      ", found a number with a fraction or an exponent");
  }
  std::int64_t value;
  if (!ToInt64(number, &value) || value < std::numeric_limits<T>::min() ||
      value > std::numeric_limits<T>::max()) {
    return Misfit(field, number.begin, "convert.overflow",
                  "the number does not fit into " + FormatDdlType(*field.column->type()));
  }
  return field.column->AppendFixed(static_cast<T>(value)) || OutOfMemory();
}

bool JsonReader::ReadValue(JsonField& field) {
  const char* p = data_ + *next_++;
  switch (field.kind) {
    case ColumnKind::kString:
      if (*p != '"') return ReadOther(field, p);
      return ReadString(field.column, p);
    case ColumnKind::kInt64: {
      JsonNumber number;
      std::int64_t value;
      if (!BeginsNumber(*p)) return ReadOther(field, p);
      if (!ScanJsonNumber(p, &number)) return Syntax(number.end, "this number is not valid");
      if (__builtin_expect(!ToInt64(number, &value), 0)) {
        return AppendInteger<std::int64_t>(field, number);
      }
      return field.column->AppendFixed(value) || OutOfMemory();
    }
    case ColumnKind::kDouble: {
      JsonNumber number;
      double value;
      if (!BeginsNumber(*p)) return ReadNumber(field, p);
      if (!ScanJsonNumber(p, &number)) return Syntax(number.end, "this number is not valid");
      if (number.digits > 19 || !ExactDouble(number.mantissa, number.exponent, &value)) {
        return ReadNumber(field, p);
      }
      if (number.negative) value = -value;
      return field.column->AppendFixed(value) || OutOfMemory();
    }
    case ColumnKind::kBool:
      return ReadBool(field, p);
    case ColumnKind::kInt32: {
      JsonNumber number;
      if (!BeginsNumber(*p)) return ReadOther(field, p);
      if (!ScanJsonNumber(p, &number)) return Syntax(number.end, "this number is not valid");
      return AppendInteger<std::int32_t>(field, number);
    }
    case ColumnKind::kInt8:
    case ColumnKind::kInt16:
    case ColumnKind::kFloat:
    case ColumnKind::kDecimal:
      return ReadNumber(field, p);
    case ColumnKind::kTimestamp:
      return *p == '"' ? ReadText(field, p) : ReadNumber(field, p);
    case ColumnKind::kDate:
    case ColumnKind::kTimestampNtz:
    case ColumnKind::kBinary:
      return *p == '"' ? ReadText(field, p) : ReadOther(field, p);
    case ColumnKind::kStruct:
      if (*p != '{') return ReadOther(field, p);
      return Open(p) && ReadStruct(field);
    case ColumnKind::kList:
      if (*p != '[') return ReadOther(field, p);
      return Open(p) && ReadList(field);
    case ColumnKind::kMap:
      if (*p != '{') return ReadOther(field, p);
      return Open(p) && ReadMap(field, nullptr);
  }
  return false;
}

/// Behind the '{'. Fields come in any order; the last of several wins; unknown ones are only
/// checked.
bool JsonReader::ReadStruct(JsonField& field) {
  const char* begin = data_ + next_[-1];
  const std::int32_t row = field.column->length();
  const std::uint32_t* const members = next_;
  std::size_t given = 0;
  std::uint32_t unknown = 0;
  std::uint32_t slot = JsonKeys::kNone;
  if (data_[*next_] == '}') {
    ++next_;
  } else {
    // The cursor stays in a register between calls.
    const std::uint32_t* next = next_;
    for (;;) {
      const char* key = data_ + *next++;
      if (*key != '"') return Syntax(key, "expected a key in double quotes");
      std::uint32_t found = field.keys.MatchExpected(slot, key + 1, end_);
      std::string_view name;
      if (__builtin_expect(found == JsonKeys::kNone, 0)) {
        next_ = next;
        if (!TextOf(key, &name)) return false;
        found = field.keys.Find(slot, name);
      }
      const char* p = data_ + *next++;
      if (*p != ':') return Syntax(p, "expected ':' after a key");
      next_ = next;
      if (__builtin_expect(found == JsonKeys::kNone, 0)) {
        if (!(detection_ == nullptr ? Skip() : RescueMember(field, name, unknown++))) return false;
      } else {
        slot = found;
        JsonField& child = field.children[found];
        if (__builtin_expect(child.column->length() == row, 1)) {
          ++given;
        } else {
          if (detection_ != nullptr && !RescueRepeated(field, child, members)) return false;
          child.column->Truncate(row);
        }
        if (!ReadValue(child)) return false;
      }
      next = next_;
      p = data_ + *next++;
      if (*p == ',') continue;
      next_ = next;
      if (*p == '}') break;
      return Syntax(p, "expected ',' or '}' in an object");
    }
  }
  if (given != field.children.size() && !FillMissing(field, row, begin)) return false;
  field.column->CloseStruct();
  return Close();
}

bool JsonReader::FillMissing(JsonField& field, std::int32_t row, const char* at) {
  for (JsonField& child : field.children) {
    if (child.column->length() != row) continue;
    if (!child.nullable) {
      if (!Misfit(child, at, "convert.null", "there is no value, but the column is NOT NULL")) {
        return false;
      }
    } else if (!child.column->AppendNull()) {
      return OutOfMemory();
    }
    ++missing_;
  }
  if (missing_ <= kMaxMissing) return true;
  return Refuse(at, "limit.missing",
                "more than " + std::to_string(kMaxMissing) +
                    " fields are missing in the records of this message");
}

/// Behind the '['.
bool JsonReader::ReadList(JsonField& field) {
  JsonField& element = field.children[0];
  const char* begin = data_ + next_[-1];
  if (data_[*next_] == ']') {
    ++next_;
  } else {
    for (std::size_t items = 1;; ++items) {
      if (items > options_.limits.items) {
        return Refuse(begin, "limit.items",
                      "an array has more than " + std::to_string(options_.limits.items) + " items");
      }
      if (!ReadValue(element)) return false;
      const char* p = data_ + *next_++;
      if (*p == ',') continue;
      if (*p == ']') break;
      return Syntax(p, "expected ',' or ']' in an array");
    }
  }
  if (!field.column->CloseList()) return OutOfMemory();
  return Close();
}

/// Behind the '{'. Where a key comes twice, which is rare and found at the end, the map is taken
/// back and read again without the entries that a later one replaces.
bool JsonReader::ReadMap(JsonField& field, const std::vector<bool>* repeated) {
  const std::uint32_t* begin = next_;
  const std::size_t rescued = detection_ == nullptr ? 0 : MarkRescued();
  JsonField& key = field.children[0];
  JsonField& value = field.children[1];
  const std::int32_t from = key.column->length();
  if (data_[*next_] == '}') {
    ++next_;
  } else {
    for (std::size_t items = 0;; ++items) {
      const char* p = data_ + *next_++;
      if (*p != '"') return Syntax(p, "expected a key in double quotes");
      if (items == options_.limits.items) {
        return Refuse(data_ + begin[-1], "limit.items",
                      "a map has more than " + std::to_string(options_.limits.items) + " items");
      }
      const bool skip = repeated != nullptr && (*repeated)[items];
      const char* const open = p;
      if (skip ? !CheckString(p) : !ReadString(key.column, p)) return false;
      p = data_ + *next_++;
      if (*p != ':') return Syntax(p, "expected ':' after a key");
      if (!skip ? !ReadValue(value) : detection_ == nullptr ? !Skip() : !RescueEntry(field, open)) {
        return false;
      }
      p = data_ + *next_++;
      if (*p == ',') continue;
      if (*p == '}') break;
      return Syntax(p, "expected ',' or '}' in an object");
    }
  }
  if (repeated == nullptr && key.column->length() - from > 1) {
    const std::vector<bool> found = FindRepeatedKeys(*key.column, from, &order_);
    if (!found.empty()) {
      // Maps in maps are read again each time the outer one is.
      reread_ += static_cast<std::int64_t>(next_[-1] - begin[0]);
      if (reread_ > kMaxReread + 16 * (end_ - data_)) {
        return Refuse(data_ + begin[-1], "limit.repeated",
                      "too many repeated keys in maps within maps");
      }
      key.column->Truncate(from);
      value.column->Truncate(from);
      if (detection_ != nullptr) CutRescued(rescued);
      next_ = begin;
      return ReadMap(field, &found);
    }
  }
  if (!field.column->CloseList()) return OutOfMemory();
  return Close();
}

bool JsonReader::ReadString(ColumnBuilder* column, const char* open) {
  std::string_view raw = RawContent(open);
  if (raw.size() > options_.limits.string_bytes) return CheckString(open);
  char* out = column->ReserveBytes(raw.size() + kCopySlack);
  if (out == nullptr) return OutOfMemory();
  std::size_t size = raw.size();
  if (has_escapes_ && std::memchr(raw.data(), '\\', raw.size()) != nullptr) {
    const char* where = nullptr;
    size = UnescapeJson(raw.data(), raw.data() + raw.size(), out, &where);
    if (size == kBadEscape) return Syntax(where, "this escape is not valid");
  } else {
    CopyBytes(out, raw.data(), raw.size(), end_);
  }
  return column->CommitBytes(size) || OutOfMemory();
}

bool JsonReader::ReadBool(JsonField& field, const char* p) {
  bool value = *p == 't';
  if (!value && *p != 'f') return ReadOther(field, p);
  if (!(value ? CheckLiteral(p, "true") : CheckLiteral(p, "false"))) return false;
  return field.column->AppendFixed(static_cast<std::uint8_t>(value)) || OutOfMemory();
}

/// The numeric types' general reader: numbers, and the strings that stand for one.
bool JsonReader::ReadNumber(JsonField& field, const char* p) {
  const bool fraction = field.kind == ColumnKind::kFloat || field.kind == ColumnKind::kDouble ||
                        field.kind == ColumnKind::kDecimal;
  if (*p == '"' && fraction) return ReadText(field, p);
  if (!BeginsNumber(*p)) return ReadOther(field, p);
  JsonNumber number;
  if (!ScanJsonNumber(p, &number)) return Syntax(number.end, "this number is not valid");
  Conversion result = Conversion::kOk;
  switch (field.kind) {
    case ColumnKind::kInt8:
      return AppendInteger<std::int8_t>(field, number);
    case ColumnKind::kInt16:
      return AppendInteger<std::int16_t>(field, number);
    case ColumnKind::kFloat: {
      float value;
      result = ParseFloat(number.text(), &value);
      if (detection_ != nullptr && result == Conversion::kOk && !HoldsFloat(number, value)) {
        result = Conversion::kOverflow;
      }
      if (result == Conversion::kOk) return field.column->AppendFixed(value) || OutOfMemory();
      break;
    }
    case ColumnKind::kDouble: {
      double value;
      result = ParseDouble(number.text(), &value);
      if (detection_ != nullptr && number.integral && !HoldsInteger(number, value)) {
        result = Conversion::kOverflow;
      }
      if (result == Conversion::kOk) return field.column->AppendFixed(value) || OutOfMemory();
      break;
    }
    case ColumnKind::kDecimal: {
      Decimal128Value value;
      result = ParseDecimal(number.text(), field.precision, field.scale, &value);
      if (result == Conversion::kOk) return field.column->AppendFixed(value) || OutOfMemory();
      break;
    }
    default: {  // kTimestamp: an integer counts from 1970
      std::int64_t value;
      if (!number.integral) {
        return Misfit(field, p, "convert.type",
                      "expected timestamp, found a number with a fraction or an exponent");
      }
      if (ToInt64(number, &value) &&
          EpochToMicros(value, options_.timestamp_unit, &value) == Conversion::kOk) {
        return field.column->AppendFixed(value) || OutOfMemory();
      }
      return Misfit(field, p, "convert.overflow",
                    "the number is no time of the years 1 to 9999; see the option timestampUnit");
    }
  }
  return Misfit(field, p, "convert.overflow",
                "the number does not fit into " + FormatDdlType(*field.column->type()));
}

/// Types whose values JSON writes as strings.
bool JsonReader::ReadText(JsonField& field, const char* open) {
  std::string_view text;
  if (!TextOf(open, &text)) return false;
  ColumnBuilder* column = field.column;
  Conversion result = Conversion::kFormat;
  switch (field.kind) {
    case ColumnKind::kTimestamp:
    case ColumnKind::kTimestampNtz: {
      std::int64_t value;
      result = ParseTimestamp(
          text,
          field.kind == ColumnKind::kTimestamp ? ZonePolicy::kOptional : ZonePolicy::kForbidden,
          &value);
      if (result == Conversion::kOk) return column->AppendFixed(value) || OutOfMemory();
      break;
    }
    case ColumnKind::kDate: {
      std::int32_t value;
      result = ParseDate(text, &value);
      if (result == Conversion::kOk) return column->AppendFixed(value) || OutOfMemory();
      break;
    }
    case ColumnKind::kDecimal: {
      Decimal128Value value;
      result = ParseDecimal(text, field.precision, field.scale, &value);
      if (result == Conversion::kOk) return column->AppendFixed(value) || OutOfMemory();
      break;
    }
    case ColumnKind::kFloat:
    case ColumnKind::kDouble: {
      double value;
      result = ParseSpecialDouble(text, &value);
      if (result != Conversion::kOk) return MisfitType(field, open);
      return (field.kind == ColumnKind::kFloat ? column->AppendFixed(static_cast<float>(value))
                                               : column->AppendFixed(value)) ||
             OutOfMemory();
    }
    case ColumnKind::kBinary: {
      char* out = column->ReserveBytes(Base64Bound(text.size()));
      if (out == nullptr) return OutOfMemory();
      std::size_t written = 0;
      result = DecodeBase64(text, out, &written);
      if (result == Conversion::kOk) return column->CommitBytes(written) || OutOfMemory();
      break;
    }
    default:
      break;
  }
  const std::string type = FormatDdlType(*column->type());
  if (result == Conversion::kOverflow) {
    return Misfit(field, open, "convert.overflow", "the text's value does not fit into " + type);
  }
  return Misfit(field, open, "convert.format",
                field.kind == ColumnKind::kBinary
                    ? "the string is not base64 (RFC 4648, padded), which binary wants"
                    : "the string does not have the form of a " + type);
}

}  // namespace sluice
