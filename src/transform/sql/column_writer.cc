#include "transform/sql/column_writer.h"

#include <arrow/buffer_builder.h>
#include <arrow/type.h>

#include <cstring>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "record/arrow_error.h"

namespace sluice {
namespace {

Error RangeError(const std::string& what) { return RemoteError("sql.range", what, Retry::kNo); }

/// Validity and row count, common to all writers.
class WriterBase : public ColumnWriter {
 public:
  explicit WriterBase(std::shared_ptr<arrow::DataType> type) : type_(std::move(type)) {}

 protected:
  Result<void> AppendValidity(duckdb_vector vector, idx_t start, idx_t count) {
    const std::uint64_t* mask = duckdb_vector_get_validity(vector);
    const auto n = static_cast<std::int64_t>(count);
    if (mask == nullptr) {
      if (has_mask_) TRY(validity_.Append(n, true));
    } else {
      if (!has_mask_) TRY(validity_.Append(rows_, true));
      has_mask_ = true;
      TRY(validity_.Reserve(n));
      for (idx_t i = start; i < start + count; ++i) {
        validity_.UnsafeAppend((mask[i >> 6] >> (i & 63) & 1) != 0);
      }
    }
    rows_ += n;
    return {};
  }

  /// The finished array of `rows_` rows with `buffers` after the validity; clears the base.
  Result<std::shared_ptr<arrow::ArrayData>> FinishData(
      std::vector<std::shared_ptr<arrow::Buffer>> buffers) {
    std::shared_ptr<arrow::Buffer> validity;
    const std::int64_t nulls = has_mask_ ? validity_.false_count() : 0;
    if (nulls > 0) {
      TRY(validity, validity_.Finish());
    }
    buffers.insert(buffers.begin(), std::move(validity));
    auto data = arrow::ArrayData::Make(type_, rows_, std::move(buffers), nulls);
    ClearBase();
    return data;
  }

  void ClearBase() {
    validity_.Reset();
    has_mask_ = false;
    rows_ = 0;
  }

  static bool Valid(const std::uint64_t* mask, idx_t row) {
    return mask == nullptr || (mask[row >> 6] >> (row & 63) & 1) != 0;
  }

  std::int64_t rows_ = 0;
  std::shared_ptr<arrow::DataType> type_;

 private:
  arrow::TypedBufferBuilder<bool> validity_;
  bool has_mask_ = false;
};

/// Values whose bytes are the same on both sides.
class PlainWriter : public WriterBase {
 public:
  PlainWriter(std::shared_ptr<arrow::DataType> type, int width)
      : WriterBase(std::move(type)), width_(width) {}
  Result<void> Append(duckdb_vector vector, idx_t start, idx_t count) override {
    TRY(AppendValidity(vector, start, count));
    const auto* data = static_cast<const char*>(duckdb_vector_get_data(vector));
    TRY(values_.Append(data + start * static_cast<idx_t>(width_),
                       static_cast<std::int64_t>(count) * width_));
    return {};
  }
  Result<std::shared_ptr<arrow::Array>> Finish() override {
    TRY(std::shared_ptr<arrow::Buffer> values, values_.Finish());
    TRY(auto data, FinishData({std::move(values)}));
    return arrow::MakeArray(data);
  }
  void Clear() override {
    values_.Reset();
    ClearBase();
  }
  std::int64_t bytes() const override { return values_.length(); }

 private:
  int width_;
  arrow::BufferBuilder values_;
};

class BooleanWriter : public WriterBase {
 public:
  using WriterBase::WriterBase;
  Result<void> Append(duckdb_vector vector, idx_t start, idx_t count) override {
    TRY(AppendValidity(vector, start, count));
    const auto* data = static_cast<const std::uint8_t*>(duckdb_vector_get_data(vector));
    TRY(values_.Append(data + start, static_cast<std::int64_t>(count)));
    return {};
  }
  Result<std::shared_ptr<arrow::Array>> Finish() override {
    TRY(std::shared_ptr<arrow::Buffer> values, values_.Finish());
    TRY(auto data, FinishData({std::move(values)}));
    return arrow::MakeArray(data);
  }
  void Clear() override {
    values_.Reset();
    ClearBase();
  }
  std::int64_t bytes() const override { return rows_ / 8; }

