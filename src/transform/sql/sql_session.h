/// One connection to the engine, with the inputs of a step as views.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "transform/sql/scan_function.h"

namespace sluice {

/// The database and what its functions need.
class SqlCore {
 public:
  ScanRegistry registry;  // Before the database: its functions point here.
  DuckDatabase database;
};

/// One caller at a time.
class SqlSession {
 public:
  /// Views named as `inputs`, reading slot().batch or slot().streams.
  static Result<std::unique_ptr<SqlSession>> Open(std::shared_ptr<SqlCore> core,
                                                  const std::vector<InputSchema>& inputs,
                                                  bool with_row);
  ~SqlSession();

  duckdb_connection connection() const { return connection_.get(); }
  ScanSlot& slot() { return slot_; }

  /// User errors as MakeSqlTransform says, with the place within `sql`.
  Result<DuckStatement> Prepare(const std::string& sql);

 private:
  explicit SqlSession(std::shared_ptr<SqlCore> core) : core_(std::move(core)) {}
  std::shared_ptr<SqlCore> core_;
  ScanSlot slot_;
  DuckConnection connection_;
};

}  // namespace sluice
