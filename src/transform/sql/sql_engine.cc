#include "transform/sql/sql_engine.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "transform/sql/sql_session.h"

namespace sluice {
namespace {

/// Clock functions give the epoch's now. They hide DuckDB's own of the same names, which
/// current_timestamp and its like are turned into as well. Sessions run in UTC.
constexpr const char* kSetup[] = {
    "SET GLOBAL TimeZone = 'UTC'",
    "CREATE MACRO now() AS __sluice_now()",
    "CREATE MACRO transaction_timestamp() AS __sluice_now()",
    "CREATE MACRO get_current_timestamp() AS __sluice_now()",
    "CREATE MACRO current_date() AS CAST(__sluice_now() AS DATE)",
    "CREATE MACRO today() AS CAST(__sluice_now() AS DATE)",
    "CREATE MACRO get_current_time() AS CAST(__sluice_now() AS TIMETZ)",
    "CREATE MACRO current_localtime() AS CAST(CAST(__sluice_now() AS TIMESTAMP) AS TIME)",
    "CREATE MACRO current_localtimestamp() AS CAST(__sluice_now() AS TIMESTAMP)",
    // Last: nothing can be opened or set any more. Spilling still works.
    "SET enable_external_access = false",
    "SET lock_configuration = true",
};

class Config {
 public:
  Config() { duckdb_create_config(&config_); }
  ~Config() { duckdb_destroy_config(&config_); }
  Config(const Config&) = delete;
  Config& operator=(const Config&) = delete;
  Result<void> Set(const char* name, const std::string& value) {
    if (duckdb_set_config(config_, name, value.c_str()) == DuckDBSuccess) return {};
    return BugError(std::string("DuckDB refused the setting ") + name + " = " + value);
  }
  duckdb_config get() const { return config_; }

 private:
  duckdb_config config_ = nullptr;
};

Result<void> Configure(const SqlEngine::Settings& settings, Config* config) {
  // One thread: each query runs on its caller's own, so that a scan that waits holds up nobody
  // else.
  TRY(config->Set("threads", "1"));
  TRY(config->Set("memory_limit", std::to_string(settings.memory) + "B"));
  TRY(config->Set("temp_directory", settings.spool_directory));
  TRY(config->Set("max_temp_directory_size", std::to_string(settings.max_spool) + "B"));
  TRY(config->Set("autoinstall_known_extensions", "false"));
  TRY(config->Set("autoload_known_extensions", "false"));
  TRY(config->Set("allow_community_extensions", "false"));
  TRY(config->Set("allow_unsigned_extensions", "false"));
  TRY(config->Set("allow_persistent_secrets", "false"));
  return {};
}

}  // namespace

Result<std::shared_ptr<SqlEngine>> SqlEngine::Make(const Settings& settings) {
  if (!settings.spool_directory.empty()) {
    std::error_code failed;
    std::filesystem::create_directories(settings.spool_directory, failed);
    if (failed) {
      return UserError("spool.directory",
                       "cannot make the spool directory " + settings.spool_directory + ": " +
                           failed.message() +
                           "; set spoolDirectory to a folder that can be written");
    }
  }
  Config config;
  TRY(Configure(settings, &config));
  auto core = std::make_shared<SqlCore>();
  char* message = nullptr;
  if (duckdb_open_ext(nullptr, core->database.Receive(), config.get(), &message) != DuckDBSuccess) {
    Error error =
        BugError(std::string("DuckDB did not open: ") + (message == nullptr ? "" : message));
    duckdb_free(message);
    return error;
  }
  DuckConnection connection;
  if (duckdb_connect(core->database.get(), connection.Receive()) != DuckDBSuccess) {
    return BugError("DuckDB gave no connection");
  }
  TRY(core->registry.RegisterFunctions(connection.get()));
  for (const char* statement : kSetup) TRY(RunStatement(connection.get(), statement));
  return std::make_shared<SqlEngine>(std::move(core));
}

}  // namespace sluice
