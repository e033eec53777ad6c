/// AWS Glue's schema registry, by its operation GetSchemaVersion.
#pragma once

#include <string>

#include "core/clock.h"
#include "net/aws_credentials.h"
#include "registry/schema_client.h"

namespace sluice {

struct GlueSettings {
  Url endpoint;
  std::string region;
  std::string registry_name = "default-registry";  ///< Of schemas that are named without one.
  AwsSettings aws;
  TlsFiles tls;
  Environment environment = ProcessEnvironment();
  const Clock* clock = &Clock::System();
};

/// Waits for versions that Glue is still checking: they are an error that is worth another try. A
/// version that failed the check or is being deleted is nothing.
class GlueRegistry final : public SchemaClient {
 public:
  explicit GlueRegistry(GlueSettings settings);

  SchemaAnswer Ask(const SchemaId& id, std::int64_t timeout, const std::stop_token& stop) override;
  /// `name` is an ARN, REGISTRY/SCHEMA or SCHEMA.
  SchemaAnswer AskLatest(const std::string& name, std::int64_t timeout,
                         const std::stop_token& stop) override;
  bool Understands(SchemaId::Kind kind) const override;

 private:
  /// The version that `body` asks for, which has to be `id` unless that is "".
  SchemaAnswer GetSchemaVersion(const std::string& body, const std::string& id,
                                std::int64_t timeout, const std::stop_token& stop);
  Error Refused(const HttpAnswer& answer, const std::string& code) const;

  const GlueSettings settings_;
  HttpClient http_;
  AwsCredentialsChain credentials_;
};

}  // namespace sluice
