#include "decode/text_column.h"

#include <arrow/type.h>

#include <limits>

#include "record/schema.h"

namespace sluice {
namespace {

bool IsNested(ColumnKind kind) {
  return kind == ColumnKind::kList || kind == ColumnKind::kMap || kind == ColumnKind::kStruct;
}

}  // namespace

Result<TextColumn> TextColumn::Make(ColumnBuilder* builder, std::optional<EpochUnit> epoch) {
  if (IsNested(builder->kind())) {
    return UserError("decode.nested_type",
                     "column '" + builder->path() + "' has the type " +
                         FormatDdlType(*builder->type()) +
                         ", but a value of this format is one text: declare string for the text "
                         "itself and take it apart in SQL, or a column for each part");
  }
  TextColumn column;
  column.builder_ = builder;
  column.epoch_ = epoch;
  column.holds_text_ =
      builder->kind() == ColumnKind::kString || builder->kind() == ColumnKind::kBinary;
  if (builder->kind() == ColumnKind::kDecimal) {
    const auto& type = static_cast<const arrow::Decimal128Type&>(*builder->type());
    column.precision_ = type.precision();
    column.scale_ = type.scale();
  }
  return column;
}

template <typename T>
inline TextFit TextColumn::Take(Conversion result, T value) {
  if (result == Conversion::kFormat) return TextFit::kFormat;
  if (result == Conversion::kOverflow) return TextFit::kOverflow;
  return builder_->AppendFixed(value) ? TextFit::kOk : TextFit::kNoMemory;
}

template <typename T>
inline TextFit TextColumn::AppendInteger(std::string_view text) {
  std::int64_t value = 0;
  Conversion result = ParseInteger(text, &value);
  if (result == Conversion::kOk &&
      (value < std::numeric_limits<T>::min() || value > std::numeric_limits<T>::max())) {
    result = Conversion::kOverflow;
  }
  return Take(result, static_cast<T>(value));
}

inline TextFit TextColumn::AppendReal(std::string_view text) {
  double value = 0;
  if (builder_->kind() == ColumnKind::kFloat) {
    float single = 0;
    Conversion result = ParseFloat(text, &single);
    if (result == Conversion::kFormat) {
      result = ParseSpecialDouble(text, &value);
      single = static_cast<float>(value);
    }
    return Take(result, single);
  }
  Conversion result = ParseDouble(text, &value);
  if (result == Conversion::kFormat) result = ParseSpecialDouble(text, &value);
  return Take(result, value);
}

inline TextFit TextColumn::AppendTimestamp(std::string_view text) {
  const auto zone =
      builder_->kind() == ColumnKind::kTimestamp ? ZonePolicy::kOptional : ZonePolicy::kForbidden;
  std::int64_t value = 0;
  Conversion result = ParseTimestamp(text, zone, &value);
  if (result == Conversion::kFormat && epoch_.has_value() && zone == ZonePolicy::kOptional) {
    result = ParseInteger(text, &value);
    if (result == Conversion::kOk) result = EpochToMicros(value, *epoch_, &value);
  }
  return Take(result, value);
}

inline TextFit TextColumn::AppendTrimmed(std::string_view text) {
  switch (builder_->kind()) {
    case ColumnKind::kBool: {
      bool value = false;
      const Conversion result = ParseBoolean(text, &value);
      return Take(result, static_cast<std::uint8_t>(value));
    }
    case ColumnKind::kInt8:
      return AppendInteger<std::int8_t>(text);
    case ColumnKind::kInt16:
      return AppendInteger<std::int16_t>(text);
    case ColumnKind::kInt32:
      return AppendInteger<std::int32_t>(text);
    case ColumnKind::kInt64:
      return AppendInteger<std::int64_t>(text);
    case ColumnKind::kFloat:
    case ColumnKind::kDouble:
      return AppendReal(text);
    case ColumnKind::kDecimal: {
      Decimal128Value value = 0;
      const Conversion result = ParseDecimal(text, precision_, scale_, &value);
      return Take(result, value);
    }
    case ColumnKind::kDate: {
      std::int32_t value = 0;
      const Conversion result = ParseDate(text, &value);
      return Take(result, value);
    }
    case ColumnKind::kTimestamp:
    case ColumnKind::kTimestampNtz:
      return AppendTimestamp(text);
    case ColumnKind::kBinary: {
      char* out = builder_->ReserveBytes(Base64Bound(text.size()));
      if (out == nullptr) return TextFit::kNoMemory;
      std::size_t written = 0;
      if (DecodeBase64(text, out, &written) != Conversion::kOk) return TextFit::kFormat;
      return builder_->CommitBytes(written) ? TextFit::kOk : TextFit::kNoMemory;
    }
    default:
      return TextFit::kFormat;
  }
}

TextFit TextColumn::AppendValue(std::string_view text) {
  const TextFit fit = AppendTrimmed(text);
  if (__builtin_expect(fit != TextFit::kFormat, 1)) return fit;
  const std::string_view trimmed = TrimBlanks(text);
  if (trimmed.size() == text.size()) return fit;
  // Nothing but blanks is no value.
  if (trimmed.empty() && !holds_text_) return AppendNull();
  return AppendValue(trimmed);
}

const char* TextColumn::CodeOf(TextFit fit) {
  if (fit == TextFit::kOverflow) return "convert.overflow";
  return fit == TextFit::kNull ? "convert.null" : "convert.format";
}

std::string TextColumn::ReasonFor(TextFit fit, std::string_view text) const {
  const std::string type = FormatDdlType(*builder_->type());
  if (fit == TextFit::kNull) return "there is no value, but the column is NOT NULL";
  if (fit == TextFit::kOverflow) return "the text's value does not fit into " + type;
  std::int64_t number = 0;
  switch (builder_->kind()) {
    case ColumnKind::kBinary:
      return "the text is not base64 (RFC 4648, padded), which binary wants";
    case ColumnKind::kBool:
      return "expected true or false";
    case ColumnKind::kTimestamp:
      if (ParseInteger(TrimBlanks(text), &number) != Conversion::kFormat) {
        return "a number, not the text of a time; if it counts from 1970, say in timestampUnit "
               "what";
      }
      break;
    default:
      break;
  }
  return "the text is not a valid " + type;
}

}  // namespace sluice
