#include "record/made_columns.h"

#include <arrow/type.h>

#include "record/known_schema.h"
#include "record/schema.h"

namespace sluice {

const std::vector<MadeKind>& MadeKinds() {
  using Kind = SeenKind;
  static const std::vector<MadeKind> kinds = {
      {"_boolean", {Kind::kBool}, arrow::boolean()},
      {"_long", {Kind::kInt8, Kind::kInt16, Kind::kInt32, Kind::kInt64}, arrow::int64()},
      {"_decimal", {Kind::kDecimal}, nullptr},
      {"_double", {Kind::kFloat, Kind::kDouble}, arrow::float64()},
      {"_date", {Kind::kDate}, arrow::date32()},
      {"_timestamp", {Kind::kTimestamp}, nullptr},
      {"_timestamp_ntz", {Kind::kTimestampNtz}, nullptr},
      {"_string", {Kind::kString, Kind::kHugeNumber}, arrow::utf8()},
      {"_binary", {Kind::kBinary}, arrow::binary()},
      {"_array", {Kind::kList}, nullptr},
      {"_map", {Kind::kMap}, nullptr},
      {"_struct", {Kind::kStruct}, nullptr},
  };
  return kinds;
}

const MadeKind* FindMadeKind(const std::string& name, const std::string& column) {
  for (const MadeKind& kind : MadeKinds()) {
    if (name == column + kind.suffix) return &kind;
  }
  return nullptr;
}

bool TakesKinds(const arrow::DataType& type, const ObservedType& seen) {
  if (type.id() == arrow::Type::STRING) return true;
  for (std::size_t i = 0; i < kNumSeenKinds; ++i) {
    const auto kind = static_cast<SeenKind>(i);
    if (seen.count(kind) == 0) continue;
    bool takes = kind == SeenKind::kNull;
    if (kind == SeenKind::kList) takes = type.id() == arrow::Type::LIST;
    if (kind == SeenKind::kMap) takes = type.id() == arrow::Type::MAP;
    if (kind == SeenKind::kStruct) takes = type.id() == arrow::Type::STRUCT;
    if (const auto of_kind = TypeOfKind(seen, kind); of_kind != nullptr) {
      takes = of_kind->Equals(type) || MayWiden(*of_kind, type);
    }
    if (!takes) return false;
  }
  return true;
}

}  // namespace sluice
