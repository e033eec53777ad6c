#include "transform/sql/vector_fill.h"

#include <arrow/array/data.h>
#include <arrow/type.h>
#include <arrow/util/bitmap_ops.h>

#include <cstring>

namespace sluice {
namespace {

constexpr std::int64_t kWordBits = 64;

/// Sets `out`'s validity for `count` rows: the array's own, and null where `parent` is (DuckDB
/// wants the fields of a null struct to be null). Returns the mask, nullptr if all rows are valid.
const std::uint64_t* FillValidity(const arrow::ArrayData& array, std::int64_t offset,
                                  std::int64_t count, const std::uint64_t* parent,
                                  duckdb_vector out) {
  const bool nulls = array.buffers[0] != nullptr && array.GetNullCount() != 0;
  const std::int64_t words = (count + kWordBits - 1) / kWordBits;
  if (!nulls && parent == nullptr) {
    std::uint64_t* mask = duckdb_vector_get_validity(out);
    if (mask != nullptr) std::memset(mask, 0xFF, static_cast<std::size_t>(words) * 8);
    return nullptr;
  }
  duckdb_vector_ensure_validity_writable(out);
  std::uint64_t* mask = duckdb_vector_get_validity(out);
  if (nulls) {
    arrow::internal::CopyBitmap(array.buffers[0]->data(), array.offset + offset, count,
                                reinterpret_cast<std::uint8_t*>(mask), 0);
  } else {
    std::memset(mask, 0xFF, static_cast<std::size_t>(words) * 8);
  }
  if (parent != nullptr) {
    for (std::int64_t w = 0; w < words; ++w) mask[w] &= parent[w];
  }
  return mask;
}

void FillBooleans(const arrow::ArrayData& array, std::int64_t offset, std::int64_t count,
                  void* out) {
  const std::uint8_t* bits = array.buffers[1]->data();
  auto* values = static_cast<bool*>(out);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t bit = array.offset + offset + i;
    values[i] = (bits[bit >> 3] >> (bit & 7) & 1) != 0;
  }
}

void FillStrings(const arrow::ArrayData& array, std::int64_t offset, std::int64_t count,
                 void* out) {
  const auto* offsets = array.GetValues<std::int32_t>(1) + offset;
  const char* data =
      array.buffers[2] == nullptr ? "" : reinterpret_cast<const char*>(array.buffers[2]->data());
  auto* values = static_cast<duckdb_string_t*>(out);
  for (std::int64_t i = 0; i < count; ++i) {
    const char* text = data + offsets[i];
    const auto length = static_cast<std::uint32_t>(offsets[i + 1] - offsets[i]);
    duckdb_string_t& value = values[i];
    if (length <= sizeof(value.value.inlined.inlined)) {
      std::memset(&value, 0, sizeof(value));  // DuckDB compares inlined texts with their padding.
      value.value.inlined.length = length;
      std::memcpy(value.value.inlined.inlined, text, length);
    } else {
      value.value.pointer.length = length;
      std::memcpy(value.value.pointer.prefix, text, sizeof(value.value.pointer.prefix));
      value.value.pointer.ptr = const_cast<char*>(text);
    }
  }
}

/// Decimals of up to 18 digits are 16, 32 or 64 bits wide in DuckDB.
template <typename T>
bool FillDecimals(const arrow::ArrayData& array, std::int64_t offset, std::int64_t count,
                  void* out) {
  const auto* words =
      reinterpret_cast<const std::int64_t*>(array.buffers[1]->data()) + 2 * (array.offset + offset);
  auto* values = static_cast<T*>(out);
  bool fits = true;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t low = words[2 * i];
    values[i] = static_cast<T>(low);
    const bool exact = values[i] == low && words[2 * i + 1] == (low < 0 ? -1 : 0);
    if (!exact && !array.IsValid(offset + i)) continue;
    fits &= exact;
  }
  return fits;
}

bool Fill(const arrow::ArrayData& array, std::int64_t offset, std::int64_t count,
          const std::uint64_t* parent, duckdb_vector out);

bool FillDecimal(const arrow::ArrayData& array, std::int64_t offset, std::int64_t count,
                 void* out) {
  const int precision = static_cast<const arrow::Decimal128Type&>(*array.type).precision();
  if (precision <= 4) return FillDecimals<std::int16_t>(array, offset, count, out);
  if (precision <= 9) return FillDecimals<std::int32_t>(array, offset, count, out);
  if (precision <= 18) return FillDecimals<std::int64_t>(array, offset, count, out);
  std::memcpy(out, array.buffers[1]->data() + 16 * (array.offset + offset),
              static_cast<std::size_t>(count) * 16);
  return true;
}

/// Lists and maps: the rows' items are one contiguous range of the child.
bool FillLists(const arrow::ArrayData& array, std::int64_t offset, std::int64_t count,
               duckdb_vector out) {
  const auto* offsets = array.GetValues<std::int32_t>(1) + offset;
  const std::int32_t first = offsets[0];
  auto* entries = static_cast<duckdb_list_entry*>(duckdb_vector_get_data(out));
  for (std::int64_t i = 0; i < count; ++i) {
    entries[i] = {static_cast<std::uint64_t>(offsets[i] - first),
                  static_cast<std::uint64_t>(offsets[i + 1] - offsets[i])};
  }
  const std::int32_t items = offsets[count] - first;
  duckdb_list_vector_reserve(out, static_cast<idx_t>(items));
  duckdb_list_vector_set_size(out, static_cast<idx_t>(items));
  return Fill(*array.child_data[0], first, items, nullptr, duckdb_list_vector_get_child(out));
}

bool Fill(const arrow::ArrayData& array, std::int64_t offset, std::int64_t count,
          const std::uint64_t* parent, duckdb_vector out) {
  if (count == 0) return true;
  const std::uint64_t* mask = FillValidity(array, offset, count, parent, out);
  void* data = duckdb_vector_get_data(out);
  switch (array.type->id()) {
    case arrow::Type::BOOL:
      FillBooleans(array, offset, count, data);
      return true;
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
      FillStrings(array, offset, count, data);
      return true;
    case arrow::Type::DECIMAL128:
      return FillDecimal(array, offset, count, data);
    case arrow::Type::LIST:
    case arrow::Type::MAP:
      return FillLists(array, offset, count, out);
    case arrow::Type::STRUCT: {
      // The children of a struct carry offsets of their own, besides the struct's.
      bool fits = true;
      for (std::size_t i = 0; i < array.child_data.size(); ++i) {
        fits &= Fill(*array.child_data[i], array.offset + offset, count, mask,
                     duckdb_struct_vector_get_child(out, i));
      }
      return fits;
    }
    default: {
      const int width = static_cast<const arrow::FixedWidthType&>(*array.type).bit_width() / 8;
      std::memcpy(data, array.buffers[1]->data() + width * (array.offset + offset),
                  static_cast<std::size_t>(count) * static_cast<std::size_t>(width));
      return true;
    }
  }
}

}  // namespace

bool FillVector(const arrow::ArrayData& array, std::int64_t offset, std::int64_t count,
                duckdb_vector out) {
  return Fill(array, offset, count, nullptr, out);
}

}  // namespace sluice
