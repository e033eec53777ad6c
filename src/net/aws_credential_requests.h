/// Credentials that AWS gives out on request: by the security token service, to a container, to a
/// machine.
///
/// Errors are the client's, or "aws.credentials": the user's if the request was refused, remote if
/// the answer cannot be used or the service is busy. None holds a token or an answer.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>

#include "core/result.h"
#include "net/aws_profile.h"
#include "net/http_client.h"
#include "net/sigv4.h"

namespace sluice {

struct WebIdentity {
  std::string role;
  std::string session;  ///< "": one is made.
  std::string token;
  std::string region;  ///< "": the global endpoint.
};

/// AssumeRoleWithWebIdentity, at AWS_ENDPOINT_URL_STS, AWS_ENDPOINT_URL or the region's endpoint.
Result<AwsCredentials> RequestFromSts(const WebIdentity& identity, HttpClient* http,
                                      const Environment& environment, const std::stop_token& stop);

struct AssumedRole {
  std::string role;
  std::string session;      ///< "": one is made.
  std::string external_id;  ///< "": none.
  std::string region;       ///< "": the global endpoint.
};

/// AssumeRole in the name of `caller`, at the same endpoints. `wall_micros` is when it is signed.
Result<AwsCredentials> RequestAssumedRole(const AssumedRole& role, const AwsCredentials& caller,
                                          std::int64_t wall_micros, HttpClient* http,
                                          const Environment& environment,
                                          const std::stop_token& stop);

/// Where the container's credentials are, of AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI;
/// nullopt if neither is set. Plain http is for this machine and AWS' own addresses only.
Result<std::optional<Url>> ContainerUrl(const Environment& environment);
Result<AwsCredentials> RequestFromContainer(const Url& url, HttpClient* http,
                                            const Environment& environment,
                                            const std::stop_token& stop);

/// The role of the machine, by metadata version 2, at AWS_EC2_METADATA_SERVICE_ENDPOINT or
/// 169.254.169.254. Gives up after about a second: elsewhere nobody is there.
Result<AwsCredentials> RequestFromInstance(HttpClient* http, const Environment& environment,
                                           const std::stop_token& stop);

/// The answers. For the two services and their tests.
Result<AwsCredentials> ParseCredentialsJson(std::string_view body);
Result<AwsCredentials> ParseCredentialsXml(std::string_view body);

}  // namespace sluice
