/// The SQL engine of a job: one DuckDB instance in memory, for compute only, locked down.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "transform/transform.h"

namespace sluice {

class SqlCore;

/// Any thread. Transforms made with an engine share it and keep it alive.
class SqlEngine {
 public:
  struct Settings {
    std::int64_t memory =
        256 << 20;                ///< Bytes that all queries together may hold before they spill.
    std::string spool_directory;  ///< Where they spill; made when needed. "" means they cannot.
    std::int64_t max_spool = 10LL << 30;  ///< Bytes on disk.
  };
  /// A spool directory that cannot be used is a user error.
  static Result<std::shared_ptr<SqlEngine>> Make(const Settings& settings);

  explicit SqlEngine(std::shared_ptr<SqlCore> core) : core_(std::move(core)) {}
  const std::shared_ptr<SqlCore>& core() const { return core_; }

 private:
  std::shared_ptr<SqlCore> core_;
};

/// A step that runs `sql`: one SELECT over `inputs` (sources and earlier steps; it may read only
/// some). SQL that only picks, renames and reorders columns does not run in DuckDB. Mistakes are
/// user errors with "line 2, column 8: " (within `sql`) in front:
///   sql.syntax     not SQL
///   sql.statement  not exactly one SELECT, or it reads no input
///   sql.forbidden  reads or calls what a job may not: files, settings, extensions, system tables
///   sql.bind       unknown names, wrong types
///   sql.type       a result column of a type that no sink can hold
///   sql.name       two result columns of one name, or a name that begins with "__sluice"
Result<std::shared_ptr<Transform>> MakeSqlTransform(const std::shared_ptr<SqlEngine>& engine,
                                                    const std::string& sql,
                                                    const std::vector<InputSchema>& inputs);

}  // namespace sluice
