/// Rejects as rows: one more sink of every epoch, named in the same decision.
///
/// The columns are documented in docs/dead-letters.md; `version` changes when their meaning does.
#pragma once

#include <arrow/record_batch.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "record/past_letter.h"
#include "record/schema.h"
#include "sink/sink.h"

namespace sluice {

/// version int, job string, epoch bigint, time timestamp, source string, step string, origin string
/// (JSON), row int (null: the whole message), byte bigint, code string, field string, reason
/// string, bytes string (null if they are not UTF-8), base64 string (null if `bytes` has them),
/// truncated boolean, holds string, input string (JSON), message string (base64), columns string
/// (JSON). What replay needs stands in the last four; null where it does not.
const SchemaPtr& DeadLetterSchema();

/// `version` of the letters written. Replay reads this one and all lower ones.
inline constexpr std::int32_t kDeadLetterVersion = 2;

/// Bytes of one dead letter are cut at this length, and marked as truncated.
inline constexpr std::size_t kDeadLetterBytes = 1u << 20;

/// So many bytes of one message may stand in the letters of its rows, all together: one with very
/// many bad rows must not fill the disk with itself.
inline constexpr std::size_t kMessageCopies = 4u << 20;

/// `holds` as it is written: "message", "row", "input" or "letter".
const char* LetterBytesName(LetterBytes holds);

/// A refused row or message on its way to the dead letters.
struct DeadLetter {
  std::string source = {};  ///< "" if the row was made by an open step.
  std::string step = {};    ///< "decode", or the step or sink that refused it.
  std::string origin = {};  ///< JSON object; "" if unknown.
  std::int32_t row = -1;    ///< Index in its message; -1 for the whole message.
  std::int64_t byte = -1;   ///< -1 if unknown.
  std::string code = {};
  std::string field = {};
  std::string reason = {};
  std::string shown = {};  ///< The reason without values, for errors and logs; "" if it has none.
  std::string_view bytes = {};  ///< Copied by Add, as `message` is. With kInput `input` has them.
  LetterBytes holds = LetterBytes::kMessage;
  bool truncated = false;         ///< They were cut before.
  std::string_view message = {};  ///< As PastLetter's, and so the other two.
  std::string input = {};
  std::string columns = {};

  const std::string& reason_shown() const { return shown.empty() ? reason : shown; }
  /// "price: expected double, found a string [convert.type]", without values.
  std::string Brief() const {
    return (field.empty() ? "" : field + ": ") + reason_shown() + " [" + code + "]";
  }
};

/// Collects dead letters into batches. One thread.
class DeadLetterBuilder {
 public:
  DeadLetterBuilder(std::string job, std::int64_t epoch, std::int64_t time_micros);
  ~DeadLetterBuilder();
  Result<void> Add(const DeadLetter& letter);
  std::int64_t rows() const { return rows_; }
  std::size_t bytes() const { return bytes_; }
  /// What was added so far as a batch with DeadLetterSchema; the builder is empty afterwards.
  Result<std::shared_ptr<arrow::RecordBatch>> Take();

 private:
  struct Columns;
  std::string job_;
  std::int64_t epoch_;
  std::int64_t time_micros_;
  std::int64_t rows_ = 0;
  std::size_t bytes_ = 0;
  std::unique_ptr<Columns> columns_;
};

/// Letters of rows that a sink refused; `row_to_text` as PipelineSpec's.
Result<void> AddRefused(
    const std::string& sink, const arrow::RecordBatch& rows,
    const std::vector<SinkRefusal>& refusals,
    const std::function<std::string(const arrow::RecordBatch&, std::int64_t row)>& row_to_text,
    DeadLetterBuilder* letters);
/// Where there are none to be: badRecords is `fail`.
Error RefusalStopsJob(const SinkRefusal& refusal);

}  // namespace sluice
