/// What AWS Glue's schema registry answers, read with distrust.
///
/// Format: AWS Glue API, GetSchemaVersion; errors as of the protocol "AWS JSON 1.1".
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"
#include "record/registered_schema.h"

namespace sluice {

struct GlueSchemaVersion {
  std::string id;  ///< Of the version, a UUID.
  enum class Status { kAvailable, kPending, kGone } status = Status::kAvailable;
  RegisteredSchema schema;  ///< Whose name is "REGISTRY/SCHEMA".
};

/// Errors: "net.answer" for what is no such answer, "registry.type" for a kind of schema we do not
/// know.
Result<GlueSchemaVersion> ParseGlueSchemaVersion(std::string_view body);

/// The name of an error, such as "EntityNotFoundException", from the header x-amzn-ErrorType or the
/// body; "" if there is none.
std::string ParseGlueError(std::string_view header, std::string_view body);

}  // namespace sluice
