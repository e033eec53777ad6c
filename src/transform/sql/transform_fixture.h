/// What the tests of SQL steps share.
#pragma once

#include <arrow/api.h>
#include <arrow/json/from_string.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "record/schema.h"
#include "transform/sql/sql_engine.h"

namespace sluice {

/// Gives its batches, then the end or an error.
class ListStream : public BatchStream {
 public:
  explicit ListStream(std::vector<std::shared_ptr<arrow::RecordBatch>> batches)
      : batches_(std::move(batches)) {}
  Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
    if (next_ == batches_.size()) return std::shared_ptr<arrow::RecordBatch>();
    return batches_[next_++];
  }

 private:
  std::vector<std::shared_ptr<arrow::RecordBatch>> batches_;
  std::size_t next_ = 0;
};

inline SchemaPtr Ddl(const std::string& ddl) {
  auto schema = ParseDdl(ddl);
  EXPECT_TRUE(schema.ok()) << ddl;
  return *schema;
}

/// Rows as JSON arrays: `[[1, "a"], [2, null]]`.
inline std::shared_ptr<arrow::RecordBatch> Rows(const SchemaPtr& schema, const std::string& json) {
  auto rows = arrow::json::ArrayFromJSONString(arrow::struct_(schema->fields()), json);
  EXPECT_TRUE(rows.ok()) << rows.status();
  auto flat = static_cast<const arrow::StructArray&>(**rows).Flatten();
  return arrow::RecordBatch::Make(schema, (*rows)->length(), *flat);
}

inline std::shared_ptr<SqlEngine> Engine(std::int64_t memory = 256 << 20,
                                         const std::string& spool = "") {
  SqlEngine::Settings settings;
  settings.memory = memory;
  settings.spool_directory = spool;
  auto engine = SqlEngine::Make(settings);
  EXPECT_TRUE(engine.ok()) << ToString(engine.error());
  return *engine;
}

inline std::shared_ptr<Transform> Make(const std::string& sql,
                                       const std::vector<InputSchema>& inputs,
                                       const std::shared_ptr<SqlEngine>& engine = Engine()) {
  auto transform = MakeSqlTransform(engine, sql, inputs);
  EXPECT_TRUE(transform.ok()) << sql << "\n" << ToString(transform.error());
  return transform.ok() ? *transform : nullptr;
}

/// Runs one batch through a row-by-row step.
inline Result<RowOutput> RunRows(const std::shared_ptr<Transform>& transform,
                                 const std::shared_ptr<arrow::RecordBatch>& batch,
                                 std::int64_t now = 0) {
  EXPECT_TRUE(transform->row_by_row()) << transform->plan();
  auto query = transform->OpenRow();
  if (!query.ok()) return std::move(query).error();
  auto output = (*query)->Apply(batch, now);
  if (output.ok()) {
    EXPECT_TRUE(output->rows->ValidateFull().ok()) << output->rows->ValidateFull();
    EXPECT_TRUE(output->rows->schema()->Equals(*transform->output_schema(), true));
    EXPECT_EQ(output->rows->num_rows(), static_cast<std::int64_t>(output->row_of_output.size()));
  }
  return output;
}

/// All that an open query gives, as one batch of `transform`'s schema.
inline Result<std::shared_ptr<arrow::RecordBatch>> Drain(const SchemaPtr& schema,
                                                         EpochQuery* query) {
  std::vector<std::shared_ptr<arrow::RecordBatch>> batches;
  while (true) {
    auto batch = query->Next();
    if (!batch.ok()) return std::move(batch).error();
    if (*batch == nullptr) break;
    EXPECT_TRUE((*batch)->ValidateFull().ok());
    EXPECT_GT((*batch)->num_rows(), 0);
    batches.push_back(*batch);
  }
  auto table = arrow::Table::FromRecordBatches(schema, batches);
  EXPECT_TRUE(table.ok()) << table.status();
  return *(*table)->CombineChunksToBatch();
}

/// Runs an open step over whole inputs, every scan fed with all batches of its input.
inline Result<std::shared_ptr<arrow::RecordBatch>> RunEpoch(
    const std::shared_ptr<Transform>& transform,
    const std::vector<std::vector<std::shared_ptr<arrow::RecordBatch>>>& inputs,
    std::int64_t now = 0) {
  EXPECT_FALSE(transform->row_by_row()) << transform->plan();
  std::vector<std::shared_ptr<BatchStream>> streams;
  for (const Scan& scan : transform->scans()) {
    streams.push_back(std::make_shared<ListStream>(inputs[scan.input]));
  }
  auto query = transform->OpenEpoch(std::move(streams), now);
  if (!query.ok()) return std::move(query).error();
  return Drain(transform->output_schema(), query->get());
}

}  // namespace sluice
