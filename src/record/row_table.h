/// Rows as a table for people.
#pragma once

#include <arrow/record_batch.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/text_table.h"
#include "record/schema.h"

namespace sluice {

/// A table without rows: names, types where `typed`, and numbers to the right.
TextTable TableOfColumns(const arrow::Schema& schema, bool typed);

/// One text for each value of a row: strings as they are, all else as record/json_row.h writes it,
/// without the quotes. REQUIRES: canonical types.
std::vector<std::string> RowCells(const arrow::RecordBatch& rows, std::int64_t row);

}  // namespace sluice
