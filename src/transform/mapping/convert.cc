#include "transform/mapping/convert.h"

#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_decimal.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/builder.h>
#include <arrow/type.h>
#include <arrow/util/decimal.h>
#include <arrow/util/utf8.h>

#include <cmath>
#include <limits>
#include <optional>
#include <string_view>

#include "record/arrow_error.h"
#include "transform/mapping/text_value.h"

namespace sluice {
namespace {

using arrow::Decimal128;

enum class Kind { kBool, kInt, kReal, kDecimal, kText, kBinary, kDate, kTimestamp, kOther };

Kind KindOf(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::BOOL:
      return Kind::kBool;
    case arrow::Type::INT8:
    case arrow::Type::INT16:
    case arrow::Type::INT32:
    case arrow::Type::INT64:
      return Kind::kInt;
    case arrow::Type::FLOAT:
    case arrow::Type::DOUBLE:
      return Kind::kReal;
    case arrow::Type::DECIMAL128:
      return Kind::kDecimal;
    case arrow::Type::STRING:
      return Kind::kText;
    case arrow::Type::BINARY:
      return Kind::kBinary;
    case arrow::Type::DATE32:
      return Kind::kDate;
    case arrow::Type::TIMESTAMP:
      return Kind::kTimestamp;
    default:
      return Kind::kOther;
  }
}

constexpr std::int64_t kMicros = 1'000'000;
constexpr std::int64_t kDayMicros = 86'400 * kMicros;

std::int64_t FloorDivide(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

/// A value on its way; which member counts is told by the kind.
struct Value {
  std::int64_t integer = 0;  ///< kBool, kInt, kDate (days), kTimestamp (microseconds)
  double real = 0;
  Decimal128 decimal;
  std::string_view text;
};

/// Reads values of one array.
class Reader {
 public:
  explicit Reader(const arrow::Array& array) : array_(array) {}

  Value At(std::int64_t row) const {
    Value value;
    switch (array_.type_id()) {
      case arrow::Type::BOOL:
        value.integer = Cast<arrow::BooleanArray>().Value(row);
        break;
      case arrow::Type::INT8:
        value.integer = Cast<arrow::Int8Array>().Value(row);
        break;
      case arrow::Type::INT16:
        value.integer = Cast<arrow::Int16Array>().Value(row);
        break;
      case arrow::Type::INT32:
        value.integer = Cast<arrow::Int32Array>().Value(row);
        break;
      case arrow::Type::INT64:
        value.integer = Cast<arrow::Int64Array>().Value(row);
        break;
      case arrow::Type::DATE32:
        value.integer = Cast<arrow::Date32Array>().Value(row);
        break;
      case arrow::Type::TIMESTAMP:
        value.integer = Cast<arrow::TimestampArray>().Value(row);
        break;
      case arrow::Type::FLOAT:
        value.real = Cast<arrow::FloatArray>().Value(row);
        break;
      case arrow::Type::DOUBLE:
        value.real = Cast<arrow::DoubleArray>().Value(row);
        break;
      case arrow::Type::DECIMAL128:
        value.decimal = Decimal128(Cast<arrow::Decimal128Array>().GetValue(row));
        break;
      default:
        value.text = Cast<arrow::BinaryArray>().GetView(row);
        break;
    }
    return value;
  }

 private:
  template <typename T>
  const T& Cast() const {
    return static_cast<const T&>(array_);
  }
  const arrow::Array& array_;
};

class Converter {
 public:
  Converter(const arrow::DataType& from, const arrow::DataType& to)
      : from_(KindOf(from)), from_type_(from), to_type_(to) {
    if (from_ == Kind::kDecimal) {
      scale_ = static_cast<const arrow::Decimal128Type&>(from).scale();
    }
  }

  std::optional<std::int64_t> Integer(const Value& v) const {
    switch (from_) {
      case Kind::kBool:
      case Kind::kInt:
        return v.integer;
      case Kind::kTimestamp:
        return FloorDivide(v.integer, kMicros);
      case Kind::kReal: {
        const double cut = std::trunc(v.real);
        if (!(cut >= -0x1p63 && cut < 0x1p63)) return std::nullopt;
        return static_cast<std::int64_t>(cut);
      }
      case Kind::kDecimal: {
        const Decimal128 whole =
            scale_ > 0 ? Decimal128(v.decimal.ReduceScaleBy(scale_, false)) : v.decimal;
        std::int64_t out = 0;
        if (!whole.ToInteger(&out).ok()) return std::nullopt;
        return out;
      }
      case Kind::kText:
        return ParseInteger(v.text);
      default:
        return std::nullopt;
    }
  }

  std::optional<double> Real(const Value& v) const {
    switch (from_) {
      case Kind::kBool:
      case Kind::kInt:
        return static_cast<double>(v.integer);
      case Kind::kTimestamp:
        return static_cast<double>(v.integer) / static_cast<double>(kMicros);
      case Kind::kReal:
        return v.real;
      case Kind::kDecimal:
        return v.decimal.ToDouble(scale_);
      case Kind::kText:
        return ParseReal(v.text);
      default:
        return std::nullopt;
    }
  }

  std::optional<bool> Boolean(const Value& v) const {
    switch (from_) {
      case Kind::kBool:
      case Kind::kInt:
        return v.integer != 0;
      case Kind::kReal:
        return v.real != 0;
      case Kind::kDecimal:
        return v.decimal != Decimal128(0);
      case Kind::kText:
        return ParseBoolean(v.text);
      default:
        return std::nullopt;
    }
  }

  std::optional<Decimal128> Decimal(const Value& v) const {
    const auto& type = static_cast<const arrow::Decimal128Type&>(to_type_);
    Decimal128 value;
    std::int32_t scale = 0;
    switch (from_) {
      case Kind::kBool:
      case Kind::kInt:
        value = Decimal128(v.integer);
        break;
      case Kind::kDecimal:
        value = v.decimal;
        scale = scale_;
        break;
      case Kind::kReal: {
        // By way of the digits, as Java does: 2.25 is half way, whatever its bits say.
        std::string digits;
        AppendReal(v.real, from_type_.id() == arrow::Type::FLOAT, &digits);
        std::int32_t precision = 0;
        if (!Decimal128::FromString(digits, &value, &precision, &scale).ok()) return std::nullopt;
        break;
      }
      case Kind::kText: {
        std::int32_t precision = 0;
        if (!Decimal128::FromString(TrimText(v.text), &value, &precision, &scale).ok())
          return std::nullopt;
        break;
      }
      default:
        return std::nullopt;
    }
    if (scale > type.scale()) {
      value = Decimal128(value.ReduceScaleBy(scale - type.scale(), /*round=*/true));
    } else if (scale < type.scale()) {
      auto scaled = value.Rescale(scale, type.scale());
      if (!scaled.ok()) return std::nullopt;
      value = *scaled;
    }
    if (!value.FitsInPrecision(type.precision())) return std::nullopt;
    return value;
  }

  std::optional<std::int64_t> Timestamp(const Value& v) const {
    std::int64_t out = 0;
    switch (from_) {
      case Kind::kTimestamp:
        return v.integer;
      case Kind::kDate:
        if (__builtin_mul_overflow(v.integer, kDayMicros, &out)) return std::nullopt;
        return out;
      case Kind::kInt:
        if (__builtin_mul_overflow(v.integer, kMicros, &out)) return std::nullopt;
        return out;
      case Kind::kReal: {
        const double micros = std::trunc(v.real * static_cast<double>(kMicros));
        if (!(micros >= -0x1p63 && micros < 0x1p63)) return std::nullopt;
        return static_cast<std::int64_t>(micros);
      }
      case Kind::kText:
        return ParseTimestampText(v.text);
      default:
        return std::nullopt;
    }
  }

  std::optional<std::int64_t> Date(const Value& v) const {
    if (from_ == Kind::kTimestamp) return FloorDivide(v.integer, kDayMicros);
    if (from_ != Kind::kText) return std::nullopt;
    const auto micros = ParseTimestampText(v.text);
    if (!micros) return std::nullopt;
    return FloorDivide(*micros, kDayMicros);
  }

  /// Writes into `out`, which keeps its memory from row to row.
  bool Text(const Value& v, std::string* out) const {
    out->clear();
    switch (from_) {
      case Kind::kBool:
        *out = v.integer != 0 ? "true" : "false";
        return true;
      case Kind::kInt:
        AppendInteger(v.integer, out);
        return true;
      case Kind::kReal:
        AppendReal(v.real, from_type_.id() == arrow::Type::FLOAT, out);
        return true;
      case Kind::kDecimal:
        *out = v.decimal.ToString(scale_);
        return true;
      case Kind::kDate:
        AppendDate(v.integer, out);
        return true;
      case Kind::kTimestamp:
        AppendTimestamp(v.integer, out);
        return true;
      case Kind::kText:
        *out = v.text;
        return true;
      case Kind::kBinary:
        if (!arrow::util::ValidateUTF8(v.text)) return false;
        *out = v.text;
        return true;
      default:
        return false;
    }
  }

 private:
  Kind from_;
  const arrow::DataType& from_type_;
  const arrow::DataType& to_type_;
  std::int32_t scale_ = 0;
};

/// Goes over the rows: `append` gives false for a value that cannot be cast.
template <typename Builder, typename Append>
Result<std::shared_ptr<arrow::Array>> Run(const arrow::Array& array,
                                          const std::shared_ptr<arrow::DataType>& to,
                                          std::vector<std::int64_t>* failed, Append append) {
  Builder builder(to, arrow::default_memory_pool());
  TRY(builder.Reserve(array.length()));
  const Reader reader(array);
  for (std::int64_t row = 0; row < array.length(); ++row) {
    if (array.IsNull(row)) {
      TRY(builder.AppendNull());
      continue;
    }
    TRY(const bool good, append(reader.At(row), &builder));
    if (good) continue;
    failed->push_back(row);
    TRY(builder.AppendNull());
  }
  TRY(auto result, builder.Finish());
  return result;
}

template <typename Builder, typename T>
Result<bool> AppendNarrow(const std::optional<std::int64_t>& value, Builder* builder) {
  if (!value || *value < std::numeric_limits<T>::min() || *value > std::numeric_limits<T>::max()) {
    return false;
  }
  TRY(builder->Append(static_cast<T>(*value)));
  return true;
}

template <typename Builder, typename T>
Result<bool> AppendOptional(const std::optional<T>& value, Builder* builder) {
  if (!value) return false;
  TRY(builder->Append(*value));
  return true;
}

}  // namespace

bool CanConvert(const arrow::DataType& from, const arrow::DataType& to) {
  const Kind a = KindOf(from);
  const Kind b = KindOf(to);
  if (a == Kind::kOther || b == Kind::kOther) return false;
  if (a == b || b == Kind::kText || (a == Kind::kText && b != Kind::kOther)) return true;
  const auto number = [](Kind k) {
    return k == Kind::kInt || k == Kind::kReal || k == Kind::kDecimal;
  };
  if (number(a) && (number(b) || b == Kind::kBool)) return true;
  if (a == Kind::kBool && number(b)) return true;
  const auto plain = [](Kind k) { return k == Kind::kInt || k == Kind::kReal; };
  if (a == Kind::kTimestamp) return plain(b) || b == Kind::kDate;
  return b == Kind::kTimestamp && (plain(a) || a == Kind::kDate);
}

Result<std::shared_ptr<arrow::Array>> Convert(const arrow::Array& array,
                                              const std::shared_ptr<arrow::DataType>& to,
                                              std::vector<std::int64_t>* failed) {
  const Converter c(*array.type(), *to);
  std::string text;
  switch (to->id()) {
    case arrow::Type::BOOL:
      return Run<arrow::BooleanBuilder>(array, to, failed, [&](const Value& v, auto* b) {
        return AppendOptional(c.Boolean(v), b);
      });
    case arrow::Type::INT8:
      return Run<arrow::Int8Builder>(array, to, failed, [&](const Value& v, auto* b) {
        return AppendNarrow<arrow::Int8Builder, std::int8_t>(c.Integer(v), b);
      });
    case arrow::Type::INT16:
      return Run<arrow::Int16Builder>(array, to, failed, [&](const Value& v, auto* b) {
        return AppendNarrow<arrow::Int16Builder, std::int16_t>(c.Integer(v), b);
      });
    case arrow::Type::INT32:
      return Run<arrow::Int32Builder>(array, to, failed, [&](const Value& v, auto* b) {
        return AppendNarrow<arrow::Int32Builder, std::int32_t>(c.Integer(v), b);
      });
    case arrow::Type::INT64:
      return Run<arrow::Int64Builder>(array, to, failed, [&](const Value& v, auto* b) {
        return AppendOptional(c.Integer(v), b);
      });
    case arrow::Type::FLOAT:
      return Run<arrow::FloatBuilder>(array, to, failed,
                                      [&](const Value& v, auto* b) -> Result<bool> {
                                        const auto real = c.Real(v);
                                        if (!real) return false;
                                        TRY(b->Append(static_cast<float>(*real)));
                                        return true;
                                      });
    case arrow::Type::DOUBLE:
      return Run<arrow::DoubleBuilder>(
          array, to, failed, [&](const Value& v, auto* b) { return AppendOptional(c.Real(v), b); });
    case arrow::Type::DECIMAL128:
      return Run<arrow::Decimal128Builder>(array, to, failed, [&](const Value& v, auto* b) {
        return AppendOptional(c.Decimal(v), b);
      });
    case arrow::Type::DATE32:
      return Run<arrow::Date32Builder>(array, to, failed, [&](const Value& v, auto* b) {
        return AppendNarrow<arrow::Date32Builder, std::int32_t>(c.Date(v), b);
      });
    case arrow::Type::TIMESTAMP:
      return Run<arrow::TimestampBuilder>(array, to, failed, [&](const Value& v, auto* b) {
        return AppendOptional(c.Timestamp(v), b);
      });
    case arrow::Type::STRING:
      return Run<arrow::StringBuilder>(array, to, failed,
                                       [&](const Value& v, auto* b) -> Result<bool> {
                                         if (!c.Text(v, &text)) return false;
                                         TRY(b->Append(text));
                                         return true;
                                       });
    case arrow::Type::BINARY:
      return Run<arrow::BinaryBuilder>(array, to, failed,
                                       [&](const Value& v, auto* b) -> Result<bool> {
                                         TRY(b->Append(v.text));
                                         return true;
                                       });
    default:
      return BugError("no conversion to " + to->ToString());
  }
}

}  // namespace sluice
