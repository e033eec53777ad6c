/// A step of the job: batches in, batches out.
///
/// A step works either row by row, batch for batch (RowTransform), or stays open for a whole epoch
/// and may emit at any time until its inputs end (EpochQuery): aggregates, joins, windows, sorts,
/// limits. Threads: a Transform may be used from any thread; each RowTransform and EpochQuery by
/// one at a time.
#pragma once

#include <arrow/record_batch.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "record/schema.h"

namespace sluice {

/// A stream of batches of one schema. One caller at a time.
class BatchStream {
 public:
  virtual ~BatchStream() = default;
  /// The next batch, null at the end. May block until rows come, the epoch is sealed or it is
  /// aborted (then an error with code "aborted").
  virtual Result<std::shared_ptr<arrow::RecordBatch>> Next() = 0;
};

/// A row that the step refused: `row` indexes the input batch.
struct RowFailure {
  std::int64_t row = 0;
  std::string code;  ///< "sql.row", "mapping.convert".
  std::string field;
  std::string reason;  ///< For the dead letters, which hold the row itself; may quote its values.
  std::string shown = "";  ///< The reason without values, for errors and logs; "" if it has none.
};

/// Invariant, checked by the engine: every input row is in `row_of_output` (once, or more often
/// where the step unnests), or in `failures`, or in neither (filtered out), never in both.
struct RowOutput {
  std::shared_ptr<arrow::RecordBatch> rows;  ///< Has the step's output schema. Never null.
  std::vector<std::int64_t> row_of_output;   ///< For each output row its input row; not decreasing.
  std::vector<RowFailure> failures;
};

class RowTransform {
 public:
  virtual ~RowTransform() = default;
  /// `now_micros` is the epoch's now; all of an epoch sees the same.
  virtual Result<RowOutput> Apply(const std::shared_ptr<arrow::RecordBatch>& rows,
                                  std::int64_t now_micros) = 0;
};

/// A running query over one epoch. Next() gives output batches; the caller's own thread drives it,
/// and is enough to finish it. Destroying it early cancels it.
class EpochQuery : public BatchStream {};

/// One scan of an input by an open query. A step may scan one input several times; each scan gets
/// all rows.
struct Scan {
  std::size_t input = 0;  ///< Index into Transform::inputs().
};

class Transform {
 public:
  virtual ~Transform() = default;

  /// Names of the sources, tables and earlier steps it reads, each once.
  virtual const std::vector<std::string>& inputs() const = 0;
  virtual const SchemaPtr& output_schema() const = 0;
  virtual bool row_by_row() const = 0;
  /// True if a row may come out more than once (unnest). Only meaningful when row_by_row().
  virtual bool may_multiply() const = 0;
  /// How the step runs, for `sluice check`: "row by row in SQL", "renames and casts, no SQL", "open
  /// for the epoch: HASH_GROUP_BY".
  virtual std::string plan() const = 0;

  /// False only if no row comes out of an epoch unless one came in by an input that is no table.
  virtual bool may_emit_when_idle() const { return true; }

  /// Columns it names that open inputs do not have yet, as they were named.
  virtual std::vector<std::string> unseen() const { return {}; }

  /// REQUIRES: row_by_row(), and exactly one input.
  virtual Result<std::unique_ptr<RowTransform>> OpenRow() = 0;

  /// REQUIRES: !row_by_row(). The scans of an epoch query, in the order in which OpenEpoch takes
  /// streams.
  virtual const std::vector<Scan>& scans() const = 0;
  /// `streams[i]` feeds scans()[i]. Streams are shared with the query until it is destroyed.
  virtual Result<std::unique_ptr<EpochQuery>> OpenEpoch(
      std::vector<std::shared_ptr<BatchStream>> streams, std::int64_t now_micros) = 0;
};

/// A named input of a step, as far as it is known when the step is made.
struct InputSchema {
  std::string name;
  SchemaPtr schema;
  /// More columns may come while the job runs: one that it does not have is null, not a mistake.
  bool open = false;
  /// It is read as a whole by each scan (table/table.h); no rows are handed to it.
  bool table = false;
};

}  // namespace sluice
