/// Writes one stream of rows to an outside store, epoch by epoch.
///
/// After any crash each epoch is visible in the store once or not at all.
///   Open -> Write* -> Prepare -> (the engine's decision) -> Commit -> Forget
/// An attempt is dropped at any time before Prepare's token is decided, by destroying its writer.
/// After a restart the engine repeats Commit if the token was decided, and replays the epoch if it
/// was not.
///
/// Threads: one caller at a time per SinkWriter; Sink's own methods may run while a writer of a
/// later epoch is in use on another thread. Errors: a failed Commit may be repeated, and says
/// nothing about whether it happened; after a failed Write or Prepare only destruction may follow.
#pragma once

#include <arrow/record_batch.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/metrics.h"
#include "core/options.h"
#include "core/registry.h"
#include "core/result.h"
#include "record/schema.h"
#include "sink/attempt.h"

namespace sluice {

/// What Prepare hands to the decision.
struct Prepared {
  std::string token;       ///< JSON; all that Commit will need, even in a new process. No secrets.
  std::int64_t rows = 0;   ///< Rows in the artefacts. The engine checks it against what it wrote.
  std::int64_t bytes = 0;  ///< Encoded bytes staged in all.
  std::int64_t artefacts = 0;
};

/// A row the store cannot hold (a partition value too long): it goes to the dead letters.
struct SinkRefusal {
  std::int64_t row = 0;  ///< Index in the batch given to Write.
  std::string code;      ///< "files.partition_value".
  std::string field;
  std::string reason;
};

class SinkWriter {
 public:
  virtual ~SinkWriter() = default;
  /// Adds rows; may block when the store pushes back. Nothing becomes visible yet. Returns the rows
  /// that were refused, in order; all others are in.
  virtual Result<std::vector<SinkRefusal>> Write(
      const std::shared_ptr<arrow::RecordBatch>& rows) = 0;
  /// Makes the rows durable but still invisible.
  virtual Result<Prepared> Prepare() = 0;
  /// Encoded bytes that have left memory for the store so far, for metrics.
  virtual std::int64_t bytes_staged() const = 0;
  /// Bytes held in memory now.
  virtual std::size_t memory() const = 0;
};

/// How rows of small epochs wait for one another before they are written: until they come to
/// about `bytes`, at most `max_delay_micros` after they were read; 0 = each epoch is written.
struct CarryOver {
  std::int64_t max_delay_micros = 0;
  std::int64_t bytes = 0;
};

class Sink {
 public:
  virtual ~Sink() = default;

  /// The engine keeps the rows meanwhile (engine/carried_rows.h) and hands them to the writer of a
  /// later epoch, in order.
  virtual CarryOver carry_over() const { return {}; }

  /// Proves what its own commit uses (links, folder fsync); called once before the first Open.
  /// Counts what other checkpoints left in the target and warns, with how to list it. Refuses a
  /// target that shows an epoch of this checkpoint beyond `decided`, the last decided one: the
  /// checkpoint is an old copy, and what it would decide is there already. Creates missing folders.
  virtual Result<void> Probe(std::int64_t decided) = 0;

  /// Opens an attempt. Deletes nothing: leftovers of other attempts are Sweep's.
  virtual Result<std::unique_ptr<SinkWriter>> Open(std::int64_t epoch,
                                                   const AttemptId& attempt) = 0;

  /// Makes a decided epoch visible. Repeating it is harmless; an error does not mean it did not
  /// happen.
  virtual Result<void> Commit(std::int64_t epoch, const std::string& token) = 0;

  /// After the commit record: drops what only an uncommitted epoch needs.
  virtual Result<void> Forget(std::int64_t epoch, const std::string& token) = 0;

  /// Removes staged leftovers of attempts lower than `mine` that no token in `keep` names.
  virtual Result<void> Sweep(const AttemptId& mine, const std::vector<std::string>& keep) = 0;

  /// Shows `visit` all that lies staged in the target, of any attempt and checkpoint, and removes
  /// what it returns true for. `keep` are all tokens that are retained, those of sinks that the job
  /// has lost among them. A sink that stages nothing has none.
  virtual Result<void> ForEachLeftover(const std::vector<std::string>& /*keep*/,
                                       const std::function<bool(const Leftover&)>& /*visit*/) {
    return {};
  }
};

/// What a sink needs from the job.
struct SinkContext {
  std::string job;
  std::string name;                       ///< Of the sink in the job.
  std::string checkpoint_id;              ///< 32 hex digits.
  std::size_t memory_bytes = 256u << 20;  ///< Its share of maxMemory, for all open files together.
  Metrics* metrics = nullptr;             ///< May be null.
  RawOptions storage = {};                ///< Entries of the job's map `storage`.
  std::string spool_directory = {};       ///< For bytes on their way to a remote store.
  /// Of a replay, whose rows join those of the job: files of another checkpoint are no surprise.
  bool joins_others = false;
  /// What it reads may get more columns while the job runs, in a new sink: one that its options
  /// name and that it does not have yet is null, not a mistake.
  bool open_columns = false;
};

/// A kind of sink as the lists in src/main/ and `sluice describe` know it.
struct SinkEntry {
  std::string name;  ///< The `type`: "files".
  std::string summary;
  std::vector<OptionSpec> options;
  /// `schema` is that of the step it reads; null when the sink is made only to commit a decided
  /// epoch.
  std::function<Result<std::unique_ptr<Sink>>(const Options&, SchemaPtr schema, const SinkContext&)>
      make;
};
using SinkRegistry = Registry<SinkEntry>;

}  // namespace sluice
