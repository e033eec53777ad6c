/// What is other in one schema than in another, place by place.
#pragma once

#include <string>
#include <vector>

#include "record/schema.h"

namespace sluice {

struct SchemaChange {
  std::string place;  ///< `geo.lat`, `tags[]`; see AppendPathName.
  std::string text;   ///< "+ price double", "- price double", "qty: int -> bigint".
  /// Whether files of both are read together (MayWiden, known_schema.h). New and dropped columns
  /// are.
  bool readable = true;
};

/// In the order of `to`'s columns, those that only `from` has behind them. Order, nullability and
/// comments do not count. REQUIRES: canonical types.
std::vector<SchemaChange> SchemaChanges(const arrow::Schema& from, const arrow::Schema& to);

}  // namespace sluice
