/// YAML text -> untyped options with the place of every key and value.
///
/// Takes the part of YAML that a job file needs: one document whose root is a map, of maps, lists
/// and scalars. Everything stays text; types are the business of ParseOptions. Anchors, aliases,
/// tags, duplicate keys and keys that are not scalars are refused, as are files over
/// kMaxJobFileBytes and nesting over kMaxYamlDepth, so that a hostile file costs neither memory nor
/// time. The only file that includes yaml-cpp and the only one that catches its exceptions. Any
/// thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/options.h"
#include "core/result.h"

namespace sluice {

inline constexpr std::size_t kMaxJobFileBytes = 1u << 20;
inline constexpr int kMaxYamlDepth = 50;

/// `file` is only a name for messages. User errors "job.yaml" carry file:line:column.
Result<RawOptions> LoadYaml(std::string_view text, const std::string& file);

/// The text of a job file, or a user error "job.file" if it cannot be read or is too large.
Result<std::string> ReadJobFile(const std::string& path);

/// The place in the YAML text of the byte at `offset` of the scalar `value`, whatever its style:
/// block, folded, quoted or plain over several lines. Exact except inside escapes of double quotes.
Place PlaceInScalar(std::string_view yaml, const RawValue& value, std::size_t offset);

}  // namespace sluice
