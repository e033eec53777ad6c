#include "table/postgresql/postgresql_values.h"

#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_decimal.h>
#include <arrow/array/builder_nested.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/builder.h>
#include <arrow/type.h>
#include <arrow/util/decimal.h>

#include <bit>
#include <limits>
#include <type_traits>
#include <utility>

#include "decode/utf8_text.h"
#include "record/arrow_error.h"

namespace sluice {
namespace {

constexpr std::int64_t kBatchRows = 8192;
constexpr std::int64_t kBatchBytes = 4 << 20;
constexpr std::string_view kSignature{"PGCOPY\n\377\r\n\0", 11};
/// From 1970-01-01 to 2000-01-01.
constexpr std::int32_t kEpochDays = 10'957;
constexpr std::int64_t kEpochMicros = kEpochDays * std::int64_t{86'400'000'000};

Error Torn() {
  return RemoteError("table.unavailable", "what the server sends is no binary copy of the rows");
}

Error NoValue(const std::string& what) {
  return RemoteError("table.value",
                     what + "; declare the column as string in `schema`, or leave it out there",
                     Retry::kNo);
}

/// Takes a number in network order off `bytes`.
template <typename T>
bool TakeNumber(std::string_view* bytes, T* number) {
  if (bytes->size() < sizeof(T)) return false;
  std::make_unsigned_t<T> value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    value =
        static_cast<std::make_unsigned_t<T>>(value << 8 | static_cast<unsigned char>((*bytes)[i]));
  }
  *number = static_cast<T>(value);
  bytes->remove_prefix(sizeof(T));
  return true;
}

template <typename T>
bool TakeAll(std::string_view bytes, T* number) {
  return TakeNumber(&bytes, number) && bytes.empty();
}

/// A length and as many bytes; none of null.
bool TakeField(std::string_view* bytes, bool* null, std::string_view* field) {
  std::int32_t size = 0;
  if (!TakeNumber(bytes, &size) || size < -1) return false;
  *null = size == -1;
  if (*null) return true;
  if (static_cast<std::size_t>(size) > bytes->size()) return false;
  *field = bytes->substr(0, static_cast<std::size_t>(size));
  bytes->remove_prefix(static_cast<std::size_t>(size));
  return true;
}

}  // namespace

/// Appends values of one column, or of the elements of one.
class PostgresqlValue {
 public:
  virtual ~PostgresqlValue() = default;
  virtual Result<void> Append(std::string_view bytes) = 0;
  virtual arrow::ArrayBuilder* builder() = 0;
};

namespace {

/// Numbers that are sent as they are.
template <typename Builder, typename Wire, typename Value>
class NumberValue : public PostgresqlValue {
 public:
  Result<void> Append(std::string_view bytes) override {
    Wire wire = 0;
    if (!TakeAll(bytes, &wire)) return Torn();
    if constexpr (std::is_same_v<Value, bool>) {
      TRY(builder_.Append(wire != 0));
    } else {
      TRY(builder_.Append(std::bit_cast<Value>(wire)));
    }
    return {};
  }
  arrow::ArrayBuilder* builder() override { return &builder_; }

 private:
  Builder builder_;
};

class DateValue : public PostgresqlValue {
 public:
  Result<void> Append(std::string_view bytes) override {
    std::int32_t days = 0;
    if (!TakeAll(bytes, &days)) return Torn();
    if (days == std::numeric_limits<std::int32_t>::max() ||
        days == std::numeric_limits<std::int32_t>::min()) {
      return NoValue("a date is infinity, which no date is");
    }
    TRY(builder_.Append(days + kEpochDays));
    return {};
  }
  arrow::ArrayBuilder* builder() override { return &builder_; }

 private:
  arrow::Date32Builder builder_;
};

class TimestampValue : public PostgresqlValue {
 public:
  explicit TimestampValue(const std::shared_ptr<arrow::DataType>& type)
      : builder_(type, arrow::default_memory_pool()) {}
  Result<void> Append(std::string_view bytes) override {
    std::int64_t micros = 0;
    if (!TakeAll(bytes, &micros)) return Torn();
    if (micros == std::numeric_limits<std::int64_t>::min() ||
        micros > std::numeric_limits<std::int64_t>::max() - kEpochMicros) {
      return NoValue("a timestamp is infinity, or later than any timestamp is");
    }
    TRY(builder_.Append(micros + kEpochMicros));
    return {};
  }
  arrow::ArrayBuilder* builder() override { return &builder_; }

