/// Columns beside those whose type can change no more (`typeConflict: make_cols`), one for each
/// other kind of value: `price_double`, `price_string`. The names are those that Glue's
/// ResolveChoice gives.
#pragma once

#include <arrow/type_fwd.h>

#include <memory>
#include <string>
#include <vector>

#include "record/observed_type.h"

namespace sluice {

/// Kinds of values that share a column.
struct MadeKind {
  std::string suffix;  ///< "_double".
  std::vector<SeenKind> kinds;
  /// Null: the one that follows from the values.
  std::shared_ptr<arrow::DataType> type;
};

const std::vector<MadeKind>& MadeKinds();

/// Null if no column of such a name is made of `column`.
const MadeKind* FindMadeKind(const std::string& name, const std::string& column);

/// Whether a column of this type takes all values of the kinds in `seen`, as far as their kinds
/// tell.
bool TakesKinds(const arrow::DataType& type, const ObservedType& seen);

}  // namespace sluice
