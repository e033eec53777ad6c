#include "registry/confluent_answers.h"

#include <nlohmann/json.hpp>

#include "net/json_answer.h"

namespace sluice {
namespace {

constexpr std::size_t kMaxReferences = 1000;

Error BadAnswer(const std::string& what) { return RemoteError("net.answer", "the answer " + what); }

/// A whole number from 1 up, or 0 for anything else.
std::int64_t CountMember(const nlohmann::json& object, const char* name) {
  const auto member = object.find(name);
  if (member == object.end() || !member->is_number_unsigned()) return 0;
  const auto value = member->get<std::uint64_t>();
  return value <= INT32_MAX ? static_cast<std::int64_t>(value) : 0;
}

}  // namespace

Result<ConfluentSchema> ParseConfluentSchema(std::string_view body) {
  TRY(auto json, ParseJsonAnswer(body));
  ConfluentSchema found;
  found.schema.text = TextMember(json, "schema");
  if (found.schema.text.empty()) return BadAnswer("has no schema");
  // Left out for Avro, which was there first.
  const std::string type = TextMember(json, "schemaType");
  if (type == "JSON") {
    found.schema.type = RegisteredSchema::Type::kJson;
  } else if (type == "PROTOBUF") {
    found.schema.type = RegisteredSchema::Type::kProtobuf;
  } else if (!type.empty() && type != "AVRO") {
    return RemoteError("registry.type", "the schema is neither AVRO, JSON nor PROTOBUF",
                       Retry::kNo);
  }
  found.schema.name = TextMember(json, "subject");
  found.schema.version = CountMember(json, "version");
  const auto references = json.find("references");
  if (references == json.end() || references->is_null()) return found;
  if (!references->is_array() || references->size() > kMaxReferences) {
    return BadAnswer("has references that are none, or too many");
  }
  for (const nlohmann::json& one : *references) {
    if (!one.is_object()) return BadAnswer("has a reference that is none");
    SchemaReference reference{TextMember(one, "subject"), CountMember(one, "version")};
    if (reference.subject.empty() || reference.version == 0) {
      return BadAnswer("has a reference without subject or version");
    }
    found.references.push_back(std::move(reference));
  }
  return found;
}

int ParseConfluentError(std::string_view body) {
  auto json = ParseJsonAnswer(body);
  if (!json.ok()) return 0;
  return static_cast<int>(CountMember(*json, "error_code"));
}

}  // namespace sluice
