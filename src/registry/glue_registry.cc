#include "registry/glue_registry.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "registry/glue_answers.h"

namespace sluice {
namespace {

constexpr std::int64_t kRequestTimeout = 10'000'000;

template <std::size_t count>
bool IsOneOf(const std::string& code, const std::array<const char*, count>& codes) {
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

/// New credentials may be taken where these were not.
constexpr std::array<const char*, 2> kEnded = {"ExpiredTokenException", "ExpiredToken"};
constexpr std::array<const char*, 8> kDenied = {
    "AccessDeniedException",          "UnrecognizedClientException",
    "InvalidSignatureException",      "IncompleteSignatureException",
    "MissingAuthenticationException", "MissingAuthenticationTokenException",
    "InvalidClientTokenId",           "SignatureDoesNotMatch"};
constexpr std::array<const char*, 5> kBusy = {"ThrottlingException", "ThrottledException",
                                              "RequestLimitExceeded", "InternalServiceException",
                                              "OperationTimeoutException"};

}  // namespace

GlueRegistry::GlueRegistry(GlueSettings settings)
    : settings_(std::move(settings)),
      http_(settings_.tls),
      credentials_(settings_.aws, &http_, settings_.environment, settings_.clock) {}

bool GlueRegistry::Understands(SchemaId::Kind kind) const {
  return kind == SchemaId::Kind::kGlueVersion;
}

SchemaAnswer GlueRegistry::Ask(const SchemaId& id, std::int64_t timeout,
                               const std::stop_token& stop) {
  if (!Understands(id.kind)) return std::shared_ptr<const RegisteredSchema>();
  const std::string text = ToString(id);
  return GetSchemaVersion(nlohmann::json{{"SchemaVersionId", text}}.dump(), text, timeout, stop);
}

SchemaAnswer GlueRegistry::AskLatest(const std::string& name, std::int64_t timeout,
                                     const std::stop_token& stop) {
  nlohmann::json schema;
  if (name.starts_with("arn:")) {
    schema["SchemaArn"] = name;
  } else {
    const std::size_t slash = name.find('/');
    const bool whole = slash != std::string::npos;
    schema["RegistryName"] = whole ? name.substr(0, slash) : settings_.registry_name;
    schema["SchemaName"] = whole ? name.substr(slash + 1) : name;
  }
  const nlohmann::json body{{"SchemaId", schema},
                            {"SchemaVersionNumber", {{"LatestVersion", true}}}};
  return GetSchemaVersion(body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), "",
                          timeout, stop);
}

SchemaAnswer GlueRegistry::GetSchemaVersion(const std::string& body, const std::string& id,
                                            std::int64_t timeout, const std::stop_token& stop) {
  TRY(auto credentials, credentials_.Get(stop));
  HttpRequest request;
  request.method = "POST";
  request.url = settings_.endpoint;
  request.headers = {{"Content-Type", "application/x-amz-json-1.1"},
                     {"X-Amz-Target", "AWSGlue.GetSchemaVersion"}};
  request.body = body;
  request.timeout = std::min(kRequestTimeout, timeout);
  request.max_answer = kMaxSchemaAnswer;
  SignSigV4(*credentials, {settings_.region, "glue", settings_.clock->WallMicros()}, &request);
  TRY(auto answer, http_.Send(request, stop));
  if (answer.status != 200) {
    const std::string code = ParseGlueError(answer.Header("x-amzn-ErrorType"), answer.body);
    if (code == "EntityNotFoundException") return std::shared_ptr<const RegisteredSchema>();
    if (IsOneOf(code, kEnded)) credentials_.Refuse(credentials);
    return Refused(answer, code);
  }
  const std::string origin = settings_.endpoint.Origin();
  auto found = ParseGlueSchemaVersion(answer.body);
  if (!found.ok()) return std::move(found).error().At(origin);
  if (!id.empty() && found->id != id) {
    return RemoteError("net.answer", origin + ": the answer is about another schema version");
  }
  if (found->status == GlueSchemaVersion::Status::kPending) {
    return RemoteError("registry.pending", origin + " is still checking the schema version");
  }
  if (found->status == GlueSchemaVersion::Status::kGone) {
    return std::shared_ptr<const RegisteredSchema>();
  }
  return std::make_shared<const RegisteredSchema>(std::move(found->schema));
}

Error GlueRegistry::Refused(const HttpAnswer& answer, const std::string& code) const {
  const std::string said = settings_.endpoint.Origin() + " answers with status " +
                           std::to_string(answer.status) + (code.empty() ? "" : " " + code);
  if (IsOneOf(code, kEnded)) return RemoteError("registry.auth", said);
  if (IsOneOf(code, kBusy) || answer.status >= 500 || answer.status == 429) {
    return RemoteError("registry.busy", said);
  }
  if (IsOneOf(code, kDenied) || answer.status == 401 || answer.status == 403) {
    return UserError("registry.auth",
                     said + ": the credentials are not taken, or lack glue:GetSchemaVersion");
  }
  return UserError("registry.request", said + ": check registryEndpointUrl, region and the name");
}

}  // namespace sluice
