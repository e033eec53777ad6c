/// The options of the table `postgresql`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/options.h"
#include "core/result.h"

namespace sluice {

struct PostgresqlOptions {
  std::string host;
  std::string port;
  std::string database;
  std::string schema = "public";
  std::string table;
  std::string user;
  std::string password;
  std::string sslmode;
  std::string sslrootcert;           ///< Of the verifying modes.
  std::int64_t connect_timeout = 0;  ///< Microseconds, as all times.
  std::int64_t read_timeout = 0;

  /// postgresql://host:5432/db, public.accounts
  std::string Location() const;
};

std::vector<OptionSpec> PostgresqlOptionSpecs();

/// User errors name the option; none shows what may be a secret.
Result<PostgresqlOptions> ParsePostgresqlOptions(const Options& options);

/// "Order" -> "\"Order\"", for a statement.
std::string QuotedName(const std::string& name);

}  // namespace sluice
