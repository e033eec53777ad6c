#include "job/job_options.h"

#include <algorithm>

#include "decode/compression.h"

namespace sluice {
namespace {

constexpr std::int64_t kMillisecond = 1000;
constexpr std::int64_t kMiB = 1 << 20;

}  // namespace

const std::vector<OptionSpec>& JobOptionSpecs() {
  static const std::vector<OptionSpec> specs = {
      {.name = "name",
       .help =
           "Name of the job, in metrics, dead letters and the Kafka consumer group. Without it, "
           "the file's name without its extension.",
       .example = "clicks"},
      {.name = "windowSize",
       .type = OptionType::kDuration,
       .default_value = "100 seconds",
       .help = "Length of an epoch: how often what was read becomes visible in the sinks.",
       .example = "5 seconds",
       .min = 100 * kMillisecond},
      {.name = "checkpointLocation",
       .help = "Folder of the job's log: how far it has read and what it has written. Removing it "
               "makes the next run read everything again. A local folder, or s3://bucket/folder.",
       .example = "./state/clicks",
       .required = true},
      {.name = "storage",
       .type = OptionType::kMap,
       .help = "How S3 is reached, by checkpointLocation, deadLetters and all sinks that say "
               "nothing of their own: endpoint, region, credentials. What it leaves open comes "
               "from the usual AWS_* variables and files.",
       .example = "{endpoint: https://minio.example:9000}"},
      {.name = "maxMemory",
       .type = OptionType::kBytes,
       .default_value = "1 GiB",
       .help = "Bound of the job's memory, shared out among fetch, SQL and sinks.",
       .example = "512 MiB",
       .min = 256 * kMiB},
      {.name = "spoolDirectory",
       .help = "Local folder for what SQL spills, for input that has to wait for another input, "
               "and for "
               "bytes on their way to S3. Without "
               "it, the folder `spool` of checkpointLocation, or one of its own in the system's "
               "temporary folder if the checkpoint lies on S3.",
       .example = "/var/tmp/clicks"},
      {.name = "maxSpool",
       .type = OptionType::kBytes,
       .default_value = "10 GiB",
       .help = "Bound of what waits in spoolDirectory.",
       .example = "50 GiB",
       .min = 0},
      {.name = "timeout",
       .type = OptionType::kInt,
       .help =
           "Minutes after which the job commits what it has and ends. Without it, it runs until "
           "it is stopped.",
       .example = "2880",
       .min = 1,
       .max = 5'256'000},
      {.name = "leaseTimeout",
       .type = OptionType::kDuration,
       .default_value = "10 seconds",
       .help = "How long a writer on another host must be silent before this one takes over.",
       .example = "30 seconds",
       .min = 1000 * kMillisecond},
      {.name = "minEpochsToRetain",
       .type = OptionType::kInt,
       .default_value = "100",
       .help =
           "Committed epochs that the log keeps; fewer, at least two, where they would take more "
           "than 8 MiB.",
       .example = "1000",
       .min = 1,
       .max = 1'000'000},
      {.name = "metricsAddress",
       .help = "Serves Prometheus metrics at http://ADDRESS/metrics. A port alone means 127.0.0.1.",
       .example = "9464"},
      {.name = "deadLetters",
       .help =
           "Folder for records that could not be used, as JSON lines with the reason. Without it, "
           "the folder `dead-letters` of checkpointLocation.",
       .example = "./lake/dead-letters"},
      {.name = "sources",
       .type = OptionType::kMap,
       .help = "What the job reads: name, then options. Steps and sinks use the names.",
       .required = true},
      {.name = "tables",
       .type = OptionType::kMap,
       .help =
           "What SQL looks up beside what the job reads: name, then options. A table is read as "
           "a whole by each epoch of each step that names it."},
      {.name = "transforms",
       .type = OptionType::kList,
       .help = "Steps between sources and sinks, in order; each reads sources and earlier steps by "
               "name. Without any, the sinks get what was read."},
      {.name = "sinks",
       .type = OptionType::kMap,
       .help = "Where the job writes: name, then options.",
       .required = true},
  };
  return specs;
}

const std::vector<OptionSpec>& SourceOptionSpecs() {
  static const std::vector<OptionSpec> specs = {
      {.name = "type", .help = "Kind of source.", .example = "kafka", .required = true},
      {.name = "classification",
       .help = "Format of the records. Of several, as a list or with commas between them, each "
               "record is read by the first that takes it.",
       .example = "json",
       .required = true},
      {.name = "schema",
       .help =
           "Columns and their types, as in SQL: `name type, ...` with struct<name:type>, "
           "array<type>, map<key,value>, decimal(p,s). For avro also an Avro schema (JSON). Avro "
           "files and grokPattern bring their own, so that it may be left out.",
       .example = "id bigint, geo struct<lat:double,lon:double>, tags array<string>"},
      {.name = "inferSchema",
       .type = OptionType::kBool,
       .default_value = "false",
       .help =
           "Learn the columns from the records, and new ones while the job runs. It is so where "
           "nothing declares them; with `schema` the columns begin with those. What no column "
           "holds is in the column _rescued. `false` wants them declared."},
      {.name = "typeConflict",
       .default_value = "rescue",
       .help = "Where columns are learned: what becomes of a value whose type its column can no "
               "longer take, because it was written already. rescue: it is in the column _rescued. "
               "make_cols: it has a column of its own beside, as in Glue's ResolveChoice: "
               "price_double, price_string.",
       .choices = {"rescue", "make_cols"}},
      CompressionOption(),
      {.name = "badRecords",
       .default_value = "quarantine",
       .help = "What becomes of a record that cannot be used: written to the dead letters, skipped "
               "and counted, or the job stops with exit code 3.",
       .choices = {"quarantine", "skip", "fail"}},
      {.name = "maxBadRecordRate",
       .type = OptionType::kDouble,
       .default_value = "1",
       .help = "Share of an epoch's records, from 0 to 1, that may be bad; above it the job stops "
               "with exit code 3.",
       .example = "0.01"},
      {.name = "maxOffsetsPerTrigger",
       .type = OptionType::kInt,
       .help = "At most so many records in one window. The next ones wait for the next window, so "
               "this is a rate.",
       .example = "100000",
       .min = 1},
      {.name = "maxBytesPerTrigger",
       .type = OptionType::kBytes,
       .help = "At most so many bytes in one window, the last record included as a whole.",
       .example = "256 MiB",
       .min = 1},
  };
  return specs;
}

const std::vector<OptionSpec>& TableOptionSpecs() {
  static const std::vector<OptionSpec> specs = {
      {.name = "type", .help = "Kind of table.", .example = "files", .required = true},
      {.name = "schema",
       .help = "Columns and their types, as of a source; only these are read. Without it they are "
               "found when the job starts.",
       .example = "id bigint, name string"},
  };
  return specs;
}

const std::vector<OptionSpec>& TransformOptionSpecs() {
  static const std::vector<OptionSpec> specs = {
      {.name = "name",
       .help = "Name under which later steps and sinks read the result.",
       .example = "sales",
       .required = true},
      {.name = "sql",
       .help = "One SELECT in DuckDB's SQL over sources, tables and earlier steps. Exactly one of "
               "sql and "
               "mapping is needed.",
       .example = "SELECT *, price * quantity AS total FROM clicks"},
      {.name = "mapping",
       .type = OptionType::kList,
       .help = "ApplyMapping: a list of [source, sourceType, target, targetType]. Dots go into "
               "structs, back-ticks protect them; columns that are not named are dropped.",
       .example = "[[id, string, event_id, bigint]]"},
      {.name = "from",
       .help =
           "For mapping: the source or earlier step to read. Without it, the step before, or the "
           "only source.",
       .example = "clicks"},
  };
  return specs;
}

const std::vector<OptionSpec>& SinkOptionSpecs() {
  static const std::vector<OptionSpec> specs = {
      {.name = "type", .help = "Kind of sink.", .example = "files", .required = true},
      {.name = "from",
       .help = "The source or step whose rows are written. Without it, the last transform, or the "
               "only source.",
       .example = "sales"},
  };
  return specs;
}

bool Declares(const std::vector<OptionSpec>& specs, const std::string& name) {
  return std::any_of(specs.begin(), specs.end(),
                     [&](const OptionSpec& spec) { return spec.name == name; });
}

std::vector<OptionSpec> JoinSpecs(std::vector<OptionSpec> first,
                                  const std::vector<OptionSpec>& second) {
  for (const OptionSpec& spec : second) {
    bool known = std::any_of(first.begin(), first.end(),
                             [&](const OptionSpec& other) { return other.name == spec.name; });
    if (!known) first.push_back(spec);
  }
  return first;
}

}  // namespace sluice
