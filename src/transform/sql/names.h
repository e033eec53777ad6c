/// How SQL compares names: without case, as DuckDB does.
#pragma once

#include <arrow/type_fwd.h>

#include <string>
#include <string_view>

namespace sluice {

/// ASCII letters lowered.
std::string LowerName(std::string_view name);

/// Index of the column called `name`, without case, or -1. DuckDB knows no two that differ only in
/// case.
int FindColumn(const arrow::Schema& schema, std::string_view name);

}  // namespace sluice
