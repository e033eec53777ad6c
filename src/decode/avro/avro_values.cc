// AvroReader: values into columns.
#include <arrow/type.h>
#include <arrow/util/utf8.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "decode/avro/avro_reader.h"
#include "decode/avro/avro_varint.h"
#include "decode/convert.h"
#include "decode/repeated_keys.h"
#include "record/schema.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace sluice {
namespace {

using Bytes = const std::uint8_t*;

/// 0001-01-01 and 9999-12-31 in days since 1970.
constexpr std::int32_t kFirstDay = -719'162;
constexpr std::int32_t kLastDay = 2'932'896;

/// Copies text and tells whether it is UTF-8. Up to 15 bytes more than `size` may be written.
inline bool CopyText(char* to, Bytes from, std::size_t size, Bytes readable_end) {
#ifdef __SSE2__
  if (__builtin_expect(static_cast<std::size_t>(readable_end - from) >= size + 15, 1)) {
    unsigned high = 0;
    std::size_t done = 0;
    for (; done + 16 <= size; done += 16) {
      const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + done));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to + done), block);
      high |= static_cast<unsigned>(_mm_movemask_epi8(block));
    }
    if (done < size) {
      const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + done));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to + done), block);
      high |= static_cast<unsigned>(_mm_movemask_epi8(block)) & ((1U << (size - done)) - 1);
    }
    return __builtin_expect(high == 0, 1) ||
           arrow::util::ValidateUTF8(from, static_cast<std::int64_t>(size));
  }
#endif
  std::memcpy(to, from, size);
  return arrow::util::ValidateUTF8(from, static_cast<std::int64_t>(size));
}

/// False: no memory.
inline bool AppendBytes(ColumnBuilder* column, const void* from, std::size_t size) {
  // Of a column that is still empty no bytes could be reserved.
  char* out = column->ReserveBytes(size + 1);
  if (out == nullptr) return false;
  std::memcpy(out, from, size);
  return column->CommitBytes(size);
}

template <typename T>
T Load(Bytes p) {
  T value;
  std::memcpy(&value, p, sizeof(T));
  return value;
}

std::uint32_t LoadLittleEndian(Bytes p) {
  return static_cast<std::uint32_t>(p[0]) | static_cast<std::uint32_t>(p[1]) << 8 |
         static_cast<std::uint32_t>(p[2]) << 16 | static_cast<std::uint32_t>(p[3]) << 24;
}

}  // namespace

