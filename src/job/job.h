/// A job file, read and checked as far as that goes without opening anything.
///
///   LoadJob -> MakePlan (job/plan.h) -> BuildPipeline (job/pipeline_builder.h) -> RunPipeline
///
/// Names are known, options typed, references to secrets resolved; schemas and SQL are checked by
/// the plan. All errors blame the user and begin with file:line:column. Immutable afterwards.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/options.h"
#include "core/result.h"
#include "engine/pipeline.h"
#include "job/parts.h"
#include "record/known_schema.h"

namespace sluice {

struct JobSource {
  std::string name;
  Place place;
  const SourceEntry* type = nullptr;
  const FormatEntry* format = nullptr;
  std::shared_ptr<const FormatEntry> mixed =
      nullptr;                       ///< What `format` is where there are several.
  std::vector<std::string> formats;  ///< Their names, one or several.
  Options options;  ///< Those of the job file for every source, of the type and of the format.
  std::shared_ptr<const Envelopes> envelopes;  ///< Null: no registry is named.
  /// With `readerSchema: latest`, the schema that FetchReaderSchemas found (job/learned_columns.h).
  std::string latest_schema;
  BadRecords bad_records = BadRecords::kQuarantine;
  /// Its columns are learned from its records: those of `known`, see job/learned_columns.h. Where
  /// `schema` is given too, they begin with it.
  bool detects = false;
  KnownSchema known;
  bool make_cols = false;  ///< What it does where a type conflicts (SchemaCaps::make_cols).
  /// Reads what `_rescued` has of values, which is JSON.
  const FormatEntry* rescued_format = nullptr;
};

/// What steps of SQL look up beside what streams.
struct JobTable {
  std::string name;
  Place place;
  const TableEntry* type = nullptr;
  Options options;  ///< Those of the job file for every table and of the type.
  std::shared_ptr<const Table> table = nullptr;  ///< Once it is open, see job/tables.h.
};

/// Either `sql` or `mapping`.
struct JobStep {
  std::string name;
  Place place;
  std::string sql;
  RawValue sql_text;  ///< With its place, for errors inside it.
  std::vector<MappingTuple> mapping;
  Place mapping_place;
  std::vector<Place> entry_places;  ///< Of `mapping`.
  std::string from;                 ///< Of a mapping.
};

struct JobSink {
  std::string name;
  Place place;
  const SinkEntry* type = nullptr;
  Options options;  ///< Those of the job file for every sink and of the type.
  std::string from;
};

struct Job {
  std::string file;
  std::string text;  ///< The file's own.
  std::string name;
  Options options;  ///< JobOptionSpecs().
  std::string checkpoint_location;
  RawOptions storage;  ///< Entries of the map `storage`.
  std::string spool_directory;
  std::string dead_letters;        ///< Folder.
  std::vector<JobSource> sources;  ///< In file order, as all below.
  std::vector<JobTable> tables;
  std::vector<JobStep> steps;
  std::vector<JobSink> sinks;
  std::vector<std::string> warnings;  ///< One line each, with their place.
};

/// `parts` must outlive the job.
Result<Job> LoadJob(const std::string& path, const Parts& parts);

/// As LoadJob, of a text; `file` is only a name.
Result<Job> ParseJob(const std::string& text, const std::string& file, const Parts& parts);

/// A source of `job`, unopened, within its share of maxMemory. `metrics` may be null.
Result<std::unique_ptr<Source>> MakeSource(const Job& job, const JobSource& source,
                                           Metrics* metrics);

/// How long a decoder may wait for a schema registry: where something is shown, and where the job
/// runs and goes on with what does not need it.
inline constexpr std::int64_t kLookingPatience = 10'000'000;
inline constexpr std::int64_t kRunningPatience = 250'000;

/// A decoder of a source's format, which detects columns beside those known, or reads `declared`
/// (null: none are).
Result<std::unique_ptr<Decoder>> MakeDecoder(const JobSource& source, SchemaPtr declared = nullptr,
                                             std::int64_t patience_micros = kLookingPatience);

/// How the sink of that name reaches its store: its own map `storage`, or else the job's.
const RawOptions& StorageOf(const Job& job, const std::string& sink);

/// Options as a decision recorded them (Options::ToJson of a sink), for its recovery.
Result<Options> ParseRecordedSink(const SinkEntry& type, const std::string& name,
                                  const std::string& settings);

}  // namespace sluice
