#include "cli/table_files.h"

#include <arrow/io/file.h>
#include <parquet/arrow/reader.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "record/arrow_error.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

bool IsHidden(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.empty() || name.front() == '_' || name.front() == '.';
}

}  // namespace

Result<std::vector<TableFile>> ListTableFiles(const std::string& folder) {
  std::vector<TableFile> parts;
  std::error_code error;
  fs::recursive_directory_iterator at(folder, error);
  for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    if (IsHidden(at->path())) {
      at.disable_recursion_pending();
    } else if (at->is_regular_file()) {
      const std::string below = fs::relative(at->path(), folder).parent_path().string();
      parts.push_back({below, at->path().string(), static_cast<std::int64_t>(at->file_size())});
    }
  }
  if (error == std::errc::no_such_file_or_directory) return parts;
  if (error) return RemoteError("demo.table", folder + ": " + error.message(), Retry::kNo);
  std::sort(parts.begin(), parts.end(),
            [](const TableFile& a, const TableFile& b) { return a.path < b.path; });
  return parts;
}

Result<std::shared_ptr<arrow::Table>> ReadParquetFile(const TableFile& part,
                                                      const std::vector<std::string>& columns) {
  TRY(auto file, arrow::io::ReadableFile::Open(part.path));
  TRY(std::unique_ptr<parquet::arrow::FileReader> reader,
      parquet::arrow::OpenFile(std::move(file), arrow::default_memory_pool()));
  std::shared_ptr<arrow::Schema> schema;
  TRY(reader->GetSchema(&schema));
  std::vector<int> leaves;
  for (const std::string& column : columns) {
    const int leaf = reader->parquet_reader()->metadata()->schema()->ColumnIndex(column);
    if (leaf < 0) {
      return RemoteError("demo.table", part.path + " has no column " + column, Retry::kNo);
    }
    leaves.push_back(leaf);
  }
  TRY(std::shared_ptr<arrow::Table> table, reader->ReadTable(leaves));
  std::vector<int> order;
  for (const std::string& column : columns) {
    order.push_back(table->schema()->GetFieldIndex(column));
  }
  TRY(table, table->SelectColumns(order));
  return table;
}

}  // namespace sluice
