/// The columns that a job's sources have learned, as far back as its checkpoint tells.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/checkpoint_log.h"
#include "record/known_schema.h"
#include "record/schema_changes.h"

namespace sluice {

struct SchemaVersion {
  KnownSchema known;
  std::string since;  ///< When it was learned, or the oldest epoch with it that is retained.
  std::optional<std::int64_t> first_epoch;  ///< Of those retained that were decided with it.
  std::optional<std::int64_t> last_epoch;
};

/// By source, the oldest first; the last one is what is known now.
using SchemaVersions = std::map<std::string, std::vector<SchemaVersion>>;

Result<SchemaVersions> VersionsIn(const LogContents& contents);

/// The version that is asked for; user errors say which there are.
Result<const SchemaVersion*> FindVersion(const std::string& source,
                                         const std::vector<SchemaVersion>& versions,
                                         std::int64_t version);

/// "+ a int; b: int -> bigint"; "" if nothing changed.
std::string TextOf(const std::vector<SchemaChange>& changes);

/// For people: the columns of one version, which are written and which not yet.
std::string PrintVersion(const std::string& source, const SchemaVersion& version);

/// For people: a line for each version.
std::string PrintHistory(const std::vector<SchemaVersion>& versions);

}  // namespace sluice
