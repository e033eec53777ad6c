#include "table/postgresql/postgresql_connection.h"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <utility>

namespace sluice {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// What is cast to text must not depend on the server's settings. Poolers hand none on that are
/// not set inside of a transaction.
constexpr char kBegin[] =
    "BEGIN READ ONLY; SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO'; "
    "SET LOCAL intervalstyle = 'postgres'; SET LOCAL bytea_output = 'hex'; "
    "SET LOCAL extra_float_digits = 1";

/// How soon a waiting read notices that it is no longer wanted.
constexpr milliseconds kLook(100);

Error Unavailable(const std::string& message) { return RemoteError("table.unavailable", message); }

std::string OneLine(std::string text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) {
    text.pop_back();
  }
  for (char& c : text) {
    if (std::isspace(static_cast<unsigned char>(c)) != 0) c = ' ';
  }
  return text;
}

/// The error of a statement or a login by its SQLSTATE (PostgreSQL's manual, appendix A).
Error ByState(const std::string& state, const std::string& message) {
  const std::string text = message + " [SQLSTATE " + state + "]";
  if (state.starts_with("28")) {
    return UserError("table.login",
                     "the server refuses the login: " + text + "; check user and password");
  }
  if (state == "3D000") return UserError("table.database", "url: " + text);
  if (state == "42P01" || state == "3F000") return UserError("table.missing", "dbtable: " + text);
  if (state == "42703") return UserError("table.columns", text);
  if (state == "42501") {
    return UserError("table.permission", text + "; the user needs SELECT on dbtable");
  }
  const bool passes = state.starts_with("08") || state.starts_with("53") ||
                      state.starts_with("57") || state.starts_with("40") ||
                      state.starts_with("55") || state.starts_with("58") || state.starts_with("XX");
  if (passes) return Unavailable("the server cannot answer: " + text);
  return UserError("table.query", "the server refuses to read the table: " + text);
}

/// A verbose message is "FATAL:  28P01: what is wrong", then further lines.
bool FindState(const std::string& text, std::string* state, std::string* message) {
  for (std::size_t at = text.find(":  "); at != text.npos; at = text.find(":  ", at + 1)) {
    const std::string five = text.substr(at + 3, 5);
    const bool is_state = five.size() == 5 && text.compare(at + 8, 2, ": ") == 0 &&
                          std::all_of(five.begin(), five.end(), [](unsigned char c) {
                            return std::isdigit(c) != 0 || std::isupper(c) != 0;
                          });
    if (!is_state) continue;
    *state = five;
    *message = text.substr(at + 10, text.find('\n', at) - at - 10);
    return true;
  }
  return false;
}

}  // namespace

void PostgresqlConnection::FreeResult::operator()(pg_result* result) const { PQclear(result); }

PostgresqlConnection::PostgresqlConnection(const PostgresqlOptions& options, Table::Stopped stopped)
    : options_(options), stopped_(std::move(stopped)) {}

PostgresqlConnection::~PostgresqlConnection() {
  PQfreemem(message_);
  PQfinish(connection_);
}

Result<std::unique_ptr<PostgresqlConnection>> PostgresqlConnection::Open(
    const PostgresqlOptions& options, Table::Stopped stopped) {
  std::unique_ptr<PostgresqlConnection> made(new PostgresqlConnection(options, std::move(stopped)));
  TRY(made->Connect());
  TRY(made->Run(kBegin));
  return made;
}

Result<void> PostgresqlConnection::Connect() {
  // What is not said here comes from PG* variables and files of the user who runs the job.
  const std::vector<std::pair<const char*, std::string>> said = {
      {"host", options_.host},         {"port", options_.port},
      {"dbname", options_.database},   {"user", options_.user},
      {"password", options_.password}, {"passfile", "/dev/null"},
      {"sslmode", options_.sslmode},   {"sslrootcert", options_.sslrootcert},
      {"gssencmode", "disable"},       {"client_encoding", "UTF8"},
      {"application_name", "sluice"}};
  std::vector<const char*> keys;
  std::vector<const char*> values;
  for (const auto& [key, value] : said) {
    keys.push_back(key);
    values.push_back(value.c_str());
  }
  keys.push_back(nullptr);
  values.push_back(nullptr);
  const TimePoint deadline = steady_clock::now() + microseconds(options_.connect_timeout);
  // A database name that looks like a URL must not be taken for one.
  connection_ = PQconnectStartParams(keys.data(), values.data(), /*expand_dbname=*/0);
  if (connection_ == nullptr) return Unavailable("there is no memory for a connection");
  if (PQstatus(connection_) == CONNECTION_BAD) return ConnectError();
  PQsetErrorVerbosity(connection_, PQERRORS_VERBOSE);
  PostgresPollingStatusType status = PGRES_POLLING_WRITING;
  while (status != PGRES_POLLING_OK) {
    TRY(Wait(status == PGRES_POLLING_WRITING, deadline, "connectTimeout"));
    status = PQconnectPoll(connection_);
    if (status == PGRES_POLLING_FAILED) return ConnectError();
  }
  return {};
}

