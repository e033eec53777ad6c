#include "transform/sql/epoch_query.h"

#include <arrow/type.h>

#include <optional>
#include <utility>

#include "transform/sql/column_writer.h"

namespace sluice {
namespace {

/// A batch is given out when it has so many rows or bytes, or the query has ended.
constexpr std::int64_t kBatchRows = 32 * 1024;
constexpr std::int64_t kBatchBytes = 8 << 20;
/// Of DuckDB's message about a value in an error.
constexpr std::size_t kLongestMessage = 300;

class OpenQuery : public EpochQuery {
 public:
  OpenQuery(std::unique_ptr<SqlSession> session, std::shared_ptr<const EpochPlan> plan,
            DuckStatement statement)
      : session_(std::move(session)), plan_(std::move(plan)), statement_(std::move(statement)) {
    for (int i = 0; i < plan_->output->num_fields(); ++i) {
      DuckType type(
          duckdb_prepared_statement_column_logical_type(statement_.get(), static_cast<idx_t>(i)));
      writers_.push_back(ColumnWriter::Make(type.get(), plan_->output->field(i)->type()));
    }
  }

  Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
    if (failed_) return *failed_;
    auto batch = Pull();
    if (!batch.ok()) {
      failed_ = batch.error();
      result_.Reset();
    }
    return batch;
  }

 private:
  Result<std::shared_ptr<arrow::RecordBatch>> Pull() {
    if (!started_) {
      started_ = true;
      if (duckdb_execute_prepared_streaming(statement_.get(), result_.Receive()) != DuckDBSuccess) {
        return Failure();
      }
    }
    std::int64_t rows = 0;
    while (!ended_ && rows < kBatchRows && Bytes() < kBatchBytes) {
      DuckChunk chunk(duckdb_fetch_chunk(*result_.get()));
      if (!chunk) {
        if (session_->slot().error || duckdb_result_error(result_.get()) != nullptr)
          return Failure();
        ended_ = true;
        break;
      }
      const idx_t count = duckdb_data_chunk_get_size(chunk.get());
      for (std::size_t i = 0; i < writers_.size(); ++i) {
        auto added = writers_[i]->Append(duckdb_data_chunk_get_vector(chunk.get(), i), 0, count);
        if (!added.ok()) {
          return std::move(added).error().At("column " +
                                             plan_->output->field(static_cast<int>(i))->name());
        }
      }
      rows += static_cast<std::int64_t>(count);
    }
    if (rows == 0) return std::shared_ptr<arrow::RecordBatch>();
    arrow::ArrayVector arrays;
    for (auto& writer : writers_) {
      TRY(auto array, writer->Finish());
      arrays.push_back(std::move(array));
    }
    return arrow::RecordBatch::Make(plan_->output, rows, std::move(arrays));
  }

  std::int64_t Bytes() const {
    std::int64_t sum = 0;
    for (const auto& writer : writers_) sum += writer->bytes();
    return sum;
  }

  /// An input's own error, or DuckDB's.
  Error Failure() {
    if (session_->slot().error) return *std::exchange(session_->slot().error, std::nullopt);
    const duckdb_error_type type = duckdb_result_error_type(result_.get());
    const char* message = duckdb_result_error(result_.get());
    if (message == nullptr) return BugError("DuckDB failed without a message");
    if (IsRowError(type)) {
      // Nothing else leads to the row, so here the value it quotes is told.
      return RemoteError("sql.row",
                         Place(message) + RowMessage(message, kLongestMessage) +
                             ". This SQL does not work row by row, so the row cannot be set "
                             "aside; guard it with TRY_CAST or WHERE, or in a step before",
                         Retry::kNo);
    }
    return RunError(type, message);
  }

  std::string Place(std::string_view message) const {
    const DuckMessage read = ReadDuckMessage(message, plan_->sql);
    if (read.line == 0 || read.column == 0) return "";
    return "line " + std::to_string(read.line) + ", column " + std::to_string(read.column) +
           " of the SQL: ";
  }

  std::unique_ptr<SqlSession> session_;  // Before what is made on it.
  std::shared_ptr<const EpochPlan> plan_;
  DuckStatement statement_;
  std::vector<std::unique_ptr<ColumnWriter>> writers_;
  DuckResult result_;
  bool started_ = false;
  bool ended_ = false;
  std::optional<Error> failed_;
};

}  // namespace

Result<std::unique_ptr<EpochQuery>> OpenEpochQuery(
    std::shared_ptr<SqlCore> core, std::shared_ptr<const EpochPlan> plan,
    std::vector<std::shared_ptr<BatchStream>> streams, std::int64_t now_micros) {
  if (streams.size() != plan->scans.size()) {
    return BugError("a query of " + std::to_string(plan->scans.size()) + " scans got " +
                    std::to_string(streams.size()) + " streams");
  }
  TRY(auto session, SqlSession::Open(std::move(core), plan->inputs, /*with_row=*/false));
  ScanSlot& slot = session->slot();
  slot.now_micros = now_micros;
  slot.streams.resize(plan->inputs.size());
  slot.opened.resize(plan->inputs.size());
  for (std::size_t i = 0; i < streams.size(); ++i) {
    slot.streams[plan->scans[i].input].push_back(std::move(streams[i]));
  }
  TRY(auto statement, session->Prepare(plan->sql));
  return std::unique_ptr<EpochQuery>(
      std::make_unique<OpenQuery>(std::move(session), std::move(plan), std::move(statement)));
}

}  // namespace sluice
