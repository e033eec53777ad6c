/// A job, ready to run: the loop over sources, decoders, transforms and sinks, epoch by epoch.
///
/// Contains no format, broker or store name. docs/exactly-once.md is the argument for it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/metrics.h"
#include "core/result.h"
#include "decode/message_decoder.h"
#include "record/known_schema.h"
#include "sink/sink.h"
#include "source/source.h"
#include "storage/storage.h"
#include "table/table.h"
#include "transform/transform.h"

namespace sluice {

enum class BadRecords { kQuarantine, kSkip, kFail };

/// Where rows of a replay enter the job (job/replay.h).
struct PipelineEntry {
  /// Read by steps and sinks as a source of this name, but with `only`: then it is any other name.
  std::string name;
  std::string only;  ///< The one step or sink that gets these rows; "" if all that read `name` do.
  SchemaPtr schema;  ///< Of the rows.
};

struct PipelineSource {
  std::string name;
  std::function<Result<std::unique_ptr<Source>>()> open;  ///< A fresh source, at every (re)start.
  /// A decoder for one reading thread.
  std::function<Result<std::unique_ptr<BatchDecoder>>()> make_decoder;
  SchemaPtr schema;  ///< Of the decoder made by it.
  /// Names of its formats: as many as DecodedRows::messages_of_format has, or one.
  std::vector<std::string> formats;
  /// What is known of its columns where they are learned from its records; `schema` follows.
  std::optional<KnownSchema> known;
  SchemaCaps caps;
  BadRecords bad_records = BadRecords::kQuarantine;
  double max_bad_record_rate = 1.0;  ///< Share of an epoch's records; above it the job stops.
  std::optional<std::int64_t> max_offsets_per_trigger;
  std::optional<std::int64_t> max_bytes_per_trigger;
  /// Of a replay: the ways its batches may take (DecodedBatch::entry), in place of the one way of
  /// all others, which is {name, "", schema}.
  std::vector<PipelineEntry> entries;
};

/// Read afresh by each open step that names it, for each epoch.
struct PipelineTable {
  std::string name;
  std::shared_ptr<const Table> table;
};

struct PipelineStep {
  std::string name;
  std::shared_ptr<Transform> transform;  ///< Reads sources, tables and earlier steps by name.
};

struct PipelineSink {
  std::string name;
  std::string type;
  std::string from;  ///< Source or step.
  std::string
      settings;  ///< Options::ToJson: stored in each decision, for recovery after a job change.
  std::shared_ptr<Sink> sink;
};

/// By name of the source.
using KnownSchemas = std::map<std::string, KnownSchema>;

struct PipelineSpec {
  std::string job;
  std::vector<PipelineSource> sources;
  std::vector<PipelineTable> tables;
  std::vector<PipelineStep> steps;  ///< In an order in which each reads only what stands before it.
  std::vector<PipelineSink> sinks;
  /// One more sink of every epoch, rows as in engine/dead_letters.h.
  std::shared_ptr<Sink> dead_letters;
  std::string dead_letter_location;  ///< For people: where they are.
  std::string dead_letter_settings;  ///< As PipelineSink::settings; its type is "files".

  std::int64_t window_micros = 100'000'000;
  std::int64_t timeout_micros = 0;  ///< 0 = unbounded.
  std::size_t max_memory = 1u << 30;
  std::string spool_directory;
  std::int64_t max_spool = 10ll << 30;
  std::int64_t lease_timeout_micros = 10'000'000;
  std::int64_t min_epochs_to_retain = 100;
  std::int64_t split_refresh_micros = 10'000'000;  ///< How often new splits are looked for.
  int readers_per_source = 0;                      ///< 0 = as many as cores, at most one per split.
  ReadLimits read_limits;
  bool until_caught_up = false;
  /// Of a replay: an open step that no row reached in an epoch makes none either. Otherwise it
  /// runs, and a count of nothing is a row.
  bool skip_idle_steps = false;
  std::vector<std::string> drop;               ///< `--drop NAME`: sources and sinks to give up.
  std::int64_t slow_sink_micros = 10'000'000;  ///< From when on a sink's delay is said.

  /// This job with these columns of sources that learn theirs: sources, steps and sinks of the
  /// result count. An error if a step or a sink cannot take them. Null if no source learns.
  std::function<Result<PipelineSpec>(const KnownSchemas&)> with_schemas;
  /// A sink as a decision recorded it: type, name, settings; null schema: only to commit it.
  std::function<Result<std::shared_ptr<Sink>>(const std::string&, const std::string&,
                                              const std::string&, SchemaPtr)>
      make_recorded_sink;
  /// A row as text (JSON) for the dead letters of rows that have no message behind them.
  std::function<std::string(const arrow::RecordBatch&, std::int64_t row)> row_to_text;
  Metrics* metrics = nullptr;  ///< Required.
  const Clock* clock = &Clock::System();
};

/// What the live line and `--until-caught-up` callers see. Updated about four times a second.
struct Progress {
  std::int64_t epoch = 0;
  std::int64_t records = 0;   ///< Delivered by the sources since start.
  std::int64_t rows_out = 0;  ///< Committed into sinks since start, over all sinks.
  std::int64_t rejects = 0;
  std::int64_t lag = 0;  ///< Records between the positions read and the ends, as last seen.
  std::int64_t committed_epochs = 0;
  std::int64_t memory_bytes = 0;
  bool recovering = false;
};

/// Asked from signal handlers: 0 go on, 1 seal, commit and stop, 2 or more abandon the open epoch
/// and stop.
using StopRequest = std::atomic<int>;

class CheckpointLog;  // engine/checkpoint_log.h
struct LogContents;

/// A source or sink that the checkpoint names and the job no longer has is refused unless dropped,
/// and so is the checkpoint of another job. Before anything is written to the log.
Result<void> CheckAgainstCheckpoint(const PipelineSpec& spec, const LogContents& contents);

/// Runs until stopped, timed out or caught up (success), or until an error that retrying cannot
/// mend. `log` has been opened by this process (it is the writer). Blocks; uses threads of its own.
Result<Progress> RunPipeline(const PipelineSpec& spec, CheckpointLog* log, const StopRequest& stop,
                             const std::function<void(const Progress&)>& on_progress);

}  // namespace sluice
