/// Rows of Parquet files.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "table/table.h"

namespace sluice {

/// The columns of a file in canonical types. User errors: it is no Parquet file, or has types that
/// there is no column for.
Result<SchemaPtr> ParquetSchema(const std::string& file);

/// Columns are found by name: those that a file does not have are null, those that `schema` does
/// not have are left out. A column of another type is an error.
std::unique_ptr<TableReader> ReadParquet(std::vector<std::string> files, SchemaPtr schema,
                                         Table::Stopped stopped);

}  // namespace sluice
