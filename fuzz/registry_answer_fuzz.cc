// Any bytes as the answer of a schema registry, or of who gives out AWS credentials: an error, or
// what the decoders may rely on. The first byte says whose answer it is.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "net/aws_credential_requests.h"
#include "net/url.h"
#include "registry/confluent_answers.h"
#include "registry/glue_answers.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

template <typename T>
bool Ok(const sluice::Result<T>& result) {
  // A registry's nonsense is never our bug, nor the user's to mend.
  if (!result.ok()) Require(result.error().blame == sluice::Blame::kRemote);
  return result.ok();
}

void Confluent(std::string_view body) {
  const int code = sluice::ParseConfluentError(body);
  Require(code >= 0);
  auto found = sluice::ParseConfluentSchema(body);
  if (!Ok(found)) return;
  Require(!found->schema.text.empty() && found->schema.version >= 0);
  for (const auto& reference : found->references) {
    Require(!reference.subject.empty() && reference.version > 0);
    // What a server says becomes one segment of a path.
    const std::string segment = sluice::PercentEncode(reference.subject);
    Require(segment.find_first_of("/?# \r\n") == std::string::npos);
  }
}

void Glue(std::string_view body) {
  const std::string code = sluice::ParseGlueError("", body);
  Require(code.find_first_of("\r\n\"<: ") == std::string::npos);
  (void)sluice::ParseGlueError(body, "{}");
  auto found = sluice::ParseGlueSchemaVersion(body);
  if (!Ok(found)) return;
  if (found->status == sluice::GlueSchemaVersion::Status::kAvailable) {
    Require(!found->schema.text.empty());
  }
  Require(found->schema.version >= 0);
}

void Credentials(std::string_view body) {
  for (const auto& found :
       {sluice::ParseCredentialsJson(body), sluice::ParseCredentialsXml(body)}) {
    if (Ok(found)) Require(!found->access_key_id.empty() && !found->secret_access_key.empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 3) {
    case 0:
      Confluent(body);
      break;
    case 1:
      Glue(body);
      break;
    default:
      Credentials(body);
  }
  return 0;
}