 private:
  arrow::TypedBufferBuilder<bool> values_;
};

/// Dates and timestamps, of which DuckDB has infinite ones: no format has those, and their numbers
/// would be read as a day some hundred thousand years away.
template <typename T>
class InstantWriter : public PlainWriter {
 public:
  explicit InstantWriter(std::shared_ptr<arrow::DataType> type)
      : PlainWriter(std::move(type), sizeof(T)) {}
  Result<void> Append(duckdb_vector vector, idx_t start, idx_t count) override {
    constexpr T kInfinity = std::numeric_limits<T>::max();
    const std::uint64_t* mask = duckdb_vector_get_validity(vector);
    const auto* data = static_cast<const T*>(duckdb_vector_get_data(vector));
    for (idx_t i = start; i < start + count; ++i) {
      if ((data[i] == kInfinity || data[i] == -kInfinity) && Valid(mask, i)) {
        return RangeError(sizeof(T) == 4 ? "a date is infinite" : "a timestamp is infinite");
      }
    }
    return PlainWriter::Append(vector, start, count);
  }
};

/// Numbers that become wider: unsigned ones, seconds and milliseconds.
template <typename From, typename To, std::int64_t Factor = 1>
class WideningWriter : public WriterBase {
 public:
  using WriterBase::WriterBase;
  Result<void> Append(duckdb_vector vector, idx_t start, idx_t count) override {
    TRY(AppendValidity(vector, start, count));
    const std::uint64_t* mask = duckdb_vector_get_validity(vector);
    const auto* data = static_cast<const From*>(duckdb_vector_get_data(vector));
    TRY(values_.Reserve(static_cast<std::int64_t>(count)));
    for (idx_t i = start; i < start + count; ++i) {
      To value{};
      if (Valid(mask, i)) {
        if constexpr (Factor == 1) {
          value = static_cast<To>(data[i]);
        } else if (__builtin_mul_overflow(data[i], Factor, &value)) {
          return RangeError("a timestamp is beyond what microseconds can hold");
        }
      }
      values_.UnsafeAppend(value);
    }
    return {};
  }
  Result<std::shared_ptr<arrow::Array>> Finish() override {
    TRY(std::shared_ptr<arrow::Buffer> values, values_.Finish());
    TRY(auto data, FinishData({std::move(values)}));
    return arrow::MakeArray(data);
  }
  void Clear() override {
    values_.Reset();
    ClearBase();
  }
  std::int64_t bytes() const override {
    return values_.length() * static_cast<std::int64_t>(sizeof(To));
  }

 private:
  arrow::TypedBufferBuilder<To> values_;
};

/// Everything that becomes a 128-bit decimal. `Limited` values must stay below 10^38.
template <typename From, bool Limited>
class DecimalWriter : public WriterBase {
 public:
  using WriterBase::WriterBase;
  Result<void> Append(duckdb_vector vector, idx_t start, idx_t count) override {
    TRY(AppendValidity(vector, start, count));
    const std::uint64_t* mask = duckdb_vector_get_validity(vector);
    const auto* data = static_cast<const From*>(duckdb_vector_get_data(vector));
    TRY(values_.Reserve(static_cast<std::int64_t>(count)));
    for (idx_t i = start; i < start + count; ++i) {
      __extension__ __int128 value = 0;
      if (Valid(mask, i)) {
        std::memcpy(&value, &data[i], sizeof(From));
        if constexpr (!Limited && sizeof(From) < 16) value = data[i];
        if constexpr (Limited) {
          // An unsigned 128-bit value beyond 2^127 shows as negative here.
          constexpr bool kUnsigned = std::is_same_v<From, duckdb_uhugeint>;
          if (value >= Limit() || value <= -Limit() || (kUnsigned && value < 0)) {
            return RangeError("an integer has more than 38 digits, too many for decimal(38,0)");
          }
        }
      }
      values_.UnsafeAppend(value);
    }
    return {};
  }
  Result<std::shared_ptr<arrow::Array>> Finish() override {
    TRY(std::shared_ptr<arrow::Buffer> values, values_.Finish());
    TRY(auto data, FinishData({std::move(values)}));
    return arrow::MakeArray(data);
  }
  void Clear() override {
    values_.Reset();
    ClearBase();
  }
  std::int64_t bytes() const override { return values_.length() * 16; }

