#include "transform/sql/row_query.h"

#include <arrow/array/concatenate.h>
#include <arrow/array/util.h>
#include <arrow/buffer.h>
#include <arrow/compute/api_vector.h>
#include <arrow/type.h>

#include <optional>
#include <utility>

#include "record/arrow_error.h"
#include "transform/mapping/relax.h"
#include "transform/sql/column_writer.h"

namespace sluice {
namespace {

/// Of a message in the dead letters, which may quote a value of any length.
constexpr std::size_t kLongestMessage = 4096;

/// Why a row's values made the query fail.
struct RowError {
  std::string message;
  std::string shown;  ///< As RowFailure::shown.
};

class RowQuery : public RowTransform {
 public:
  RowQuery(std::unique_ptr<SqlSession> session, std::shared_ptr<const RowPlan> plan)
      : session_(std::move(session)), plan_(std::move(plan)) {}

  Result<void> Prepare(std::int64_t now_micros) {
    session_->slot().now_micros = now_micros;
    statement_.Reset();
    TRY(statement_, session_->Prepare(plan_->sql));
    if (!writers_.empty()) return {};
    for (std::size_t i = 0; i < plan_->copies.size(); ++i) {
      if (plan_->copies[i] >= 0) continue;
      DuckType type(
          duckdb_prepared_statement_column_logical_type(statement_.get(), writers_.size()));
      writers_.push_back(
          ColumnWriter::Make(type.get(), plan_->output->field(static_cast<int>(i))->type()));
    }
    pieces_.resize(writers_.size());
    return {};
  }

  Result<RowOutput> Apply(const std::shared_ptr<arrow::RecordBatch>& rows,
                          std::int64_t now_micros) override {
    const SchemaPtr& schema = plan_->input.schema;
    if (rows->schema() != schema && !rows->schema()->Equals(*schema, false)) {
      return BugError("a step got a batch of another schema: " + rows->schema()->ToString());
    }
    if (plan_->uses_now && session_->slot().now_micros != now_micros) TRY(Prepare(now_micros));
    RowOutput output;
    output.row_of_output.reserve(static_cast<std::size_t>(rows->num_rows()));
    for (auto& pieces : pieces_) pieces.clear();
    session_->slot().batch = rows.get();
    auto done = RunRange(0, rows->num_rows(), &output);
    session_->slot().batch = nullptr;
    TRY(std::move(done));
    TRY(CheckRows(output, rows->num_rows()));
    TRY(output.rows, Assemble(*rows, output.row_of_output));
    return output;
  }

 private:
  /// Runs rows offset..offset+length; where a row's values fail the query, halves the range until
  /// the row is alone. What goes through is added to the pieces and to `output`, in order.
  Result<void> RunRange(std::int64_t offset, std::int64_t length, RowOutput* output) {
    if (length == 0) return {};
    TRY(auto failure, RunOnce(offset, length, output));
    if (!failure) return {};
    if (length == 1) {
      output->failures.push_back(
          {offset, "sql.row", "", std::move(failure->message), std::move(failure->shown)});
      return {};
    }
    const std::int64_t half = length / 2;
    TRY(RunRange(offset, half, output));
    return RunRange(offset + half, length - half, output);
  }

  /// The reason if some row's values made the query fail; then nothing was added.
  Result<std::optional<RowError>> RunOnce(std::int64_t offset, std::int64_t length,
                                          RowOutput* output) {
    ScanSlot& slot = session_->slot();
    slot.offset = offset;
    slot.length = length;
    DuckResult result;
    if (duckdb_execute_prepared(statement_.get(), result.Receive()) != DuckDBSuccess) {
      if (slot.error) return *std::exchange(slot.error, std::nullopt);
      const duckdb_error_type type = duckdb_result_error_type(result.get());
      const char* message = duckdb_result_error(result.get());
      if (IsRowError(type)) {
        return std::optional(RowError{RowMessage(message, kLongestMessage), RowReason(message)});
      }
      return RunError(type, message);
    }
    const std::size_t before = output->row_of_output.size();
    while (true) {
      DuckChunk chunk(duckdb_fetch_chunk(*result.get()));
      if (!chunk) break;
      auto added = AddChunk(chunk.get(), output);
      if (added.ok()) continue;
      for (auto& writer : writers_) writer->Clear();
      output->row_of_output.resize(before);
      if (added.error().code == "sql.range") {
        return std::optional(RowError{added.error().message, ""});
      }
      return std::move(added).error();
    }
    for (std::size_t i = 0; i < writers_.size(); ++i) {
      TRY(auto piece, writers_[i]->Finish());
      pieces_[i].push_back(std::move(piece));
    }
    return std::optional<RowError>();
  }