/// The loop that everything runs in. `goto` marks what leaves it: the rest stays in registers.
Bytes AvroReader::Run(const AvroProgram& program, const AvroInstruction* i,
                      const AvroInstruction* stop, Bytes p) {
  const Bytes end = end_;
  while (i != stop) {
    ColumnBuilder* const column = i->column;
    const Bytes at = p;
    switch (i->op) {
      case AvroOp::kInt64: {
        std::int64_t value;
        if ((p = ReadAvroLong(p, end, &value)) == nullptr) return MalformedInteger(at, true);
        if (!column->AppendFixed(value)) return OutOfMemory();
        break;
      }
      case AvroOp::kString:
        if ((p = ReadText(column, p)) == nullptr) return nullptr;
        break;
      case AvroOp::kDouble:
        if (end - p < 8) return Malformed(at, "the data ends within a double");
        if (!column->AppendFixed(Load<double>(p))) return OutOfMemory();
        p += 8;
        break;
      case AvroOp::kInt32: {
        std::int32_t value;
        if ((p = ReadAvroInt(p, end, &value)) == nullptr) return MalformedInteger(at, false);
        if (!column->AppendFixed(value)) return OutOfMemory();
        break;
      }
      case AvroOp::kBoolean:
        if (p == end || *p > 1) {
          return Malformed(at, p == end ? "the data ends before a boolean"
                                        : "a boolean must be the byte 0 or 1");
        }
        if (!column->AppendFixed(*p++)) return OutOfMemory();
        break;
      case AvroOp::kTimestamp: {
        std::int64_t value;
        if ((p = ReadAvroLong(p, end, &value)) == nullptr) return MalformedInteger(at, true);
        if (EpochToMicros(value, static_cast<EpochUnit>(i->a), &value) == Conversion::kOk) {
          if (!column->AppendFixed(value)) return OutOfMemory();
        } else if (!Misfit(column, at, "convert.overflow",
                           "the number is no time of the years 1 to 9999")) {
          return nullptr;
        }
        break;
      }
      case AvroOp::kNullable: {
        std::int64_t branch;
        if ((p = ReadAvroLong(p, end, &branch)) == nullptr) return MalformedInteger(at, true);
        if (__builtin_expect((branch & ~std::int64_t{1}) != 0, 0)) {
          return Malformed(at, "a union of 2 types has no type with this index");
        }
        if (branch != i->b) break;
        if (__builtin_expect(!i->flag, 0)) {
          if (!Misfit(column, at, "convert.null", "null, but the column is NOT NULL")) {
            return nullptr;
          }
        } else if (!column->AppendNull()) {
          return OutOfMemory();
        }
        if (!Spend(8 * static_cast<std::int64_t>(i->cost))) return Overspent(at);
        i = program.at(i->a);
        continue;
      }
      case AvroOp::kCloseStruct:
        column->CloseStruct();
        break;
      case AvroOp::kFloat:
        if (end - p < 4) return Malformed(at, "the data ends within a float");
        if (!column->AppendFixed(Load<float>(p))) return OutOfMemory();
        p += 4;
        break;
      case AvroOp::kArray: {
        const AvroInstruction* behind = program.at(i->a);
        if ((p = RunArray(program, *i, behind, p)) == nullptr) return nullptr;
        i = behind;
        continue;
      }
      case AvroOp::kEnum: {
        std::int32_t index;
        if ((p = ReadAvroInt(p, end, &index)) == nullptr) return MalformedInteger(at, false);
        const auto& symbols = program.symbols(i->a);
        if (static_cast<std::size_t>(index) >= symbols.size()) {
          return Malformed(at, "an enum of " + std::to_string(symbols.size()) +
                                   " symbols has none with this index");
        }
        const AvroProgram::Symbol& symbol = symbols[static_cast<std::size_t>(index)];
        if (__builtin_expect(!symbol.known, 0)) {
          if (!Misfit(column, at, "avro.symbol",
                      "the enum's symbol '" + symbol.text +
                          "' is not in the reader's schema, and that has no default")) {
            return nullptr;
          }
          break;
        }
        if (!AppendBytes(column, symbol.text.data(), symbol.text.size())) return OutOfMemory();
        if (!Spend(static_cast<std::int64_t>(symbol.text.size()))) return Overspent(at);
        break;
      }
      case AvroOp::kDate: {
        std::int32_t value;
        if ((p = ReadAvroInt(p, end, &value)) == nullptr) return MalformedInteger(at, false);
        if (value >= kFirstDay && value <= kLastDay) {
          if (!column->AppendFixed(value)) return OutOfMemory();
        } else if (!Misfit(column, at, "convert.overflow",
                           "the number is no day of the years 1 to 9999")) {
          return nullptr;
        }
        break;
      }
      case AvroOp::kBinary:
        if ((p = ReadBinary(column, p)) == nullptr) return nullptr;
        break;
      case AvroOp::kSkipVarint:
        if ((p = SkipLong(p)) == nullptr) return nullptr;
        break;
      case AvroOp::kSkipFixed:
        if ((p = SkipFixed(p, i->b)) == nullptr) return nullptr;
        break;
      case AvroOp::kSkipBytes: {
        std::int64_t size;
        if ((p = ReadLength(p, &size)) == nullptr) return nullptr;
        p += size;
        break;
      }
      case AvroOp::kSkip:
        if ((p = Skip(*i->node, p, 0)) == nullptr) return nullptr;
        break;
      case AvroOp::kNull:
        if (!column->AppendNull()) return OutOfMemory();
        if (!Spend(8 * static_cast<std::int64_t>(i->cost))) return Overspent(at);
        break;
      case AvroOp::kIntToInt64:
      case AvroOp::kIntToFloat:
      case AvroOp::kIntToDouble: {
        std::int32_t value;
        if ((p = ReadAvroInt(p, end, &value)) == nullptr) return MalformedInteger(at, false);
        if (!(i->op == AvroOp::kIntToInt64   ? column->AppendFixed(std::int64_t{value})
              : i->op == AvroOp::kIntToFloat ? column->AppendFixed(static_cast<float>(value))
                                             : column->AppendFixed(static_cast<double>(value)))) {
          return OutOfMemory();
        }
        break;
      }
      case AvroOp::kLongToFloat:
      case AvroOp::kLongToDouble: {
        std::int64_t value;
        if ((p = ReadAvroLong(p, end, &value)) == nullptr) return MalformedInteger(at, true);
        if (!(i->op == AvroOp::kLongToFloat ? column->AppendFixed(static_cast<float>(value))
                                            : column->AppendFixed(static_cast<double>(value)))) {
          return OutOfMemory();
        }
        break;
      }
      case AvroOp::kFloatToDouble:
        if (end - p < 4) return Malformed(at, "the data ends within a float");
        if (!column->AppendFixed(static_cast<double>(Load<float>(p)))) return OutOfMemory();
        p += 4;
        break;
      case AvroOp::kInt8:
      case AvroOp::kInt16: {
        std::int32_t value;
        if ((p = ReadAvroInt(p, end, &value)) == nullptr) return MalformedInteger(at, false);
        const bool is_byte = i->op == AvroOp::kInt8;
        if (value !=
            (is_byte ? static_cast<std::int8_t>(value) : static_cast<std::int16_t>(value))) {
          if (!Misfit(column, at, "convert.overflow",
                      "the number does not fit into " + FormatDdlType(*column->type()))) {
            return nullptr;
          }
        } else if (!(is_byte ? column->AppendFixed(static_cast<std::int8_t>(value))
                             : column->AppendFixed(static_cast<std::int16_t>(value)))) {
          return OutOfMemory();
        }
        break;
      }
      case AvroOp::kDecimal:
        if ((p = ReadDecimal(*i, p)) == nullptr) return nullptr;
        break;
      case AvroOp::kFixed:
        if (end - p < i->b) return Malformed(at, "the data ends within a fixed");
        if (!AppendBytes(column, p, static_cast<std::size_t>(i->b))) return OutOfMemory();
        p += i->b;
        break;
      case AvroOp::kUuid:
        if ((p = ReadUuid(column, p)) == nullptr) return nullptr;
        break;
      case AvroOp::kDuration:
        if ((p = ReadDuration(column, p)) == nullptr) return nullptr;
        break;
      case AvroOp::kUnion: {
        std::int64_t branch;
        if ((p = ReadAvroLong(p, end, &branch)) == nullptr) return MalformedInteger(at, true);
        const auto& branches = program.branches(i->b);
        if (static_cast<std::uint64_t>(branch) >= branches.size()) {
          return Malformed(at, "a union of " + std::to_string(branches.size()) +
                                   " types has no type with this index");
        }
        const AvroProgram::Branch& chosen = branches[static_cast<std::size_t>(branch)];
        p = Run(program, program.at(chosen.begin), program.at(chosen.end), p);
        if (p == nullptr) return nullptr;
        i = program.at(i->a);
        continue;
      }
      case AvroOp::kMap: {
        if ((p = RunMap(program, *i, i + 1, p, nullptr)) == nullptr) return nullptr;
        i = program.at(i->a);
        continue;
      }
      case AvroOp::kDefault: {
        if ((p = RunDefault(program, *i, i + 1, p)) == nullptr) return nullptr;
        i = program.at(i->a);
        continue;
      }
      case AvroOp::kMismatch:
        if ((p = Skip(*i->node, p, 0)) == nullptr) return nullptr;
        if (!Misfit(column, at, "avro.branch",
                    "the value is of the union's type " + DescribeAvroType(*i->node) +
                        ", which cannot be read as " + FormatDdlType(*column->type()))) {
          return nullptr;
        }
        break;
    }
    ++i;
  }
  return p;
}

