/// Reads back what a files sink wrote, as any reader of it would: plain files under a folder, Hive
/// partitions, names that begin with `_` or `.` left out.
#pragma once

#include <arrow/table.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"

namespace sluice {

struct TableFile {
  std::string partition;  ///< "city=Oslo"; "" at the root of the table.
  std::string path;
  std::int64_t bytes = 0;
};

/// The table's files, by name; none if there is no such folder.
Result<std::vector<TableFile>> ListTableFiles(const std::string& folder);

/// The rows of one file, these columns only.
Result<std::shared_ptr<arrow::Table>> ReadParquetFile(const TableFile& part,
                                                      const std::vector<std::string>& columns);

}  // namespace sluice
