#include "transform/mapping/select_transform.h"

#include <arrow/type.h>

#include <cstddef>
#include <numeric>
#include <utility>

#include "transform/mapping/relax.h"
#include "transform/mapping/row_step.h"

namespace sluice {
namespace {

class SelectRows : public RowTransform {
 public:
  SelectRows(SchemaPtr input, SchemaPtr output, std::vector<int> columns)
      : input_(std::move(input)), output_(std::move(output)), columns_(std::move(columns)) {}

  Result<RowOutput> Apply(const std::shared_ptr<arrow::RecordBatch>& rows, std::int64_t) override {
    if (rows->schema() != input_ && !rows->schema()->Equals(*input_, false)) {
      return BugError("a step got a batch of another schema: " + rows->schema()->ToString());
    }
    arrow::ArrayVector arrays;
    arrays.reserve(columns_.size());
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      arrays.push_back(
          WithRelaxedType(rows->column(columns_[i]), output_->field(static_cast<int>(i))->type()));
    }
    RowOutput output;
    output.rows = arrow::RecordBatch::Make(output_, rows->num_rows(), std::move(arrays));
    output.row_of_output.resize(static_cast<std::size_t>(rows->num_rows()));
    std::iota(output.row_of_output.begin(), output.row_of_output.end(), 0);
    return output;
  }

 private:
  SchemaPtr input_;
  SchemaPtr output_;
  std::vector<int> columns_;
};

class SelectTransform : public RowStep {
 public:
  SelectTransform(InputSchema input, SchemaPtr output, std::vector<int> columns)
      : RowStep(std::move(input), std::move(output)), columns_(std::move(columns)) {}

  std::string plan() const override { return "picks and renames columns, no SQL"; }
  Result<std::unique_ptr<RowTransform>> OpenRow() override {
    return std::unique_ptr<RowTransform>(
        std::make_unique<SelectRows>(input_schema(), output_schema(), columns_));
  }

 private:
  std::vector<int> columns_;
};

}  // namespace

std::shared_ptr<Transform> MakeSelectTransform(InputSchema input, std::vector<int> columns,
                                               const std::vector<std::string>& names) {
  arrow::FieldVector fields;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    fields.push_back(RelaxField(names[i], *input.schema->field(columns[i])));
  }
  return std::make_shared<SelectTransform>(std::move(input), arrow::schema(std::move(fields)),
                                           std::move(columns));
}

}  // namespace sluice
