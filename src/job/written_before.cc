#include "job/written_before.h"

#include <arrow/type.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/checkpoint_log.h"
#include "job/checkpoint_storage.h"
#include "record/schema_changes.h"

namespace sluice {
namespace {

/// The columns of each source's rows in the oldest epoch that is retained.
Result<std::map<std::string, SchemaPtr>> OldestRows(const Parts& parts, const Job& job) {
  std::map<std::string, SchemaPtr> rows;
  auto storage = OpenCheckpoint(job, parts, /*create=*/false);
  if (!storage.ok()) return rows;
  auto read = ReadLog(storage->get());
  // Whoever checks a job need not be able to reach where it runs.
  if (!read.ok() && IsRemote(job.checkpoint_location)) return rows;
  TRY(const std::optional<LogContents> contents, std::move(read));
  if (!contents.has_value() || contents->decisions.empty() || contents->start.job != job.name) {
    return rows;
  }
  for (const auto& [name, ddl] : contents->decisions.front().schemas) {
    auto schema = ParseDdl(ddl);
    if (schema.ok()) rows[name] = *std::move(schema);
  }
  return rows;
}

std::set<std::string> PartitionKeys(const JobSink& sink) {
  const bool has = std::any_of(sink.type->options.begin(), sink.type->options.end(),
                               [](const OptionSpec& spec) { return spec.name == "partitionKeys"; });
  if (!has || !sink.options.Given("partitionKeys")) return {};
  const std::vector<std::string> keys = sink.options.List("partitionKeys");
  return {keys.begin(), keys.end()};
}

}  // namespace

Result<void> WarnOfWritten(const Parts& parts, Plan* plan) {
  Job& job = plan->job;
  TRY(const auto rows, OldestRows(parts, job));
  if (rows.empty()) return {};
  // Steps that could not read the columns of then have nothing to be compared with.
  auto before = SinkSchemasWith(job, parts, rows);
  if (!before.ok()) return {};
  for (std::size_t i = 0; i < job.sinks.size(); ++i) {
    const JobSink& sink = job.sinks[i];
    const std::set<std::string> keys = PartitionKeys(sink);
    for (const SchemaChange& change : SchemaChanges(*(*before)[i], *plan->sinks[i])) {
      const bool key = keys.contains(change.place) && change.text.starts_with(change.place + ":");
      if (change.readable && !key) continue;
      const Place& place = key ? sink.options.Raw("partitionKeys")->place : sink.place;
      job.warnings.push_back(
          place.ToString() + ": sink " + sink.name + " (" + sink.type->name + "): " +
          (key ? "the type of a partition key changes: " : "the type of a column changes: ") +
          change.text +
          (key ? "; its folders were written with the old one"
               : "; readers refuse the files written before beside new ones") +
          "; cast it in the SQL, or write to another path");
    }
  }
  return {};
}

}  // namespace sluice
