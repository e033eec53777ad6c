#include "registry/glue_answers.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "net/json_answer.h"

namespace sluice {
namespace {

Error BadAnswer(const std::string& what) { return RemoteError("net.answer", "the answer " + what); }

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

Result<GlueSchemaVersion> ParseGlueSchemaVersion(std::string_view body) {
  TRY(auto json, ParseJsonAnswer(body));
  GlueSchemaVersion found;
  found.id = TextMember(json, "SchemaVersionId");
  std::transform(found.id.begin(), found.id.end(), found.id.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  const std::string status = TextMember(json, "Status");
  if (status == "PENDING") {
    found.status = GlueSchemaVersion::Status::kPending;
  } else if (status == "DELETING" || status == "FAILURE") {
    found.status = GlueSchemaVersion::Status::kGone;
  } else if (status != "AVAILABLE") {
    return BadAnswer("has no status that we know");
  }
  found.schema.text = TextMember(json, "SchemaDefinition");
  if (found.schema.text.empty() && found.status == GlueSchemaVersion::Status::kAvailable) {
    return BadAnswer("has no schema");
  }
  const std::string type = TextMember(json, "DataFormat");
  if (type == "JSON") {
    found.schema.type = RegisteredSchema::Type::kJson;
  } else if (type == "PROTOBUF") {
    found.schema.type = RegisteredSchema::Type::kProtobuf;
  } else if (type != "AVRO") {
    return RemoteError("registry.type", "the schema is neither AVRO, JSON nor PROTOBUF",
                       Retry::kNo);
  }
  // arn:aws:glue:REGION:ACCOUNT:schema/REGISTRY/SCHEMA
  const std::string arn = TextMember(json, "SchemaArn");
  if (const std::size_t at = arn.find(":schema/"); at != std::string::npos) {
    found.schema.name = arn.substr(at + 8);
  }
  const auto version = json.find("VersionNumber");
  if (version != json.end() && version->is_number_unsigned() &&
      version->get<std::uint64_t>() <= INT32_MAX) {
    found.schema.version = version->get<std::int64_t>();
  }
  return found;
}

std::string ParseGlueError(std::string_view header, std::string_view body) {
  std::string type(header);
  if (type.empty()) {
    auto json = ParseJsonAnswer(body);
    if (json.ok()) type = TextMember(*json, "__type");
  }
  // "com.amazonaws.glue#NAME", "NAME:http://..."
  type = type.substr(type.find('#') + 1);
  type = type.substr(0, type.find(':'));
  const bool plain = type.size() <= 100 && std::all_of(type.begin(), type.end(), IsNameCharacter);
  return plain ? type : "";
}

}  // namespace sluice