 private:
  __extension__ using Int128 = __int128;
  static constexpr Int128 Limit() {
    Int128 limit = 1;
    for (int i = 0; i < 38; ++i) limit *= 10;
    return limit;
  }
  arrow::TypedBufferBuilder<Int128> values_;
};

/// utf8 and binary; `Value` turns row i into bytes.
class BytesWriter : public WriterBase {
 public:
  using WriterBase::WriterBase;
  Result<std::shared_ptr<arrow::Array>> Finish() override {
    if (rows_ == 0) TRY(offsets_.Append(0));
    TRY(std::shared_ptr<arrow::Buffer> offsets, offsets_.Finish());
    TRY(std::shared_ptr<arrow::Buffer> values, values_.Finish());
    TRY(auto data, FinishData({std::move(offsets), std::move(values)}));
    return arrow::MakeArray(data);
  }
  void Clear() override {
    offsets_.Reset();
    values_.Reset();
    ClearBase();
  }
  std::int64_t bytes() const override { return values_.length() + 4 * offsets_.length(); }

 protected:
  Result<void> Begin(duckdb_vector vector, idx_t start, idx_t count) {
    if (rows_ == 0) TRY(offsets_.Append(0));
    TRY(AppendValidity(vector, start, count));
    TRY(offsets_.Reserve(static_cast<std::int64_t>(count)));
    return {};
  }
  Result<void> Add(const char* bytes, std::size_t size) {
    if (values_.length() + static_cast<std::int64_t>(size) >
        std::numeric_limits<std::int32_t>::max()) {
      return RangeError("a batch holds more than 2 GiB of text in one column");
    }
    TRY(values_.Append(bytes, static_cast<std::int64_t>(size)));
    offsets_.UnsafeAppend(static_cast<std::int32_t>(values_.length()));
    return {};
  }
  void AddNull() { offsets_.UnsafeAppend(static_cast<std::int32_t>(values_.length())); }

