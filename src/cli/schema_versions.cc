#include "cli/schema_versions.h"

#include <arrow/type.h>

#include <algorithm>
#include <utility>

#include "core/text_table.h"

namespace sluice {
namespace {

constexpr std::size_t kCellWidth = 80;

/// "2026-11-23T07:03:39.211674Z" to the second.
std::string Seconds(const std::string& time) {
  const std::size_t point = time.find('.');
  return point == std::string::npos ? time : time.substr(0, point) + "Z";
}

class Collecting {
 public:
  Result<void> Take(const LearnedSchemas& learned, const std::string& time,
                    std::optional<std::int64_t> epoch) {
    for (const auto& [source, text] : learned) {
      auto known = KnownSchema::Parse(text);
      if (!known.ok()) return std::move(known).error().At("source " + source);
      SchemaVersion& version = found_[source][known->version()];
      if (version.since.empty() || time < version.since) version.since = time;
      if (epoch.has_value()) {
        version.first_epoch = std::min(*epoch, version.first_epoch.value_or(*epoch));
        version.last_epoch = std::max(*epoch, version.last_epoch.value_or(*epoch));
      }
      version.known = *std::move(known);
    }
    return {};
  }

  /// What is known now, which says all that is written by now.
  Result<SchemaVersions> Finish(const LearnedSchemas& now, const std::string& time) {
    TRY(Take(now, time, std::nullopt));
    SchemaVersions out;
    for (const auto& [source, text] : now) {
      for (auto& [number, version] : found_[source]) out[source].push_back(std::move(version));
    }
    return out;
  }

 private:
  std::map<std::string, std::map<std::int64_t, SchemaVersion>> found_;
};

std::string Epochs(const SchemaVersion& version) {
  if (!version.first_epoch.has_value()) return "none yet";
  const std::string first = std::to_string(*version.first_epoch);
  return version.first_epoch == version.last_epoch
             ? first
             : first + "-" + std::to_string(*version.last_epoch);
}

}  // namespace

Result<SchemaVersions> VersionsIn(const LogContents& contents) {
  Collecting collecting;
  std::string last = contents.start.time;
  TRY(collecting.Take(contents.start.learned, last, std::nullopt));
  for (const LogContents::LearnedEntry& entry : contents.learned_entries) {
    TRY(collecting.Take(entry.learned, entry.time, std::nullopt));
    last = std::max(last, entry.time);
  }
  for (const DecisionRecord& decision : contents.decisions) {
    TRY(collecting.Take(decision.learned, decision.sealed, decision.epoch));
    last = std::max(last, decision.sealed);
  }
  return collecting.Finish(contents.learned, last);
}

Result<const SchemaVersion*> FindVersion(const std::string& source,
                                         const std::vector<SchemaVersion>& versions,
                                         std::int64_t version) {
  std::string known;
  for (const SchemaVersion& one : versions) {
    if (one.known.version() == version) return &one;
    known += (known.empty() ? "" : ", ") + std::to_string(one.known.version());
  }
  return UserError("learned.version", "the checkpoint does not have version " +
                                          std::to_string(version) + " of the columns of source " +
                                          source + "; it has " + known);
}

std::string TextOf(const std::vector<SchemaChange>& changes) {
  std::string out;
  for (const SchemaChange& change : changes) out += (out.empty() ? "" : "; ") + change.text;
  return out;
}

std::string PrintVersion(const std::string& source, const SchemaVersion& version) {
  const KnownSchema& known = version.known;
  std::string out = "source " + source + ": version " + std::to_string(known.version()) +
                    (known.pinned() ? ", pinned" : "") + "\n";
  TextTable table;
  table.names = {"column", "type", "written"};
  table.types = {"", "", ""};
  table.right = {false, false, false};
  for (const auto& field : known.schema()->fields()) {
    const std::string type = FormatDdlType(*field->type());
    const auto written = known.written()->GetFieldByName(field->name());
    const std::string as = written == nullptr ? "" : FormatDdlType(*written->type());
    const auto made = known.made().find(field->name());
    table.rows.push_back(
        {field->name(), type + (made == known.made().end() ? "" : " for values of " + made->second),
         as.empty()   ? "not yet"
         : as == type ? "yes"
                      : "as " + as});
  }
  return out + PrintTable(table, kCellWidth);
}

std::string PrintHistory(const std::vector<SchemaVersion>& versions) {
  TextTable table;
  table.names = {"version", "since", "epochs", "columns", "what changed"};
  table.types.assign(table.names.size(), "");
  table.right = {true, false, false, true, false};
  const SchemaVersion* before = nullptr;
  for (const SchemaVersion& version : versions) {
    const SchemaPtr& schema = version.known.schema();
    const std::string changed =
        before == nullptr ? "" : TextOf(SchemaChanges(*before->known.schema(), *schema));
    table.rows.push_back({std::to_string(version.known.version()), Seconds(version.since),
                          Epochs(version), std::to_string(schema->num_fields()), changed});
    before = &version;
  }
  return PrintTable(table, kCellWidth);
}

}  // namespace sluice
