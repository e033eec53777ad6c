#include "table/files/parquet_rows.h"

#include <arrow/array/util.h>
#include <arrow/compute/cast.h>
#include <arrow/io/file.h>
#include <arrow/memory_pool.h>
#include <arrow/type.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/schema.h>
#include <parquet/exception.h>

#include <numeric>
#include <utility>

#include "record/arrow_error.h"

namespace sluice {
namespace {

constexpr std::int64_t kBatchRows = 8192;
constexpr std::int64_t kBufferBytes = 256 << 10;

Error CannotRead(const std::string& file, const std::string& reason) {
  return UserError("table.file", file + " cannot be read as Parquet: " + reason);
}

/// Of a file as it lies there now; an error quotes Arrow's reason.
Result<std::unique_ptr<parquet::arrow::FileReader>> OpenFile(const std::string& file) {
  try {
    auto input = arrow::io::ReadableFile::Open(file);
    if (!input.ok()) return CannotRead(file, input.status().message());
    parquet::ReaderProperties properties;
    // Otherwise whole column chunks are in memory.
    properties.enable_buffered_stream();
    properties.set_buffer_size(kBufferBytes);
    parquet::ArrowReaderProperties arrow_properties;
    arrow_properties.set_batch_size(kBatchRows);
    arrow_properties.set_pre_buffer(false);
    arrow_properties.set_use_threads(false);
    arrow_properties.set_coerce_int96_timestamp_unit(arrow::TimeUnit::MICRO);
    parquet::arrow::FileReaderBuilder builder;
    if (auto opened = builder.Open(*input, properties); !opened.ok()) {
      return CannotRead(file, opened.message());
    }
    auto reader = builder.properties(arrow_properties)->Build();
    if (!reader.ok()) return CannotRead(file, reader.status().message());
    return std::move(reader).ValueUnsafe();
  } catch (const std::exception& e) {
    return CannotRead(file, e.what());
  }
}

void AddLeaves(const parquet::arrow::SchemaField& field, std::vector<int>* leaves) {
  if (field.is_leaf()) leaves->push_back(field.column_index);
  for (const auto& child : field.children) AddLeaves(child, leaves);
}

/// The rows of one file.
class FileRows {
 public:
  static Result<std::unique_ptr<FileRows>> Open(const std::string& file, const SchemaPtr& schema) {
    auto rows = std::make_unique<FileRows>();
    rows->file_ = file;
    rows->schema_ = schema;
    TRY(rows->reader_, OpenFile(file));
    SchemaPtr own;
    if (auto read = rows->reader_->GetSchema(&own); !read.ok()) {
      return CannotRead(file, read.message());
    }
    std::vector<int> leaves;
    const auto& fields = rows->reader_->manifest().schema_fields;
    for (const auto& field : schema->fields()) {
      const int index = own->GetFieldIndex(field->name());
      if (index < 0) continue;
      TRY(const SchemaPtr canonical, CanonicalSchema(arrow::Schema({own->field(index)})));
      if (!canonical->field(0)->type()->Equals(*field->type())) {
        return UserError("table.columns", file + ": column " + field->name() + " is " +
                                              FormatDdlType(*canonical->field(0)->type()) +
                                              ", but the table's is " +
                                              FormatDdlType(*field->type()));
      }
      AddLeaves(fields[static_cast<std::size_t>(index)], &leaves);
    }
    std::vector<int> groups(static_cast<std::size_t>(rows->reader_->num_row_groups()));
    std::iota(groups.begin(), groups.end(), 0);
    auto batches = rows->reader_->GetRecordBatchReader(groups, leaves);
    if (!batches.ok()) return CannotRead(file, batches.status().message());
    rows->batches_ = std::move(batches).ValueUnsafe();
    return rows;
  }

  Result<std::shared_ptr<arrow::RecordBatch>> Next() {
    std::shared_ptr<arrow::RecordBatch> batch;
    try {
      auto read = batches_->ReadNext(&batch);
      // Text that is no UTF-8 must not reach SQL, nor offsets that lead nowhere.
      if (read.ok() && batch != nullptr) read = batch->ValidateFull();
      if (!read.ok()) return CannotRead(file_, read.message());
    } catch (const std::exception& e) {
      return CannotRead(file_, e.what());
    }
    if (batch == nullptr) return batch;
    arrow::ArrayVector columns;
    for (const auto& field : schema_->fields()) {
      const auto column = batch->GetColumnByName(field->name());
      auto cast = column == nullptr ? arrow::MakeArrayOfNull(field->type(), batch->num_rows())
                                    : Cast(column, field->type());
      if (!cast.ok()) return CannotRead(file_, field->name() + ": " + cast.status().message());
      columns.push_back(std::move(cast).ValueUnsafe());
    }
    return arrow::RecordBatch::Make(schema_, batch->num_rows(), std::move(columns));
  }

 private:
  static arrow::Result<std::shared_ptr<arrow::Array>> Cast(
      const std::shared_ptr<arrow::Array>& column, const std::shared_ptr<arrow::DataType>& type) {
    if (column->type()->Equals(*type)) return column;
    auto options = arrow::compute::CastOptions::Safe();
    options.allow_time_truncate = true;  // Nanoseconds: columns have microseconds.
    return arrow::compute::Cast(*column, type, options);
  }

  std::string file_;
  SchemaPtr schema_;
  std::unique_ptr<parquet::arrow::FileReader> reader_;
  std::shared_ptr<arrow::RecordBatchReader> batches_;
};

class ParquetRows : public TableReader {
 public:
  ParquetRows(std::vector<std::string> files, SchemaPtr schema, Table::Stopped stopped)
      : files_(std::move(files)), schema_(std::move(schema)), stopped_(std::move(stopped)) {}

  Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
    while (!stopped_()) {
      if (open_ == nullptr) {
        if (next_ == files_.size()) return std::shared_ptr<arrow::RecordBatch>();
        TRY(open_, FileRows::Open(files_[next_++], schema_));
      }
      TRY(auto rows, open_->Next());
      if (rows != nullptr) return rows;
      open_.reset();
    }
    return RemoteError("table.stopped", "the job no longer needs the table");
  }

 private:
  const std::vector<std::string> files_;
  const SchemaPtr schema_;
  const Table::Stopped stopped_;
  std::size_t next_ = 0;
  std::unique_ptr<FileRows> open_;
};

}  // namespace

Result<SchemaPtr> ParquetSchema(const std::string& file) {
  TRY(const auto reader, OpenFile(file));
  SchemaPtr own;
  if (auto read = reader->GetSchema(&own); !read.ok()) return CannotRead(file, read.message());
  auto schema = CanonicalSchema(*own);
  if (!schema.ok()) return std::move(schema).error().At(file);
  return schema;
}

std::unique_ptr<TableReader> ReadParquet(std::vector<std::string> files, SchemaPtr schema,
                                         Table::Stopped stopped) {
  return std::make_unique<ParquetRows>(std::move(files), std::move(schema), std::move(stopped));
}

}  // namespace sluice