  arrow::TypedBufferBuilder<std::int32_t> offsets_;
  arrow::BufferBuilder values_;
};

class StringWriter : public BytesWriter {
 public:
  using BytesWriter::BytesWriter;
  Result<void> Append(duckdb_vector vector, idx_t start, idx_t count) override {
    TRY(Begin(vector, start, count));
    const std::uint64_t* mask = duckdb_vector_get_validity(vector);
    const auto* data = static_cast<const duckdb_string_t*>(duckdb_vector_get_data(vector));
    // One size check for the chunk; then the copies.
    std::int64_t size = 0;
    for (idx_t i = start; i < start + count; ++i) {
      if (Valid(mask, i)) size += data[i].value.inlined.length;
    }
    if (values_.length() + size > std::numeric_limits<std::int32_t>::max()) {
      return RangeError("a batch holds more than 2 GiB of text in one column");
    }
    TRY(values_.Reserve(size));
    for (idx_t i = start; i < start + count; ++i) {
      if (Valid(mask, i)) {
        const duckdb_string_t& value = data[i];
        const std::uint32_t length = value.value.inlined.length;
        const char* bytes = length <= sizeof(value.value.inlined.inlined)
                                ? value.value.inlined.inlined
                                : value.value.pointer.ptr;
        values_.UnsafeAppend(bytes, length);
      }
      offsets_.UnsafeAppend(static_cast<std::int32_t>(values_.length()));
    }
    return {};
  }
};

class UuidWriter : public BytesWriter {
 public:
  using BytesWriter::BytesWriter;
  Result<void> Append(duckdb_vector vector, idx_t start, idx_t count) override {
    TRY(Begin(vector, start, count));
    const std::uint64_t* mask = duckdb_vector_get_validity(vector);
    const auto* data = static_cast<const duckdb_hugeint*>(duckdb_vector_get_data(vector));
    for (idx_t i = start; i < start + count; ++i) {
      if (!Valid(mask, i)) {
        AddNull();
        continue;
      }
      // DuckDB flips the top bit, so that signed comparison orders UUIDs.
      const std::uint64_t words[2] = {static_cast<std::uint64_t>(data[i].upper) ^ (1ULL << 63),
                                      data[i].lower};
      char text[36];
      int at = 0;
      for (int digit = 0; digit < 32; ++digit) {
        if (digit == 8 || digit == 12 || digit == 16 || digit == 20) text[at++] = '-';
        text[at++] = "0123456789abcdef"[words[digit / 16] >> (60 - 4 * (digit % 16)) & 15];
      }
      TRY(Add(text, sizeof(text)));
    }
    return {};
  }
};

class EnumWriter : public BytesWriter {
 public:
  EnumWriter(std::shared_ptr<arrow::DataType> type, duckdb_logical_type enumeration)
      : BytesWriter(std::move(type)), width_(duckdb_enum_internal_type(enumeration)) {
    const std::uint32_t n = duckdb_enum_dictionary_size(enumeration);
    for (std::uint32_t i = 0; i < n; ++i) {
      char* name = duckdb_enum_dictionary_value(enumeration, i);
      names_.emplace_back(name);
      duckdb_free(name);
    }
  }
  Result<void> Append(duckdb_vector vector, idx_t start, idx_t count) override {
    TRY(Begin(vector, start, count));
    const std::uint64_t* mask = duckdb_vector_get_validity(vector);
    const void* data = duckdb_vector_get_data(vector);
    for (idx_t i = start; i < start + count; ++i) {
      if (!Valid(mask, i)) {
        AddNull();
        continue;
      }
      std::uint32_t code = 0;
      if (width_ == DUCKDB_TYPE_UTINYINT) code = static_cast<const std::uint8_t*>(data)[i];
      if (width_ == DUCKDB_TYPE_USMALLINT) code = static_cast<const std::uint16_t*>(data)[i];
      if (width_ == DUCKDB_TYPE_UINTEGER) code = static_cast<const std::uint32_t*>(data)[i];
      const std::string& name = names_.at(code);
      TRY(Add(name.data(), name.size()));
    }
    return {};
  }

 private:
  duckdb_type width_;
  std::vector<std::string> names_;
};

class StructWriter : public WriterBase {
 public:
  StructWriter(std::shared_ptr<arrow::DataType> type, duckdb_logical_type structure)
      : WriterBase(std::move(type)) {
    for (int i = 0; i < type_->num_fields(); ++i) {
      DuckType child(duckdb_struct_type_child_type(structure, static_cast<idx_t>(i)));
      children_.push_back(Make(child.get(), type_->field(i)->type()));
    }
  }
  StructWriter(std::shared_ptr<arrow::DataType> type,
               std::vector<std::unique_ptr<ColumnWriter>> children)
      : WriterBase(std::move(type)), children_(std::move(children)) {}
  Result<void> Append(duckdb_vector vector, idx_t start, idx_t count) override {
    TRY(AppendValidity(vector, start, count));
    for (std::size_t i = 0; i < children_.size(); ++i) {
      TRY(children_[i]->Append(duckdb_struct_vector_get_child(vector, i), start, count));
    }
    return {};
  }
  Result<std::shared_ptr<arrow::Array>> Finish() override {
    TRY(auto data, FinishData({}));
    for (auto& child : children_) {
      TRY(auto array, child->Finish());
      data->child_data.push_back(array->data());
    }
    return arrow::MakeArray(data);
  }
  void Clear() override {
    for (auto& child : children_) child->Clear();
    ClearBase();
  }
  std::int64_t bytes() const override {
    std::int64_t sum = 0;
    for (const auto& child : children_) sum += child->bytes();
    return sum;
  }

