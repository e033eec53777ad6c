/// Glue's ApplyMapping: picks, renames, nests and casts columns. No SQL.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "transform/transform.h"

namespace sluice {

/// A step that makes the columns of `mapping` from those of `input`; columns that are not mapped
/// are dropped. Each entry is (source, source type, target, target type), (source, target, target
/// type) or (source, target), as in Glue. Source and target are paths: `geo.lat` is the field lat
/// of the column geo, and back-ticks protect a dot: "`a.b`". Source names match without case unless
/// one matches exactly. Types are DDL (record/schema.h); "struct", "array" and "map" alone stand
/// for the column's own type. Casts: mapping/convert.h; a value that cannot be cast is a RowFailure
/// "mapping.convert". User errors "mapping.*" begin with the entry, counted from 1.
Result<std::shared_ptr<Transform>> MakeMappingTransform(
    const std::vector<std::vector<std::string>>& mapping, const InputSchema& input);

/// "a.`b.c`" -> {"a", "b.c"}. User error "mapping.path" for empty parts and unclosed back-ticks.
Result<std::vector<std::string>> ParseMappingPath(const std::string& path);

}  // namespace sluice
