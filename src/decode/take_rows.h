/// How a decoder's batch ends: the same for every format.
#pragma once

#include <arrow/array/data.h>
#include <arrow/record_batch.h>

#include <utility>

#include "decode/column_builder.h"
#include "decode/decoder.h"

namespace sluice {

/// What `rows` and the format's `reader` have gathered since the batch began. The reader keeps the
/// lists of DecodedRows under the same names and starts the next batch with empty ones.
template <typename Reader>
Result<DecodedRows> TakeRows(const SchemaPtr& schema, ColumnBuilder* rows, Reader* reader) {
  DecodedRows out;
  const std::int64_t count = rows->length();
  TRY(auto data, rows->Finish());
  out.rows = arrow::RecordBatch::Make(schema, count, std::move(data->child_data));
  out.record_of_row = std::move(reader->record_of_row());
  out.row_in_message = std::move(reader->row_in_message());
  out.rejects = std::move(reader->rejects());
  return out;
}

}  // namespace sluice