 private:
  std::vector<std::unique_ptr<ColumnWriter>> children_;
};

/// LIST and MAP (whose items are structs of key and value), and with `array_size` ARRAY.
class ListWriter : public WriterBase {
 public:
  ListWriter(std::shared_ptr<arrow::DataType> type, std::unique_ptr<ColumnWriter> items,
             idx_t array_size)
      : WriterBase(std::move(type)), items_(std::move(items)), array_size_(array_size) {}
  Result<void> Append(duckdb_vector vector, idx_t start, idx_t count) override {
    if (rows_ == 0) TRY(offsets_.Append(0));
    TRY(AppendValidity(vector, start, count));
    TRY(offsets_.Reserve(static_cast<std::int64_t>(count)));
    const std::uint64_t* mask = duckdb_vector_get_validity(vector);
    const bool fixed = array_size_ > 0;
    duckdb_vector child =
        fixed ? duckdb_array_vector_get_child(vector) : duckdb_list_vector_get_child(vector);
    const auto* entries =
        fixed ? nullptr : static_cast<const duckdb_list_entry*>(duckdb_vector_get_data(vector));
    // Entries mostly lie one after another: append whole runs.
    idx_t run_start = 0;
    idx_t run = 0;
    for (idx_t i = start; i < start + count; ++i) {
      if (Valid(mask, i)) {
        const idx_t at = fixed ? i * array_size_ : entries[i].offset;
        const idx_t length = fixed ? array_size_ : entries[i].length;
        if (length > 0 && run > 0 && at != run_start + run) {
          TRY(items_->Append(child, run_start, run));
          run = 0;
        }
        if (length > 0 && run == 0) run_start = at;
        run += length;
        item_count_ += static_cast<std::int64_t>(length);
        if (item_count_ > std::numeric_limits<std::int32_t>::max()) {
          return RangeError("a batch holds more than 2^31 list items in one column");
        }
      }
      offsets_.UnsafeAppend(static_cast<std::int32_t>(item_count_));
    }
    if (run > 0) TRY(items_->Append(child, run_start, run));
    return {};
  }
  Result<std::shared_ptr<arrow::Array>> Finish() override {
    if (rows_ == 0) TRY(offsets_.Append(0));
    TRY(std::shared_ptr<arrow::Buffer> offsets, offsets_.Finish());
    TRY(auto data, FinishData({std::move(offsets)}));
    TRY(auto items, items_->Finish());
    data->child_data.push_back(items->data());
    if (type_->id() == arrow::Type::MAP) {
      // A map's entries are never null, and its type names them.
      data->child_data[0]->type = static_cast<const arrow::MapType&>(*type_).value_type();
    }
    item_count_ = 0;
    return arrow::MakeArray(data);
  }
  void Clear() override {
    offsets_.Reset();
    items_->Clear();
    item_count_ = 0;
    ClearBase();
  }
  std::int64_t bytes() const override { return items_->bytes() + 4 * offsets_.length(); }