Bytes AvroReader::ReadLength(Bytes p, std::int64_t* size) {
  const Bytes at = p;
  if ((p = ReadAvroLong(p, end_, size)) == nullptr) return MalformedInteger(at, true);
  if (__builtin_expect(static_cast<std::uint64_t>(*size) > static_cast<std::uint64_t>(end_ - p),
                       0)) {
    return Malformed(at, *size < 0 ? "a length is negative"
                                   : "a length of " + std::to_string(*size) + " bytes, of which " +
                                         std::to_string(end_ - p) + " are left");
  }
  return p;
}

Bytes AvroReader::ReadText(ColumnBuilder* column, Bytes p) {
  const Bytes at = p;
  std::int64_t length;
  if ((p = ReadLength(p, &length)) == nullptr) return nullptr;
  const auto size = static_cast<std::size_t>(length);
  if (__builtin_expect(size > limits_.string_bytes, 0)) {
    return OverLimit(at, "limit.string",
                     "a string is longer than " + std::to_string(limits_.string_bytes) + " bytes");
  }
  char* out = column->ReserveBytes(size + 16);
  if (out == nullptr) return OutOfMemory();
  if (__builtin_expect(!CopyText(out, p, size, end_), 0)) {
    if (!Misfit(column, at, "convert.format", "the string is not valid UTF-8")) return nullptr;
  } else if (!column->CommitBytes(size)) {
    return OutOfMemory();
  }
  return p + size;
}

