#include "engine/table_stream.h"

#include <utility>

#include "engine/first_error.h"

namespace sluice {

Result<std::shared_ptr<arrow::RecordBatch>> TableStream::Next() {
  auto failed = [this](Error error) {
    return stopped_() ? AbortedError() : std::move(error).At("table " + table_.name);
  };
  if (ended_) return std::shared_ptr<arrow::RecordBatch>();
  if (reader_ == nullptr) {
    auto opened = table_.table->Read(stopped_);
    if (!opened.ok()) return failed(std::move(opened).error());
    reader_ = *std::move(opened);
  }
  auto rows = reader_->Next();
  if (!rows.ok()) return failed(std::move(rows).error());
  if (*rows == nullptr) {
    ended_ = true;
    reader_.reset();
  } else {
    count_((*rows)->num_rows());
  }
  return rows;
}

}  // namespace sluice
