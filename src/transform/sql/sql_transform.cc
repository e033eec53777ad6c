#include <arrow/type.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "transform/mapping/select_transform.h"
#include "transform/sql/epoch_query.h"
#include "transform/sql/names.h"
#include "transform/sql/row_query.h"
#include "transform/sql/sql_engine.h"
#include "transform/sql/sql_plan.h"
#include "transform/sql/sql_statement.h"
#include "transform/sql/sql_unseen.h"
#include "transform/sql/type_map.h"

namespace sluice {
namespace {

class SqlTransform : public Transform {
 public:
  SqlTransform(std::shared_ptr<SqlCore> core, std::shared_ptr<const EpochPlan> epoch,
               std::shared_ptr<const RowPlan> row, std::string plan,
               std::vector<std::string> unseen)
      : core_(std::move(core)),
        epoch_(std::move(epoch)),
        row_(std::move(row)),
        plan_(std::move(plan)),
        unseen_(std::move(unseen)) {
    for (const auto& input : epoch_->inputs) inputs_.push_back(input.name);
  }

  const std::vector<std::string>& inputs() const override { return inputs_; }
  const SchemaPtr& output_schema() const override { return epoch_->output; }
  bool row_by_row() const override { return row_ != nullptr; }
  bool may_multiply() const override { return row_ != nullptr && row_->may_multiply; }
  std::string plan() const override { return plan_; }
  bool may_emit_when_idle() const override { return epoch_->may_emit_when_idle; }
  std::vector<std::string> unseen() const override { return unseen_; }
  Result<std::unique_ptr<RowTransform>> OpenRow() override {
    if (row_ == nullptr) return BugError("a step that is open for the epoch was opened row by row");
    return OpenRowQuery(core_, row_);
  }
  const std::vector<Scan>& scans() const override { return epoch_->scans; }
  Result<std::unique_ptr<EpochQuery>> OpenEpoch(std::vector<std::shared_ptr<BatchStream>> streams,
                                                std::int64_t now_micros) override {
    if (row_ != nullptr) return BugError("a step that works row by row was opened for an epoch");
    return OpenEpochQuery(core_, epoch_, std::move(streams), now_micros);
  }

