/// Owners for DuckDB's C handles, and DuckDB's errors as ours. The C API throws nothing.
#pragma once

#include <duckdb.h>

#include <string>
#include <string_view>
#include <utility>

#include "core/result.h"

namespace sluice {

template <typename H, void (*Destroy)(H*)>
class DuckHandle {
 public:
  DuckHandle() = default;
  explicit DuckHandle(H handle) : handle_(handle) {}
  DuckHandle(DuckHandle&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  DuckHandle& operator=(DuckHandle&& other) noexcept {
    if (this != &other) {
      Reset();
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  ~DuckHandle() { Reset(); }

  H get() const { return handle_; }
  explicit operator bool() const { return handle_ != nullptr; }
  /// For out parameters of the C API.
  H* Receive() {
    Reset();
    return &handle_;
  }
  void Reset() {
    if (handle_ != nullptr) Destroy(&handle_);
    handle_ = nullptr;
  }

 private:
  H handle_ = nullptr;
};

using DuckDatabase = DuckHandle<duckdb_database, duckdb_close>;
using DuckConnection = DuckHandle<duckdb_connection, duckdb_disconnect>;
using DuckStatement = DuckHandle<duckdb_prepared_statement, duckdb_destroy_prepare>;
using DuckType = DuckHandle<duckdb_logical_type, duckdb_destroy_logical_type>;
using DuckChunk = DuckHandle<duckdb_data_chunk, duckdb_destroy_data_chunk>;
using DuckContext = DuckHandle<duckdb_client_context, duckdb_destroy_client_context>;

/// A result; destroying one that still runs cancels its query.
class DuckResult {
 public:
  DuckResult() = default;
  DuckResult(const DuckResult&) = delete;
  DuckResult& operator=(const DuckResult&) = delete;
  ~DuckResult() { Reset(); }
  duckdb_result* Receive() {
    Reset();
    open_ = true;
    return &result_;
  }
  duckdb_result* get() { return &result_; }
  bool open() const { return open_; }
  void Reset() {
    if (open_) duckdb_destroy_result(&result_);
    open_ = false;
  }

 private:
  duckdb_result result_{};
  bool open_ = false;
};

/// What DuckDB said, cut into its parts.
struct DuckMessage {
  std::string text;  ///< Without the quoted line of SQL. "Did you mean" and candidates are kept.
  int line = 0;      ///< Within the SQL, from 1; 0 if not told.
  int column = 0;    ///< In characters, from 1.
};

/// `message` is what duckdb_prepare_error or duckdb_result_error gave for `sql`.
DuckMessage ReadDuckMessage(std::string_view message, std::string_view sql);

/// The byte offset in `sql` as line and column, both from 1; the column counts characters.
std::pair<int, int> LineAndColumn(std::string_view sql, std::size_t offset);

/// A statement that could not be prepared: the user's mistake, "sql.syntax" or "sql.bind", with
/// line and column within `sql` in front.
Error PrepareError(std::string_view message, std::string_view sql);

/// True if an error of this kind can be the fault of one row's values.
bool IsRowError(duckdb_error_type type);

/// A running query that failed, and not for a row's values: memory, disk, a cancelled or broken
/// instance.
Error RunError(duckdb_error_type type, std::string_view message);

/// DuckDB's own message about a row, cut at `longest` bytes. It may quote the row's values.
std::string RowMessage(std::string_view message, std::size_t longest);

/// The same without what it quotes, for logs.
std::string RowReason(std::string_view message);

/// Runs statements of our own that give no rows. A failure is a bug.
Result<void> RunStatement(duckdb_connection connection, const std::string& sql);

/// Runs a query of our own that gives one text: the last column of the first row. `argument` is
/// bound as parameter 1. Errors are DuckDB's, as from RunError.
Result<std::string> QueryText(duckdb_connection connection, const std::string& sql,
                              const std::string& argument);

/// "a" -> "\"a\"", as an SQL identifier.
std::string QuoteIdentifier(std::string_view name);

}  // namespace sluice
