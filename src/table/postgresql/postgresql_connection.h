/// A connection to a PostgreSQL server: all that is done with libpq.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "table/postgresql/postgresql_options.h"
#include "table/table.h"

struct pg_conn;
struct pg_result;

namespace sluice {

/// One caller at a time. Errors:
///   table.login, .tls, .database, .missing, .columns, .permission, .query   the user's
///   table.unavailable   the server is away, silent or has no room: Retry::kLater
class PostgresqlConnection {
 public:
  struct Column {
    std::string name;
    std::uint32_t type = 0;  ///< Its OID in pg_type.
    int modifier = -1;
    bool operator==(const Column&) const = default;
  };

  /// Logs in and begins a transaction that only reads. Nothing that it waits for outlasts
  /// `stopped` or the timeouts of `options`.
  static Result<std::unique_ptr<PostgresqlConnection>> Open(const PostgresqlOptions& options,
                                                            Table::Stopped stopped);
  ~PostgresqlConnection();
  PostgresqlConnection(const PostgresqlConnection&) = delete;
  PostgresqlConnection& operator=(const PostgresqlConnection&) = delete;

  /// What a SELECT gives. From here to the end of the connection nobody can change that.
  Result<std::vector<Column>> Describe(const std::string& select);

  /// Begins to copy what a SELECT gives, in the server's binary form.
  Result<void> StartCopy(const std::string& select);
  /// The next message of the copy, valid until the next call. False at the end.
  Result<bool> NextMessage(std::string_view* message);

 private:
  struct FreeResult {
    void operator()(pg_result* result) const;
  };
  using ResultPtr = std::unique_ptr<pg_result, FreeResult>;
  using TimePoint = std::chrono::steady_clock::time_point;

  PostgresqlConnection(const PostgresqlOptions& options, Table::Stopped stopped);
  Result<void> Connect();
  /// Until the socket can be read or written; an error after `deadline` or if stopped.
  Result<void> Wait(bool to_write, TimePoint deadline, const char* what);
  /// The next result of what was sent; null if there is none.
  Result<ResultPtr> TakeResult();
  /// All results of what was sent: the first, or what failed.
  Result<ResultPtr> TakeOnly();
  Result<void> Run(const std::string& statement);
  Error ConnectError() const;
  Error LostError() const;
  Error ResultError(const pg_result* result) const;

  const PostgresqlOptions options_;
  const Table::Stopped stopped_;
  pg_conn* connection_ = nullptr;
  char* message_ = nullptr;
};

}  // namespace sluice