 private:
  arrow::TimestampBuilder builder_;
};

class TextValue : public PostgresqlValue {
 public:
  Result<void> Append(std::string_view bytes) override {
    // A database in SQL_ASCII hands out what it was given.
    if (!IsUtf8(bytes)) return NoValue("a text is not UTF-8");
    TRY(builder_.Append(bytes));
    return {};
  }
  arrow::ArrayBuilder* builder() override { return &builder_; }

 private:
  arrow::StringBuilder builder_;
};

class BytesValue : public PostgresqlValue {
 public:
  Result<void> Append(std::string_view bytes) override {
    TRY(builder_.Append(bytes));
    return {};
  }
  arrow::ArrayBuilder* builder() override { return &builder_; }

 private:
  arrow::BinaryBuilder builder_;
};

class NumericValue : public PostgresqlValue {
 public:
  explicit NumericValue(const std::shared_ptr<arrow::DataType>& type)
      : type_(static_cast<const arrow::Decimal128Type&>(*type)), builder_(type) {}

  Result<void> Append(std::string_view bytes) override {
    std::int16_t digits = 0;
    std::int16_t weight = 0;
    std::uint16_t sign = 0;
    std::int16_t scale = 0;
    if (!TakeNumber(&bytes, &digits) || !TakeNumber(&bytes, &weight) ||
        !TakeNumber(&bytes, &sign) || !TakeNumber(&bytes, &scale) || digits < 0 ||
        bytes.size() != static_cast<std::size_t>(digits) * 2) {
      return Torn();
    }
    constexpr std::uint16_t kNegative = 0x4000;
    if (sign != 0 && sign != kNegative) return NoValue("a numeric is NaN or infinity");
    arrow::Decimal256 value(0);
    // The last digit counts 10000^(weight - digits + 1), and a column units of 10^-scale.
    const int exponent = 4 * (weight - digits + 1) + type_.scale();
    constexpr int kMostWire = 18;  // 72 decimal digits, of which a Decimal256 has room for 76.
    if (digits > kMostWire || 4 * digits + exponent > 76) return TooLong();
    for (std::int16_t i = 0; i < digits; ++i) {
      std::int16_t digit = 0;
      TakeNumber(&bytes, &digit);
      if (digit < 0 || digit > 9999) return Torn();
      value = value * arrow::Decimal256(10'000) + arrow::Decimal256(digit);
    }
    if (digits > 0 && exponent > 0) {
      value = value * arrow::Decimal256::GetScaleMultiplier(exponent);
    } else if (digits > 0 && exponent < 0) {
      if (exponent < -72) return TooLong();
      TRY(const auto parts, value.Divide(arrow::Decimal256::GetScaleMultiplier(-exponent)));
      if (parts.second != arrow::Decimal256(0)) return TooLong();
      value = parts.first;
    }
    if (!value.FitsInPrecision(type_.precision())) return TooLong();
    if (sign == kNegative) value.Negate();
    const auto& words = value.little_endian_array();
    TRY(builder_.Append(arrow::Decimal128(static_cast<std::int64_t>(words[1]), words[0])));
    return {};
  }
  arrow::ArrayBuilder* builder() override { return &builder_; }

 private:
  Error TooLong() const {
    return NoValue("a numeric has more digits than " + FormatDdlType(type_) + " holds");
  }

  const arrow::Decimal128Type& type_;
  arrow::Decimal128Builder builder_;
};

class ListValue : public PostgresqlValue {
 public:
  ListValue(std::unique_ptr<PostgresqlValue> element, const std::shared_ptr<arrow::DataType>& type)
      : element_(std::move(element)),
        // The elements' builder stays in `element_`, which knows its type.
        builder_(arrow::default_memory_pool(),
                 std::shared_ptr<arrow::ArrayBuilder>(element_->builder(), [](auto*) {}), type) {}

  Result<void> Append(std::string_view bytes) override {
    std::int32_t dimensions = 0;
    std::int32_t has_nulls = 0;
    std::uint32_t of = 0;
    std::int32_t size = 0;
    std::int32_t first = 0;
    if (!TakeNumber(&bytes, &dimensions) || !TakeNumber(&bytes, &has_nulls) ||
        !TakeNumber(&bytes, &of)) {
      return Torn();
    }
    if (dimensions > 1) return NoValue("an array has several dimensions");
    if (dimensions == 1 &&
        (!TakeNumber(&bytes, &size) || !TakeNumber(&bytes, &first) || size < 0)) {
      return Torn();
    }
    TRY(builder_.Append());
    for (std::int32_t i = 0; i < size; ++i) {
      bool null = false;
      std::string_view field;
      if (!TakeField(&bytes, &null, &field)) return Torn();
      if (null) {
        TRY(element_->builder()->AppendNull());
      } else {
        TRY(element_->Append(field));
      }
    }
    return {};
  }
  arrow::ArrayBuilder* builder() override { return &builder_; }

