#include "transform/sql/sql_session.h"

#include <utility>

namespace sluice {

Result<std::unique_ptr<SqlSession>> SqlSession::Open(std::shared_ptr<SqlCore> core,
                                                     const std::vector<InputSchema>& inputs,
                                                     bool with_row) {
  if (inputs.size() > kMaxSqlInputs) {
    return UserError("sql.statement", "a step can read at most " + std::to_string(kMaxSqlInputs) +
                                          " inputs; join in several steps");
  }
  std::unique_ptr<SqlSession> session(new SqlSession(std::move(core)));
  if (duckdb_connect(session->core_->database.get(), session->connection_.Receive()) !=
      DuckDBSuccess) {
    return BugError("DuckDB gave no connection");
  }
  session->slot_.with_row = with_row;
  for (const auto& input : inputs) {
    session->slot_.inputs.push_back(input.schema);
    session->slot_.tables.push_back(input.table);
  }
  session->core_->registry.Add(session->connection(), &session->slot_);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::string sql = "CREATE TEMP VIEW " + QuoteIdentifier(inputs[i].name) +
                            " AS SELECT * FROM " + std::string(kReservedPrefix) + "_scan" +
                            std::to_string(i) + "()";
    DuckResult result;
    if (duckdb_query(session->connection(), sql.c_str(), result.Receive()) != DuckDBSuccess) {
      return UserError("sql.bind", "input " + inputs[i].name + ": " +
                                       ReadDuckMessage(duckdb_result_error(result.get()), {}).text);
    }
  }
  return session;
}

SqlSession::~SqlSession() {
  if (!connection_) return;
  core_->registry.Remove(connection_.get());
}

Result<DuckStatement> SqlSession::Prepare(const std::string& sql) {
  DuckStatement statement;
  if (duckdb_prepare(connection_.get(), sql.c_str(), statement.Receive()) != DuckDBSuccess) {
    const char* message = duckdb_prepare_error(statement.get());
    return PrepareError(message == nullptr ? "the statement is empty" : message, sql);
  }
  return statement;
}

}  // namespace sluice