 private:
  std::unique_ptr<ColumnWriter> items_;
  idx_t array_size_;
  arrow::TypedBufferBuilder<std::int32_t> offsets_;
  std::int64_t item_count_ = 0;
};

std::unique_ptr<ColumnWriter> MakeDecimal(duckdb_logical_type type,
                                          std::shared_ptr<arrow::DataType> arrow_type) {
  switch (duckdb_decimal_internal_type(type)) {
    case DUCKDB_TYPE_SMALLINT:
      return std::make_unique<DecimalWriter<std::int16_t, false>>(std::move(arrow_type));
    case DUCKDB_TYPE_INTEGER:
      return std::make_unique<DecimalWriter<std::int32_t, false>>(std::move(arrow_type));
    case DUCKDB_TYPE_BIGINT:
      return std::make_unique<DecimalWriter<std::int64_t, false>>(std::move(arrow_type));
    default:
      return std::make_unique<PlainWriter>(std::move(arrow_type), 16);
  }
}

std::unique_ptr<ColumnWriter> MakeList(duckdb_type id, duckdb_logical_type type,
                                       std::shared_ptr<arrow::DataType> arrow_type) {
  if (id == DUCKDB_TYPE_MAP) {
    const auto& map = static_cast<const arrow::MapType&>(*arrow_type);
    DuckType key(duckdb_map_type_key_type(type));
    DuckType value(duckdb_map_type_value_type(type));
    std::vector<std::unique_ptr<ColumnWriter>> children;
    children.push_back(ColumnWriter::Make(key.get(), map.key_type()));
    children.push_back(ColumnWriter::Make(value.get(), map.item_type()));
    auto entries = std::make_unique<StructWriter>(map.value_type(), std::move(children));
    return std::make_unique<ListWriter>(std::move(arrow_type), std::move(entries), 0);
  }
  const bool fixed = id == DUCKDB_TYPE_ARRAY;
  DuckType child(fixed ? duckdb_array_type_child_type(type) : duckdb_list_type_child_type(type));
  auto items = ColumnWriter::Make(child.get(),
                                  static_cast<const arrow::ListType&>(*arrow_type).value_type());
  return std::make_unique<ListWriter>(std::move(arrow_type), std::move(items),
                                      fixed ? duckdb_array_type_array_size(type) : 0);
}

}  // namespace

std::unique_ptr<ColumnWriter> ColumnWriter::Make(duckdb_logical_type type,
                                                 std::shared_ptr<arrow::DataType> arrow_type) {
  const duckdb_type id = duckdb_get_type_id(type);
  switch (id) {
    case DUCKDB_TYPE_BOOLEAN:
      return std::make_unique<BooleanWriter>(std::move(arrow_type));
    case DUCKDB_TYPE_UTINYINT:
      return std::make_unique<WideningWriter<std::uint8_t, std::int16_t>>(std::move(arrow_type));
    case DUCKDB_TYPE_USMALLINT:
      return std::make_unique<WideningWriter<std::uint16_t, std::int32_t>>(std::move(arrow_type));
    case DUCKDB_TYPE_UINTEGER:
      return std::make_unique<WideningWriter<std::uint32_t, std::int64_t>>(std::move(arrow_type));
    case DUCKDB_TYPE_TIMESTAMP_S:
      return std::make_unique<WideningWriter<std::int64_t, std::int64_t, 1000000>>(
          std::move(arrow_type));
    case DUCKDB_TYPE_TIMESTAMP_MS:
      return std::make_unique<WideningWriter<std::int64_t, std::int64_t, 1000>>(
          std::move(arrow_type));
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_TIMESTAMP_TZ:
      return std::make_unique<InstantWriter<std::int64_t>>(std::move(arrow_type));
    case DUCKDB_TYPE_DATE:
      return std::make_unique<InstantWriter<std::int32_t>>(std::move(arrow_type));
    case DUCKDB_TYPE_UBIGINT:
      return std::make_unique<DecimalWriter<std::uint64_t, false>>(std::move(arrow_type));
    case DUCKDB_TYPE_HUGEINT:
      return std::make_unique<DecimalWriter<duckdb_hugeint, true>>(std::move(arrow_type));
    case DUCKDB_TYPE_UHUGEINT:
      return std::make_unique<DecimalWriter<duckdb_uhugeint, true>>(std::move(arrow_type));
    case DUCKDB_TYPE_DECIMAL:
      return MakeDecimal(type, std::move(arrow_type));
    case DUCKDB_TYPE_VARCHAR:
    case DUCKDB_TYPE_BLOB:
      return std::make_unique<StringWriter>(std::move(arrow_type));
    case DUCKDB_TYPE_UUID:
      return std::make_unique<UuidWriter>(std::move(arrow_type));
    case DUCKDB_TYPE_ENUM:
      return std::make_unique<EnumWriter>(std::move(arrow_type), type);
    case DUCKDB_TYPE_STRUCT:
      return std::make_unique<StructWriter>(std::move(arrow_type), type);
    case DUCKDB_TYPE_LIST:
    case DUCKDB_TYPE_ARRAY:
    case DUCKDB_TYPE_MAP:
      return MakeList(id, type, std::move(arrow_type));
    default: {
      const int width = static_cast<const arrow::FixedWidthType&>(*arrow_type).bit_width() / 8;
      return std::make_unique<PlainWriter>(std::move(arrow_type), width);
    }
  }
}

}  // namespace sluice