 private:
  std::unique_ptr<PostgresqlValue> element_;
  arrow::ListBuilder builder_;
};

std::unique_ptr<PostgresqlValue> MakeScalar(WireType wire,
                                            const std::shared_ptr<arrow::DataType>& type) {
  switch (wire) {
    case WireType::kBool:
      return std::make_unique<NumberValue<arrow::BooleanBuilder, std::int8_t, bool>>();
    case WireType::kInt2:
      return std::make_unique<NumberValue<arrow::Int16Builder, std::int16_t, std::int16_t>>();
    case WireType::kInt4:
      return std::make_unique<NumberValue<arrow::Int32Builder, std::int32_t, std::int32_t>>();
    case WireType::kInt8:
      return std::make_unique<NumberValue<arrow::Int64Builder, std::int64_t, std::int64_t>>();
    case WireType::kFloat4:
      return std::make_unique<NumberValue<arrow::FloatBuilder, std::int32_t, float>>();
    case WireType::kFloat8:
      return std::make_unique<NumberValue<arrow::DoubleBuilder, std::int64_t, double>>();
    case WireType::kNumeric:
      return std::make_unique<NumericValue>(type);
    case WireType::kText:
      return std::make_unique<TextValue>();
    case WireType::kBytes:
      return std::make_unique<BytesValue>();
    case WireType::kDate:
      return std::make_unique<DateValue>();
    case WireType::kTimestamp:
      break;
  }
  return std::make_unique<TimestampValue>(type);
}

}  // namespace

PostgresqlRows::PostgresqlRows(SchemaPtr schema) : schema_(std::move(schema)) {}

PostgresqlRows::~PostgresqlRows() = default;

Result<std::unique_ptr<PostgresqlRows>> PostgresqlRows::Make(
    const std::vector<PostgresqlColumn>& columns) {
  arrow::FieldVector fields;
  for (const PostgresqlColumn& column : columns) fields.push_back(column.field);
  std::unique_ptr<PostgresqlRows> rows(new PostgresqlRows(arrow::schema(std::move(fields))));
  for (const PostgresqlColumn& column : columns) {
    const auto& type = column.field->type();
    auto value = MakeScalar(column.wire, column.list ? type->field(0)->type() : type);
    if (column.list) value = std::make_unique<ListValue>(std::move(value), type);
    rows->values_.push_back(std::move(value));
  }
  return rows;
}

Result<void> PostgresqlRows::Add(std::string_view message) {
  bytes_ += static_cast<std::int64_t>(message.size());
  if (!begun_) {
    std::int32_t flags = 0;
    std::int32_t extension = 0;
    if (!message.starts_with(kSignature)) return Torn();
    message.remove_prefix(kSignature.size());
    if (!TakeNumber(&message, &flags) || !TakeNumber(&message, &extension) || extension < 0 ||
        static_cast<std::size_t>(extension) > message.size()) {
      return Torn();
    }
    message.remove_prefix(static_cast<std::size_t>(extension));
    begun_ = true;
  }
  while (!message.empty()) {
    std::int16_t fields = 0;
    if (ended_ || !TakeNumber(&message, &fields)) return Torn();
    if (fields == -1) {
      ended_ = true;
      continue;
    }
    if (static_cast<std::size_t>(fields) != values_.size()) return Torn();
    for (std::size_t i = 0; i < values_.size(); ++i) {
      bool null = false;
      std::string_view field;
      if (!TakeField(&message, &null, &field)) return Torn();
      if (null) {
        TRY(values_[i]->builder()->AppendNull());
        continue;
      }
      if (auto appended = values_[i]->Append(field); !appended.ok()) {
        return std::move(appended).error().At("column " +
                                              schema_->field(static_cast<int>(i))->name());
      }
    }
    ++rows_;
  }
  return {};
}

bool PostgresqlRows::full() const { return rows_ >= kBatchRows || bytes_ >= kBatchBytes; }

Result<std::shared_ptr<arrow::RecordBatch>> PostgresqlRows::Take() {
  arrow::ArrayVector columns;
  for (auto& value : values_) {
    TRY(auto column, value->builder()->Finish());
    columns.push_back(std::move(column));
  }
  bytes_ = 0;
  return arrow::RecordBatch::Make(schema_, std::exchange(rows_, 0), std::move(columns));
}

}  // namespace sluice
