/// What the values at one place of the records looked like, and which type holds them all.
///
/// A decoder that detects columns notes here what it met and has no column for. Observations merge
/// in any order to the same (they count kinds of values), and the type is a function of the kinds
/// alone: the least of this order that is above them all.
///
///   tinyint < smallint < int < bigint < double     smallint < float < double, decimals < double
///   date < timestamp, date < timestamp_ntz
///   structs by their fields, arrays by their elements, maps by their values
///   everything < string
///
/// A decimal holds integers and other decimals up to 38 digits. Null, an empty array and an empty
/// object say nothing: a place with nothing else has no type. docs/detection.md is the same for
/// users.
#pragma once

#include <arrow/type_fwd.h>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

enum class SeenKind : std::uint8_t {
  kNull,
  kEmptyList,
  kEmptyStruct,
  kBool,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kDecimal,
  kFloat,
  kDouble,
  kDate,
  kTimestamp,
  kTimestampNtz,
  kString,
  kBinary,
  kHugeNumber,  ///< A number that none of the above holds; seen as a string.
  kList,
  kMap,
  kStruct,
};
inline constexpr std::size_t kNumSeenKinds = 20;

/// One thread at a time.
class ObservedType {
 public:
  /// More fields than this of one struct are not remembered, which are the later ones.
  static constexpr std::size_t kMostFields = 2'000;

  ObservedType();
  ObservedType(ObservedType&&) noexcept;
  ObservedType& operator=(ObservedType&&) noexcept;
  ~ObservedType();

  void See(SeenKind kind, std::int64_t times = 1) {
    counts_[static_cast<std::size_t>(kind)] += times;
  }
  void SeeDecimal(int precision, int scale);
  /// A value of this type. REQUIRES: canonical (record/schema.h). Fields count as seen in it.
  void SeeType(const arrow::DataType& type);

  /// Of a struct, made if it is new; null: there are too many. Fields become columns in the order
  /// of their lowest `rank`, which is where in its object a field was seen. Does not See the
  /// struct.
  ObservedType* Field(std::string_view name, std::uint32_t rank);
  /// Of a list, or the values of a map.
  ObservedType* Element();

  void Merge(const ObservedType& other);
  /// What of it was of these kinds.
  ObservedType Only(const std::vector<SeenKind>& kinds) const;

  bool empty() const;  ///< Nothing was seen, null included.
  std::int64_t count(SeenKind kind) const { return counts_[static_cast<std::size_t>(kind)]; }
  std::int64_t total() const;  ///< Values seen, null among them.
  struct Child;
  const std::map<std::string, std::unique_ptr<Child>, std::less<>>& fields() const {
    return fields_;
  }
  /// In the order of their columns.
  std::vector<const std::string*> FieldNames() const;
  /// The same, but of names that differ only in case (ASCII) only the one seen most often, for
  /// tables do not tell them apart.
  std::vector<const std::string*> ColumnNames() const;
  const ObservedType* element() const { return element_.get(); }
  int decimal_whole() const { return decimal_whole_; }
  int decimal_scale() const { return decimal_scale_; }

 private:
  std::array<std::int64_t, kNumSeenKinds> counts_{};
  int decimal_whole_ = 0;  ///< Digits before the point.
  int decimal_scale_ = 0;
  std::map<std::string, std::unique_ptr<Child>, std::less<>> fields_;
  std::unique_ptr<ObservedType> element_;
};

struct ObservedType::Child {
  std::uint32_t rank = 0;
  ObservedType type;
};

/// ASCII letters in lower case: names that are then the same are one to tables and SQL.
std::string FoldedName(std::string_view name);

/// The least type of the order above that is no less than either; null stands for no type.
std::shared_ptr<arrow::DataType> JoinTypes(const std::shared_ptr<arrow::DataType>& a,
                                           const std::shared_ptr<arrow::DataType>& b);

/// The type of a scalar kind that was seen in `seen`; null for those that say nothing, and for
/// lists, maps and structs.
std::shared_ptr<arrow::DataType> TypeOfKind(const ObservedType& seen, SeenKind kind);

/// The type of all that was seen, without the limits of a schema (known_schema.h has those); null
/// if it has none.
std::shared_ptr<arrow::DataType> ResolveType(const ObservedType& seen);

}  // namespace sluice
