/// What a Confluent schema registry answers, read with distrust.
///
/// Format: Confluent Platform, "Schema Registry API reference".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "record/registered_schema.h"

namespace sluice {

/// A definition that another one refers to by `name`.
struct SchemaReference {
  std::string subject;
  std::int64_t version = 0;
};

struct ConfluentSchema {
  RegisteredSchema schema;  ///< Without its references' texts.
  std::vector<SchemaReference> references;
};

/// Of GET /schemas/ids/ID, /schemas/guids/GUID and /subjects/SUBJECT/versions/VERSION. Errors:
/// "net.answer" for what is no such answer, "registry.type" for a kind of schema we do not know.
Result<ConfluentSchema> ParseConfluentSchema(std::string_view body);

/// The `error_code` of an error's body, 40403 for an id that is unknown; 0 if it has none.
int ParseConfluentError(std::string_view body);

}  // namespace sluice
