/// Rows that steps look up: what lies on disk or in a database, read as a whole and not followed.
///
/// A table is opened once, for its columns, and then read afresh for each epoch of each step that
/// names it. No position of it is remembered: an epoch that is dropped and done again may see newer
/// rows, and what was staged when it was decided is what counts. Threads: a Table may be read from
/// any thread, several times at once; each TableReader belongs to one caller at a time.
#pragma once

#include <arrow/record_batch.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/options.h"
#include "core/registry.h"
#include "core/result.h"
#include "record/schema.h"

namespace sluice {

/// Destroying it early ends the read.
class TableReader {
 public:
  virtual ~TableReader() = default;
  /// Some rows, with the table's schema and text that is UTF-8; null at the end. Whatever keeps
  /// them from being read is an error: rows of a table are never left out.
  virtual Result<std::shared_ptr<arrow::RecordBatch>> Next() = 0;
};

class Table {
 public:
  /// Asked while a reader waits: true makes it give up, with any error.
  using Stopped = std::function<bool()>;

  virtual ~Table() = default;
  /// Of its rows, in canonical types: those declared, or found when it was opened. Stays.
  virtual const SchemaPtr& schema() const = 0;
  /// Where it is, for people; holds nothing secret.
  virtual std::string location() const = 0;
  /// All of its rows, as they are now. What is wrong with it now may be mended while the job runs,
  /// so errors are Retry::kLater, even those that Open would blame on the user, but for logins that
  /// are refused and values that no column can hold.
  virtual Result<std::unique_ptr<TableReader>> Read(Stopped stopped) const = 0;
};

/// A kind of table as the lists in src/main/ and `sluice describe` know it.
struct TableEntry {
  std::string name;  ///< The `type`: "files".
  std::string summary;
  std::vector<OptionSpec> options;
  /// Finds the columns, or checks that there are those that are `declared` (null: none are). User
  /// errors say what is missing or refused; at Retry::kLater it is only away.
  std::function<Result<std::unique_ptr<Table>>(const Options&, SchemaPtr declared)> open;
};

using TableRegistry = Registry<TableEntry>;

}  // namespace sluice
