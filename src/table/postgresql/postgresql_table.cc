#include "table/postgresql/postgresql_table.h"

#include <arrow/type.h>

#include <utility>

#include "table/postgresql/postgresql_connection.h"
#include "table/postgresql/postgresql_options.h"
#include "table/postgresql/postgresql_types.h"
#include "table/postgresql/postgresql_values.h"

namespace sluice {
namespace {

using Columns = std::vector<PostgresqlConnection::Column>;

/// Copies the rows that were there when it began.
class CopyReader : public TableReader {
 public:
  CopyReader(std::unique_ptr<PostgresqlConnection> connection, std::unique_ptr<PostgresqlRows> rows)
      : connection_(std::move(connection)), rows_(std::move(rows)) {}

  Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
    while (!done_ && !rows_->full()) {
      std::string_view message;
      TRY(const bool more, connection_->NextMessage(&message));
      if (more) {
        TRY(rows_->Add(message));
        continue;
      }
      done_ = true;
      if (!rows_->ended()) {
        return RemoteError("table.unavailable", "the server ended the copy before its end");
      }
    }
    if (rows_->rows() == 0) return std::shared_ptr<arrow::RecordBatch>();
    return rows_->Take();
  }

 private:
  const std::unique_ptr<PostgresqlConnection> connection_;
  const std::unique_ptr<PostgresqlRows> rows_;
  bool done_ = false;
};

class PostgresqlTable : public Table {
 public:
  static Result<std::unique_ptr<Table>> Open(const Options& options, const SchemaPtr& declared) {
    auto table = std::make_unique<PostgresqlTable>();
    TRY(table->options_, ParsePostgresqlOptions(options));
    const std::string from =
        " FROM " + QuotedName(table->options_.schema) + "." + QuotedName(table->options_.table);
    TRY(const auto connection, PostgresqlConnection::Open(table->options_, [] { return false; }));
    TRY(const Columns found, connection->Describe("SELECT *" + from));
    TRY(table->columns_, ColumnsOf(found, declared));
    table->select_ = "SELECT ";
    arrow::FieldVector fields;
    for (const PostgresqlColumn& column : table->columns_) {
      table->select_ += (fields.empty() ? "" : ", ") + column.expression;
      fields.push_back(column.field);
    }
    table->select_ += from;
    table->schema_ = arrow::schema(std::move(fields));
    TRY(table->described_, connection->Describe(table->select_));
    return std::unique_ptr<Table>(std::move(table));
  }

  const SchemaPtr& schema() const override { return schema_; }
  std::string location() const override { return options_.Location(); }

  Result<std::unique_ptr<TableReader>> Read(Stopped stopped) const override {
    auto reader = Copy(std::move(stopped));
    if (reader.ok() || reader.error().code == "table.login") return reader;
    // The table may be on its way: dropped and made anew, or not yet granted.
    Error error = std::move(reader).error();
    if (error.blame == Blame::kUser) error.blame = Blame::kRemote;
    error.retry = Retry::kLater;
    return error;
  }

 private:
  Result<std::unique_ptr<TableReader>> Copy(Stopped stopped) const {
    TRY(auto connection, PostgresqlConnection::Open(options_, std::move(stopped)));
    TRY(const Columns now, connection->Describe(select_));
    if (now != described_) {
      return UserError("table.columns",
                       "the types of the table's columns are no longer those of the job's start; "
                       "restart the job to take in the new ones");
    }
    TRY(auto rows, PostgresqlRows::Make(columns_));
    TRY(connection->StartCopy(select_));
    return std::unique_ptr<TableReader>(
        std::make_unique<CopyReader>(std::move(connection), std::move(rows)));
  }

  PostgresqlOptions options_;
  std::vector<PostgresqlColumn> columns_;
  std::string select_;
  Columns described_;  ///< What `select_` gave at the start.
  SchemaPtr schema_;
};

}  // namespace

TableEntry PostgresqlTableEntry() {
  TableEntry entry;
  entry.name = "postgresql";
  entry.summary = "A table or view in a PostgreSQL database";
  entry.options = PostgresqlOptionSpecs();
  entry.open = [](const Options& options, const SchemaPtr& declared) {
    return PostgresqlTable::Open(options, declared);
  };
  return entry;
}

}  // namespace sluice
