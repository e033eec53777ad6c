/// A table as an input of a query: read when the query first asks for rows.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "engine/pipeline.h"

namespace sluice {

/// `count` sees the number of rows of each batch.
class TableStream final : public BatchStream {
 public:
  TableStream(PipelineTable table, Table::Stopped stopped,
              std::function<void(std::int64_t rows)> count)
      : table_(std::move(table)), stopped_(std::move(stopped)), count_(std::move(count)) {}

  Result<std::shared_ptr<arrow::RecordBatch>> Next() override;

 private:
  const PipelineTable table_;
  const Table::Stopped stopped_;
  const std::function<void(std::int64_t rows)> count_;
  std::unique_ptr<TableReader> reader_;
  bool ended_ = false;
};

}  // namespace sluice