Bytes AvroReader::ReadBinary(ColumnBuilder* column, Bytes p) {
  const Bytes at = p;
  std::int64_t length;
  if ((p = ReadLength(p, &length)) == nullptr) return nullptr;
  const auto size = static_cast<std::size_t>(length);
  if (size > limits_.string_bytes) {
    return OverLimit(at, "limit.string",
                     "a value is longer than " + std::to_string(limits_.string_bytes) + " bytes");
  }
  return AppendBytes(column, p, size) ? p + size : OutOfMemory();
}

/// A whole number in two's complement, the highest byte first, times 10^-scale.
Bytes AvroReader::ReadDecimal(const AvroInstruction& instruction, Bytes p) {
  ColumnBuilder* const column = instruction.column;
  const Bytes at = p;
  std::int64_t size = instruction.a;
  if (instruction.a == AvroProgram::kAnySize) {
    if ((p = ReadLength(p, &size)) == nullptr) return nullptr;
  } else if (end_ - p < size) {
    return Malformed(at, "the data ends within a fixed");
  }
  const auto misfit = [&](const char* code, const char* reason) {
    return Misfit(column, at, code, reason) ? p + size : nullptr;
  };
  if (size == 0) return misfit("convert.format", "a decimal must have at least one byte");
  const bool negative = (p[0] & 0x80) != 0;
  Decimal128Value value = negative ? -1 : 0;
  bool fits = true;
  for (std::int64_t i = 0; i < size; ++i) {
    // What is shifted out must be the sign.
    const auto top = static_cast<std::int8_t>(value >> 120);
    fits = fits && (i < 16 || top == (negative ? -1 : 0));
    value = value << 8 | p[i];
  }
  fits = fits && (value < 0) == negative;
  const auto& type = static_cast<const arrow::DecimalType&>(*column->type());
  Decimal128Value most = 1;
  for (int i = static_cast<int>(instruction.b); i < type.precision(); ++i) most *= 10;
  if (!fits || value >= most || value <= -most) {
    return misfit("convert.overflow", "the decimal has more digits than its column");
  }
  for (std::int64_t i = 0; i < instruction.b; ++i) value *= 10;
  return column->AppendFixed(value) ? p + size : OutOfMemory();
}

Bytes AvroReader::ReadUuid(ColumnBuilder* column, Bytes p) {
  static constexpr char kHex[] = "0123456789abcdef";
  if (end_ - p < 16) return Malformed(p, "the data ends within a fixed");
  char* out = column->ReserveBytes(36);
  if (out == nullptr) return OutOfMemory();
  for (int i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *out++ = '-';
    *out++ = kHex[p[i] >> 4];
    *out++ = kHex[p[i] & 15];
  }
  if (!Spend(20)) return Overspent(p);
  return column->CommitBytes(36) ? p + 16 : OutOfMemory();
}

Bytes AvroReader::ReadDuration(ColumnBuilder* column, Bytes p) {
  if (end_ - p < 12) return Malformed(p, "the data ends within a fixed");
  for (std::size_t i = 0; i < 3; ++i, p += 4) {
    if (!column->child(i)->AppendFixed(std::int64_t{LoadLittleEndian(p)})) return OutOfMemory();
  }
  column->CloseStruct();
  return p;
}

