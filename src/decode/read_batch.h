/// A batch of messages read one by one: the same for every format.
#pragma once

#include <arrow/array/data.h>
#include <arrow/record_batch.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "decode/column_builder.h"
#include "decode/decoder.h"

namespace sluice {

/// When the columns of a batch take so much, the rest of its messages is left for the next call.
/// One message may take more, up to the limits of docs/limits.md.
inline constexpr std::int64_t kBatchMemory = 64 << 20;

/// Has `read` read each message into `rows` and takes what it and the format's `reader` gathered.
/// `read(payload)` is a Result of the bytes of columns that the message filled and none of its own
/// stand for; no column may take more of the message's own bytes than it has. The reader keeps the
/// lists of DecodedRows under the same names and starts the next batch with empty ones.
template <typename Reader, typename Read>
Result<DecodedRows> ReadBatch(const std::vector<Payload>& payloads, const SchemaPtr& schema,
                              ColumnBuilder* rows, Reader* reader, Read read) {
  // For each row its message and its index there.
  constexpr std::int64_t kOfARow = 12;
  DecodedRows out;
  TRY(rows->Start());
  std::int64_t own = 0;
  std::int64_t filled = 0;
  for (const Payload& payload : payloads) {
    if (own + filled + rows->length() * kOfARow > kBatchMemory) {
      out.stopped_at = payload.record;
      break;
    }
    own += static_cast<std::int64_t>(payload.size);
    TRY(const std::int64_t more, read(payload));
    filled += more;
  }
  const std::int64_t count = rows->length();
  TRY(auto data, rows->Finish());
  out.rows = arrow::RecordBatch::Make(schema, count, std::move(data->child_data));
  out.record_of_row = std::move(reader->record_of_row());
  out.row_in_message = std::move(reader->row_in_message());
  out.rejects = std::move(reader->rejects());
  return out;
}

}  // namespace sluice
