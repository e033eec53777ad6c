/// How DuckDB reads our batches: the table functions __sluice_scan0(), __sluice_scan1(), ... and
/// the scalar
/// __sluice_now(). What they give depends on the connection, through its ScanSlot.
#pragma once

#include <arrow/record_batch.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "transform/sql/duckdb_handle.h"
#include "transform/transform.h"

namespace sluice {

/// Inputs one statement can read.
inline constexpr std::size_t kMaxSqlInputs = 32;
/// Everything of ours inside DuckDB begins so; nothing of a user's may.
inline constexpr std::string_view kReservedPrefix = "__sluice";
inline constexpr std::string_view kRowColumn = "__sluice_row";

/// What the scans of one connection read. Used by the thread that runs the connection's query.
struct ScanSlot {
  std::vector<SchemaPtr> inputs;  ///< inputs[i] is what __sluice_scan<i>() reads.
  std::vector<bool> tables;       ///< Which of them are tables.
  bool with_row = false;          ///< The scans have kRowColumn as last column: the row's number.
  std::int64_t now_micros = 0;

  /// Row by row: rows offset..offset+length of `batch`, read by input 0.
  const arrow::RecordBatch* batch = nullptr;
  std::int64_t offset = 0;
  std::int64_t length = 0;

  /// Open for the epoch: streams[i] are input i's, one for each scan, and opened[i] how many are
  /// taken.
  std::vector<std::vector<std::shared_ptr<BatchStream>>> streams;
  std::vector<std::size_t> opened;
  /// Why a scan failed: an error of a stream, passed on as it is.
  std::optional<Error> error;
};

/// The slots of a database's connections. Must outlive the database. Any thread.
class ScanRegistry {
 public:
  /// Adds the functions to the database of `connection`.
  Result<void> RegisterFunctions(duckdb_connection connection);

  void Add(duckdb_connection connection, ScanSlot* slot);
  void Remove(duckdb_connection connection);
  ScanSlot* Find(duckdb_client_context context);

 private:
  static idx_t Id(duckdb_connection connection);
  std::mutex mutex_;
  std::unordered_map<idx_t, ScanSlot*> slots_;
};

}  // namespace sluice