Bytes AvroReader::ReadBlockHead(Bytes p, std::int64_t least, std::int64_t so_far,
                                std::int64_t* count, Bytes* behind) {
  const Bytes at = p;
  *behind = nullptr;
  if ((p = ReadAvroLong(p, end_, count)) == nullptr) return MalformedInteger(at, true);
  if (*count < 0) {
    if (*count == std::numeric_limits<std::int64_t>::min()) {
      return Malformed(at, "a block has a number of items that cannot be");
    }
    *count = -*count;
    std::int64_t size;
    if ((p = ReadLength(p, &size)) == nullptr) return nullptr;
    *behind = p + size;
  }
  const auto limit = static_cast<std::int64_t>(limits_.items);
  if (*count > limit - so_far) {
    return OverLimit(at, "limit.items",
                     "an array or map has more than " + std::to_string(limit) + " items");
  }
  if (least > 0 && *count > (end_ - p) / least) {
    return Malformed(at, "a block says it has " + std::to_string(*count) +
                             " items, for which too few bytes are left");
  }
  if (least == 0 && !Spend(8 * *count)) return Overspent(at);
  return p;
}

Bytes AvroReader::RunArray(const AvroProgram& program, const AvroInstruction& array,
                           const AvroInstruction* behind, Bytes p) {
  const AvroInstruction* const item = &array + 1;
  std::int64_t items = 0;
  for (;;) {
    std::int64_t count;
    Bytes block_end;
    if ((p = ReadBlockHead(p, array.b, items, &count, &block_end)) == nullptr) return nullptr;
    if (count == 0) break;
    items += count;
    for (; count > 0; --count) {
      if ((p = Run(program, item, behind, p)) == nullptr) return nullptr;
    }
    if (block_end != nullptr && block_end != p) {
      return Malformed(p, "a block of the array has another size than it says");
    }
  }
  return array.column->CloseList() ? p : OutOfMemory();
}

/// Where a key comes twice, which is rare and found at the end, the map is taken back and read
/// again without the entries that a later one replaces.
Bytes AvroReader::RunMap(const AvroProgram& program, const AvroInstruction& map,
                         const AvroInstruction* value, Bytes p, const std::vector<bool>* repeated) {
  const Bytes begin = p;
  const AvroInstruction* const behind = program.at(map.a);
  ColumnBuilder* const keys = map.column->child(0);
  ColumnBuilder* const values = map.column->child(1);
  const std::int32_t from = keys->length();
  std::int64_t items = 0;
  for (;;) {
    std::int64_t count;
    Bytes block_end;
    if ((p = ReadBlockHead(p, map.b + 1, items, &count, &block_end)) == nullptr) return nullptr;
    if (count == 0) break;
    for (; count > 0; --count, ++items) {
      if (repeated != nullptr && (*repeated)[static_cast<std::size_t>(items)]) {
        std::int64_t size;
        if ((p = ReadLength(p, &size)) == nullptr) return nullptr;
        if ((p = Skip(*map.node, p + size, 0)) == nullptr) return nullptr;
        continue;
      }
      if ((p = ReadText(keys, p)) == nullptr) return nullptr;
      if ((p = Run(program, value, behind, p)) == nullptr) return nullptr;
    }
    if (block_end != nullptr && block_end != p) {
      return Malformed(p, "a block of the map has another size than it says");
    }
  }
  if (repeated == nullptr && keys->length() - from > 1) {
    const std::vector<bool> found = FindRepeatedKeys(*keys, from, &order_);
    if (!found.empty()) {
      // Maps in maps are read again each time the outer one is.
      if (!Spend(16 * (p - begin))) return Overspent(begin);
      keys->Truncate(from);
      values->Truncate(from);
      return RunMap(program, map, value, begin, &found);
    }
  }
  return map.column->CloseList() ? p : OutOfMemory();
}

Bytes AvroReader::RunDefault(const AvroProgram& program, const AvroInstruction& instruction,
                             const AvroInstruction* value, Bytes p) {
  const std::string& bytes = program.default_value(instruction.b);
  if (!Spend(8 * static_cast<std::int64_t>(instruction.cost) +
             static_cast<std::int64_t>(bytes.size()))) {
    return Overspent(p);
  }
  const Bytes end = end_;
  if (in_default_++ == 0) default_at_ = p;
  end_ = reinterpret_cast<Bytes>(bytes.data()) + bytes.size();
  const Bytes done =
      Run(program, value, program.at(instruction.a), reinterpret_cast<Bytes>(bytes.data()));
  --in_default_;
  end_ = end;
  return done == nullptr ? nullptr : p;
}

}  // namespace sluice
