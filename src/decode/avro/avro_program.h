/// A writer's schema resolved against the columns wanted: a flat list of instructions that takes a
/// datum apart and appends its values where they belong, in the order in which they were written.
///
/// Resolution follows the specification: fields by name or alias, defaults, promotions, unions,
/// enums with a default; and some rules beside it. Records that are no branch of a union may have
/// any name. Where the writer has no logical type, the reader's holds. Declared columns (DDL) take
/// whatever has their name and a type that gives the column's type without a guess or a loss.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "decode/avro/avro_columns.h"
#include "decode/avro/avro_schema.h"
#include "decode/column_builder.h"

namespace sluice {

enum class AvroOp : std::uint8_t {
  // A value into `column`.
  kNull,  ///< Takes no bytes; costs `a`.
  kBoolean,
  kInt8,
  kInt16,
  kInt32,
  kInt64,  ///< of a long
  kIntToInt64,
  kFloat,
  kDouble,
  kFloatToDouble,
  kIntToFloat,
  kIntToDouble,
  kLongToFloat,
  kLongToDouble,
  kDate,
  kTimestamp,  ///< of a long; a: EpochUnit
  kDecimal,    ///< a: size of the fixed, or kAnySize; b: digits to add to the scale
  kString,     ///< of string or bytes: must be UTF-8
  kBinary,
  kFixed,     ///< b: size
  kUuid,      ///< fixed(16) as text
  kDuration,  ///< fixed(12) into a struct of three
  kEnum,      ///< a: index into enums
  // Structure.
  kCloseStruct,
  kNullable,  ///< a: behind the value; b: the index that means null; cost; flag: null is allowed
  kUnion,     ///< a: behind the branches; b: index into unions
  kArray,     ///< a: behind the item; b: least bytes of an item
  kMap,       ///< a: behind the value; b: least bytes of a value; node: the value's type
  kDefault,   ///< a: behind the value; b: index into defaults
  kMismatch,  ///< node: what is skipped; the row is rejected: the reader has no such branch
  // Values nobody wants.
  kSkipVarint,
  kSkipFixed,  ///< b: size
  kSkipBytes,
  kSkip,  ///< node
};

struct AvroInstruction {
  AvroOp op;
  bool flag = false;
  std::uint32_t a = 0;
  std::int64_t b = 0;
  ColumnBuilder* column = nullptr;
  const AvroNode* node = nullptr;
  std::uint32_t cost = 0;  ///< What a null that takes no bytes of its own is charged with.
};

/// Immutable once made. Refers to the columns it was made for and keeps the writer's schema alive.
class AvroProgram {
 public:
  static constexpr std::uint32_t kAnySize = UINT32_MAX;

  struct Branch {
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
  };
  struct Symbol {
    std::string text;
    bool known = false;
  };

  struct Target {
    const AvroNode* reader = nullptr;
    ColumnBuilder* rows = nullptr;  ///< A ColumnBuilder::ForSchema.
    bool declared = false;          ///< The columns are DDL, and `reader` made of them.
  };

  /// User errors, code "avro.resolution", name the column and what does not go together.
  static Result<std::unique_ptr<AvroProgram>> Make(std::shared_ptr<const AvroSchema> writer,
                                                   const Target& target);

  /// What one message holds.
  AvroRoot root() const { return root_; }
  /// Reads one row. A message whose root is kRecords is an array of what this reads.
  const AvroInstruction* begin() const { return code_.data(); }
  const AvroInstruction* end() const { return code_.data() + code_.size(); }
  const AvroInstruction* at(std::uint32_t index) const { return code_.data() + index; }
  std::int64_t least_row_bytes() const { return least_row_bytes_; }
  const std::vector<Branch>& branches(std::int64_t index) const {
    return unions_[static_cast<std::size_t>(index)];
  }
  const std::vector<Symbol>& symbols(std::uint32_t index) const { return enums_[index]; }
  const std::string& default_value(std::int64_t index) const {
    return defaults_[static_cast<std::size_t>(index)];
  }

 private:
  friend class AvroCompiler;
  std::shared_ptr<const AvroSchema> writer_;
  AvroRoot root_ = AvroRoot::kRecord;
  std::int64_t least_row_bytes_ = 0;
  std::vector<AvroInstruction> code_;
  std::vector<std::vector<Branch>> unions_;
  std::vector<std::vector<Symbol>> enums_;
  std::vector<std::string> defaults_;
};

}  // namespace sluice
