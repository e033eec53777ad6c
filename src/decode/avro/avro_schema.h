/// Avro schemas (specification 1.12): from JSON text to a tree that has been checked.
///
/// Immutable once parsed; read it from any thread. Named types may be recursive: then the tree has
/// cycles, which canonical form and fingerprint can take and columns cannot.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace sluice {

enum class AvroType : std::uint8_t {
  kNull,
  kBoolean,
  kInt,
  kLong,
  kFloat,
  kDouble,
  kBytes,
  kString,
  kRecord,
  kEnum,
  kArray,
  kMap,
  kUnion,
  kFixed,
};

enum class AvroLogical : std::uint8_t {
  kNone,
  kDecimal,  ///< of bytes or fixed
  kUuid,     ///< of string or fixed(16)
  kDate,     ///< of int
  kTimeMillis,
  kTimeMicros,
  kTimestampMillis,  ///< here and below: of long
  kTimestampMicros,
  kTimestampNanos,
  kLocalTimestampMillis,
  kLocalTimestampMicros,
  kLocalTimestampNanos,
  kDuration,  ///< of fixed(12)
};

struct AvroNode;

struct AvroField {
  std::string name;
  std::vector<std::string> aliases;
  const AvroNode* type = nullptr;
  bool has_default = false;
  std::string default_value;  ///< As a datum of `type`.
};

struct AvroNode {
  AvroType type = AvroType::kNull;
  AvroLogical logical = AvroLogical::kNone;
  int precision = 0;                      ///< kDecimal
  int scale = 0;                          ///< kDecimal
  std::int64_t size = 0;                  ///< kFixed
  std::string name;                       ///< Records, enums, fixed: the full name, "space.name".
  std::vector<std::string> aliases;       ///< Full names.
  std::vector<std::string> symbols;       ///< kEnum
  std::int32_t default_symbol = -1;       ///< kEnum; -1 if there is none.
  std::vector<AvroField> fields;          ///< kRecord
  std::vector<const AvroNode*> branches;  ///< kUnion: all; kArray: the item; kMap: the value.

  bool is(AvroType wanted) const { return type == wanted; }
  bool has_name() const {
    return type == AvroType::kRecord || type == AvroType::kEnum || type == AvroType::kFixed;
  }
  const AvroNode& item() const { return *branches[0]; }
};

class AvroSchema {
 public:
  struct Options {
    bool logical_types = true;  ///< Otherwise all are read as what they are made of.
    /// Definitions whose names `json` may use, each after those it needs itself; null: none.
    const std::vector<std::string>* references = nullptr;
  };

  /// Names, defaults, sizes and numbers are checked; a logical type that is unknown or does not fit
  /// is ignored, as the specification wants. Errors blame the user and end in "at column N", the
  /// place in `json` counted from 1, or, where they say so, in a reference. Limits: docs/limits.md.
  static Result<std::shared_ptr<const AvroSchema>> Parse(std::string_view json, Options options);
  static Result<std::shared_ptr<const AvroSchema>> Parse(std::string_view json) {
    return Parse(json, Options());
  }

  const AvroNode& root() const { return *root_; }

  /// Parsing Canonical Form: what two schemas share that write the same bytes.
  std::string CanonicalForm() const;
  /// CRC-64-AVRO of the canonical form; single-object encoding has it in little-endian order.
  std::uint64_t Fingerprint() const;

  /// For schemas that are not written in JSON: adds a node that lives as long as the schema.
  AvroNode* Add(AvroType type);
  void set_root(const AvroNode* root) { root_ = root; }

 private:
  std::deque<AvroNode> nodes_;
  const AvroNode* root_ = nullptr;
};

/// "long", "record Person", "array": for messages.
std::string DescribeAvroType(const AvroNode& node);
/// The name without its namespace.
std::string_view AvroShortName(std::string_view full_name);

}  // namespace sluice