 private:
  std::shared_ptr<SqlCore> core_;
  std::shared_ptr<const EpochPlan> epoch_;
  std::shared_ptr<const RowPlan> row_;
  std::string plan_;
  std::vector<std::string> unseen_;
  std::vector<std::string> inputs_;
};

std::string ColumnName(duckdb_prepared_statement statement, idx_t column) {
  const char* raw = duckdb_prepared_statement_column_name(statement, column);
  std::string name = raw;
  duckdb_free(const_cast<char*>(raw));
  return name;
}

/// SQL takes names that differ only in case for one, and so do readers of the result. `where` is
/// "the result", "input clicks".
Result<void> CheckCase(const arrow::FieldVector& fields, const std::string& where,
                       const std::string& advice) {
  std::map<std::string, std::string> seen;
  for (const auto& field : fields) {
    auto [other, fresh] = seen.emplace(LowerName(field->name()), field->name());
    if (!fresh) {
      return UserError("sql.name", where + " has the names \"" + other->second + "\" and \"" +
                                       field->name() +
                                       "\", which differ only in case: SQL and most readers take "
                                       "them for one; " +
                                       advice);
    }
    TRY(CheckCase(field->type()->fields(), where + ": " + field->name(), advice));
  }
  return {};
}

Result<SchemaPtr> OutputSchema(duckdb_prepared_statement statement) {
  arrow::FieldVector fields;
  const idx_t columns = duckdb_prepared_statement_column_count(statement);
  for (idx_t i = 0; i < columns; ++i) {
    std::string name = ColumnName(statement, i);
    for (const auto& field : fields) {
      if (field->name() != name) continue;
      return UserError("sql.name",
                       "two columns of the result are called \"" + name +
                           "\"; name one of them with AS, or leave it out with EXCLUDE");
    }
    DuckType type(duckdb_prepared_statement_column_logical_type(statement, i));
    TRY(auto arrow_type, ToArrowType(type.get(), name));
    fields.push_back(arrow::field(std::move(name), std::move(arrow_type)));
  }
  TRY(CheckCase(fields, "the result", "name one of them otherwise with AS, or leave it out"));
  return arrow::schema(std::move(fields));
}

Result<void> CheckInputs(const std::vector<InputSchema>& inputs) {
  for (const auto& input : inputs) {
    for (const auto& field : input.schema->fields()) {
      if (!LowerName(field->name()).starts_with(kReservedPrefix)) continue;
      return UserError("sql.name", "input " + input.name + " has a column " + field->name() +
                                       "; names that begin with \"" + std::string(kReservedPrefix) +
                                       "\" are reserved");
    }
  }
  return {};
}

/// Tries one row form. The plan if DuckDB accepts it, runs it row by row, and it gives the columns
/// that the statement itself gives; nullptr if not.
Result<std::shared_ptr<const RowPlan>> TryRowForm(const std::shared_ptr<SqlCore>& core,
                                                  const EpochPlan& epoch, const RowForm& form) {
  const std::shared_ptr<const RowPlan> none;
  const arrow::Schema& output = *epoch.output;
  if (form.copies.size() != static_cast<std::size_t>(output.num_fields())) return none;
  TRY(auto session, SqlSession::Open(core, epoch.inputs, /*with_row=*/true));
  auto sql = WriteSql(session->connection(), form.tree);
  if (!sql.ok()) return none;
  auto statement = session->Prepare(*sql);
  if (!statement.ok()) return none;
  idx_t computed = 0;
  for (int i = 0; i < output.num_fields(); ++i) {
    const int copy = form.copies[static_cast<std::size_t>(i)];
    DuckType type =
        copy >= 0
            ? ToDuckType(*epoch.inputs[0].schema->field(copy)->type())
            : DuckType(duckdb_prepared_statement_column_logical_type(statement->get(), computed++));
    if (!type) return none;
    auto arrow_type = ToArrowType(type.get(), output.field(i)->name());
    if (!arrow_type.ok() || !(*arrow_type)->Equals(*output.field(i)->type())) return none;
  }
  if (duckdb_prepared_statement_column_count(statement->get()) != computed + 1 ||
      ColumnName(statement->get(), computed) != kRowColumn ||
      duckdb_prepared_statement_column_type(statement->get(), computed) != DUCKDB_TYPE_BIGINT) {
    return none;
  }
  TRY(const SqlPlan plan, ExplainSql(session->connection(), *sql, epoch.inputs));
  if (!plan.row_wise) return none;
  auto row = std::make_shared<RowPlan>();
  row->input = epoch.inputs[0];
  row->output = epoch.output;
  row->sql = *std::move(sql);
  row->copies = form.copies;
  row->may_multiply = plan.unnests;
  return std::shared_ptr<const RowPlan>(std::move(row));
}

std::string OpenPlan(const SqlPlan& plan, const EpochPlan& epoch) {
  std::string text = "open for the epoch: ";
  text += plan.open_for.empty() ? "the rows' numbers cannot be carried through" : plan.open_for;
  for (std::size_t i = 0; i < epoch.inputs.size(); ++i) {
    const auto n = std::count_if(epoch.scans.begin(), epoch.scans.end(),
                                 [i](const Scan& scan) { return scan.input == i; });
    if (n > 1) text += "; scans " + epoch.inputs[i].name + " " + std::to_string(n) + " times";
  }
  return text;
}

std::string RowPlanText(const RowPlan& row) {
  const auto copied =
      std::count_if(row.copies.begin(), row.copies.end(), [](int c) { return c >= 0; });
  std::string text = "row by row in SQL";
  if (copied > 0) text += ", " + std::to_string(copied) + " columns copied past it";
  if (row.may_multiply) text += ", a row may come out several times";
  return text;
}

/// A statement that DuckDB accepts, with what of it could not be found.
struct Bound {
  DuckStatement prepared;
  SqlStatement statement;
  std::string sql;
  std::vector<std::string> unseen;
};

/// Columns that open inputs do not have yet become NULL one by one, as DuckDB misses them.
Result<Bound> Bind(SqlSession* session, const std::vector<InputSchema>& inputs, std::string sql,
                   SqlStatement statement) {
  constexpr std::size_t kMostUnseen = 1'000;
  Bound out{{}, std::move(statement), std::move(sql), {}};
  auto prepared = session->Prepare(out.sql);
  if (prepared.ok()) {
    out.prepared = *std::move(prepared);
    return out;
  }
  const Error first = prepared.error();
  while (!prepared.ok()) {
    std::string name;
    if (out.unseen.size() >= kMostUnseen ||
        !ReplaceUnseen(prepared.error().message, inputs, &out.statement.tree, &name)) {
      return first;
    }
    out.unseen.push_back(std::move(name));
    TRY(out.sql, WriteSql(session->connection(), out.statement.tree));
    prepared = session->Prepare(out.sql);
  }
  DropUnseenResults(out.unseen, &out.statement.tree);
  if (out.statement.tree.at("statements")[0]
          .at("node")
          .value("select_list", nlohmann::json{0})
          .empty()) {
    return UserError("sql.unseen",
                     "no record has shown any of the columns yet that the SELECT "
                     "names; give one a type: CAST(" +
                         out.unseen.front() + " AS ...)");
  }
  TRY(out.sql, WriteSql(session->connection(), out.statement.tree));
  TRY(out.prepared, session->Prepare(out.sql));
  return out;
}

}  // namespace

Result<std::shared_ptr<Transform>> MakeSqlTransform(const std::shared_ptr<SqlEngine>& engine,
                                                    const std::string& sql,
                                                    const std::vector<InputSchema>& inputs) {
  TRY(CheckInputs(inputs));
  const std::shared_ptr<SqlCore>& core = engine->core();
  TRY(auto parser, SqlSession::Open(core, {}, /*with_row=*/false));
  TRY(SqlStatement read, ReadStatement(parser->connection(), sql, inputs));
  auto epoch = std::make_shared<EpochPlan>();
  for (const std::size_t input : read.inputs) {
    TRY(CheckCase(inputs[input].schema->fields(), "input " + inputs[input].name,
                  "SQL cannot read this input; leave one of them out of its schema, or give one "
                  "another name with a mapping in between"));
    epoch->inputs.push_back(inputs[input]);
  }
  TRY(auto session, SqlSession::Open(core, epoch->inputs, /*with_row=*/false));
  TRY(Bound bound, Bind(session.get(), epoch->inputs, sql, std::move(read)));
  const SqlStatement& statement = bound.statement;
  epoch->sql = bound.sql;
  TRY(epoch->output, OutputSchema(bound.prepared.get()));
  TRY(const SqlPlan plan, ExplainSql(session->connection(), bound.sql, epoch->inputs));
  for (const std::size_t input : plan.scans) epoch->scans.push_back({input});
  // Without a table an idle epoch costs next to nothing, and runs as it always did.
  const bool reads_table = std::any_of(epoch->inputs.begin(), epoch->inputs.end(),
                                       [](const InputSchema& input) { return input.table; });
  epoch->may_emit_when_idle = !reads_table || plan.may_emit_when_idle;

  std::shared_ptr<const RowPlan> row;
  if (plan.row_wise && epoch->inputs.size() == 1) {
    const auto columns = static_cast<std::size_t>(epoch->output->num_fields());
    if (const auto form = CopyingRowForm(statement, epoch->inputs[0])) {
      if (form->only_copies && form->copies.size() == columns && bound.unseen.empty()) {
        return MakeSelectTransform(epoch->inputs[0], form->copies, epoch->output->field_names());
      }
      TRY(row, TryRowForm(core, *epoch, *form));
    }
    if (row == nullptr) {
      if (const auto form = FullRowForm(statement, columns)) {
        TRY(row, TryRowForm(core, *epoch, *form));
      }
    }
  }
  if (row != nullptr && statement.uses_now) {
    auto with_now = std::make_shared<RowPlan>(*row);
    with_now->uses_now = true;
    row = std::move(with_now);
  }
  const std::string text = row == nullptr ? OpenPlan(plan, *epoch) : RowPlanText(*row);
  return std::shared_ptr<Transform>(std::make_shared<SqlTransform>(
      core, std::move(epoch), std::move(row), text, std::move(bound.unseen)));
}

}  // namespace sluice