  Result<void> AddChunk(duckdb_data_chunk chunk, RowOutput* output) {
    const idx_t rows = duckdb_data_chunk_get_size(chunk);
    for (std::size_t i = 0; i < writers_.size(); ++i) {
      TRY(writers_[i]->Append(duckdb_data_chunk_get_vector(chunk, i), 0, rows));
    }
    const auto* numbers = static_cast<const std::int64_t*>(
        duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, writers_.size())));
    output->row_of_output.insert(output->row_of_output.end(), numbers, numbers + rows);
    return {};
  }

  /// What the interface promises of row numbers.
  Result<void> CheckRows(const RowOutput& output, std::int64_t rows) const {
    std::int64_t last = -1;
    auto failure = output.failures.begin();
    for (const std::int64_t row : output.row_of_output) {
      const bool again = row == last;
      if (row < last || row >= rows || (again && !plan_->may_multiply)) {
        return BugError("SQL gave back row " + std::to_string(row) + " after row " +
                        std::to_string(last) + " of " + std::to_string(rows));
      }
      while (failure != output.failures.end() && failure->row < row) ++failure;
      if (failure != output.failures.end() && failure->row == row) {
        return BugError("SQL both refused and gave back row " + std::to_string(row));
      }
      last = row;
    }
    return {};
  }

  Result<std::shared_ptr<arrow::RecordBatch>> Assemble(const arrow::RecordBatch& in,
                                                       const std::vector<std::int64_t>& rows) {
    const auto count = static_cast<std::int64_t>(rows.size());
    // Strictly rising in [first, first + count) means: these and no others.
    const bool run = count > 0 && !plan_->may_multiply && rows.back() - rows.front() == count - 1;
    const auto indices =
        std::make_shared<arrow::Int64Array>(count, arrow::Buffer::Wrap(rows.data(), rows.size()));
    arrow::ArrayVector arrays;
    std::size_t computed = 0;
    for (std::size_t i = 0; i < plan_->copies.size(); ++i) {
      const auto& type = plan_->output->field(static_cast<int>(i))->type();
      if (plan_->copies[i] < 0) {
        TRY(auto array, Join(pieces_[computed++], type));
        arrays.push_back(std::move(array));
        continue;
      }
      const auto array = WithRelaxedType(in.column(plan_->copies[i]), type);
      if (run) {
        arrays.push_back(count == in.num_rows() ? array : array->Slice(rows.front(), count));
      } else {
        TRY(auto taken,
            arrow::compute::Take(*array, *indices, arrow::compute::TakeOptions::NoBoundsCheck()));
        arrays.push_back(std::move(taken));
      }
    }
    return arrow::RecordBatch::Make(plan_->output, count, std::move(arrays));
  }

  static Result<std::shared_ptr<arrow::Array>> Join(const arrow::ArrayVector& pieces,
                                                    const std::shared_ptr<arrow::DataType>& type) {
    if (pieces.size() == 1) return pieces[0];
    if (pieces.empty()) {
      TRY(auto empty, arrow::MakeEmptyArray(type));
      return empty;
    }
    TRY(auto joined, arrow::Concatenate(pieces));
    return joined;
  }

  std::unique_ptr<SqlSession> session_;  // Before what is made on it.
  std::shared_ptr<const RowPlan> plan_;
  DuckStatement statement_;
  std::vector<std::unique_ptr<ColumnWriter>> writers_;
  std::vector<arrow::ArrayVector>
      pieces_;  ///< Per writer: one piece, or one per range that passed.
};

}  // namespace

Result<std::unique_ptr<RowTransform>> OpenRowQuery(std::shared_ptr<SqlCore> core,
                                                   std::shared_ptr<const RowPlan> plan) {
  TRY(auto session, SqlSession::Open(std::move(core), {plan->input}, /*with_row=*/true));
  auto query = std::make_unique<RowQuery>(std::move(session), std::move(plan));
  TRY(query->Prepare(0));
  return std::unique_ptr<RowTransform>(std::move(query));
}

}  // namespace sluice