Error PostgresqlConnection::ConnectError() const {
  const std::string text = PQerrorMessage(connection_);
  std::string state;
  std::string message;
  if (FindState(text, &state, &message)) return ByState(state, message);
  if (text.find("no password supplied") != text.npos) {
    return UserError("table.login",
                     "the server asks for a password, and none is given; set "
                     "password");
  }
  for (const char* sign :
       {"does not support SSL", "certificate verify failed", "root certificate file",
        "server certificate for", "sslrootcert", "could not get server's host name"}) {
    if (text.find(sign) == text.npos) continue;
    return UserError("table.tls",
                     "sslmode " + options_.sslmode + " cannot be kept: " + OneLine(text));
  }
  return Unavailable("cannot connect to " + options_.host + ":" + options_.port + ": " +
                     OneLine(text));
}

Error PostgresqlConnection::LostError() const {
  return Unavailable("the connection to " + options_.host + ":" + options_.port +
                     " is lost: " + OneLine(PQerrorMessage(connection_)));
}

Error PostgresqlConnection::ResultError(const pg_result* result) const {
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char* message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  if (state == nullptr || message == nullptr) return LostError();
  return ByState(state, message);
}

Result<void> PostgresqlConnection::Wait(bool to_write, TimePoint deadline, const char* what) {
  while (true) {
    if (stopped_()) return RemoteError("table.stopped", "the job no longer needs the table");
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
    if (left.count() <= 0) {
      return Unavailable(options_.host + ":" + options_.port + " is silent for longer than " +
                         what);
    }
    pollfd socket{PQsocket(connection_), static_cast<short>(to_write ? POLLOUT : POLLIN), 0};
    const int ready = poll(&socket, 1, static_cast<int>(std::min(left, kLook).count()));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return Unavailable("the connection cannot be waited for");
  }
}

Result<PostgresqlConnection::ResultPtr> PostgresqlConnection::TakeResult() {
  const TimePoint deadline = steady_clock::now() + microseconds(options_.read_timeout);
  while (PQisBusy(connection_) != 0) {
    TRY(Wait(/*to_write=*/false, deadline, "readTimeout"));
    if (PQconsumeInput(connection_) == 0) return LostError();
  }
  return ResultPtr(PQgetResult(connection_));
}

Result<PostgresqlConnection::ResultPtr> PostgresqlConnection::TakeOnly() {
  TRY(ResultPtr only, TakeResult());
  if (only == nullptr) return LostError();
  const ExecStatusType status = PQresultStatus(only.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) return ResultError(only.get());
  while (true) {
    TRY(const ResultPtr more, TakeResult());
    if (more == nullptr) return only;
    if (PQresultStatus(more.get()) == PGRES_FATAL_ERROR) return ResultError(more.get());
  }
}

Result<void> PostgresqlConnection::Run(const std::string& statement) {
  if (PQsendQuery(connection_, statement.c_str()) == 0) return LostError();
  TRY(TakeOnly());
  return {};
}

Result<std::vector<PostgresqlConnection::Column>> PostgresqlConnection::Describe(
    const std::string& select) {
  if (PQsendPrepare(connection_, "", select.c_str(), 0, nullptr) == 0) return LostError();
  TRY(TakeOnly());
  if (PQsendDescribePrepared(connection_, "") == 0) return LostError();
  TRY(const ResultPtr described, TakeOnly());
  std::vector<Column> columns;
  for (int i = 0; i < PQnfields(described.get()); ++i) {
    columns.push_back(
        {PQfname(described.get(), i), PQftype(described.get(), i), PQfmod(described.get(), i)});
  }
  return columns;
}

Result<void> PostgresqlConnection::StartCopy(const std::string& select) {
  const std::string statement = "COPY (" + select + ") TO STDOUT (FORMAT binary)";
  if (PQsendQuery(connection_, statement.c_str()) == 0) return LostError();
  TRY(const ResultPtr begun, TakeResult());
  if (begun == nullptr) return LostError();
  if (PQresultStatus(begun.get()) != PGRES_COPY_OUT) return ResultError(begun.get());
  return {};
}

Result<bool> PostgresqlConnection::NextMessage(std::string_view* message) {
  PQfreemem(std::exchange(message_, nullptr));
  const TimePoint deadline = steady_clock::now() + microseconds(options_.read_timeout);
  while (true) {
    const int size = PQgetCopyData(connection_, &message_, /*async=*/1);
    if (size > 0) {
      *message = {message_, static_cast<std::size_t>(size)};
      return true;
    }
    if (size == -1) break;
    if (size < -1) return LostError();
    TRY(Wait(/*to_write=*/false, deadline, "readTimeout"));
    if (PQconsumeInput(connection_) == 0) return LostError();
  }
  TRY(TakeOnly());  // Whether the copy came to its end.
  return false;
}

}  // namespace sluice
