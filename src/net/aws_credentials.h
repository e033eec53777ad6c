/// Where requests to AWS get their credentials and region from: the chain that AWS' own tools use.
///
/// In this order: what the job says, environment variables, a web identity's token file, the shared
/// profile files, the container's endpoint, the machine's metadata (version 2 only). Source: AWS
/// SDKs and Tools Reference Guide, "Standardized credential providers".
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>

#include "core/clock.h"
#include "core/result.h"
#include "net/aws_profile.h"
#include "net/http_client.h"
#include "net/sigv4.h"

namespace sluice {

/// What the job itself says; what is empty is looked for in the surroundings.
struct AwsSettings {
  std::string access_key_id = {};
  std::string secret_access_key = {};
  std::string session_token = {};
  std::string profile = {};
  std::string region = {};
  std::string role_arn = {};  ///< Assumed in the name of all else that is found.
  std::string external_id = {};
};

/// Credentials of one job for AWS, remembered and renewed before they end. Any thread: one asks,
/// the others wait.
class AwsCredentialsChain {
 public:
  /// `http` and `clock` have to outlive it.
  AwsCredentialsChain(AwsSettings settings, HttpClient* http,
                      Environment environment = ProcessEnvironment(),
                      const Clock* clock = &Clock::System());

  /// A user's error "aws.credentials" if there are none, or what there is cannot be used (a profile
  /// that signs in or runs a program); a remote one if who gives them out does not
  /// answer. While the old ones still hold, a failed renewal is not an error.
  Result<std::shared_ptr<const AwsCredentials>> Get(const std::stop_token& stop = {});

  /// The service said that `refused` have ended: the next Get asks for others. Without effect if
  /// others are there already, or if they came from a place that has only these.
  void Refuse(const std::shared_ptr<const AwsCredentials>& refused);

  /// The job's region, or AWS_REGION, AWS_DEFAULT_REGION, the profile's; a user's error
  /// "aws.region" if there is none or it cannot be a region.
  Result<std::string> Region() const;

 private:
  Result<AwsCredentials> Find(const std::stop_token& stop) const;
  Result<AwsCredentials> FindCaller(const std::stop_token& stop) const;
  Result<AwsCredentials> Assume(const std::string& role, const std::string& session,
                                const std::string& external_id, const AwsCredentials& caller,
                                const std::stop_token& stop) const;
  /// Of a profile that assumes a role: whoever it names as the caller.
  Result<AwsCredentials> CallerOf(const AwsProfile& profile, int depth,
                                  const std::stop_token& stop) const;
  Result<AwsCredentials> FindWebIdentity(const std::string& role, const std::string& token_file,
                                         const std::string& session,
                                         const std::stop_token& stop) const;
  /// Those of a profile; without an access key if it has none.
  Result<AwsCredentials> FromProfile(const AwsProfile& profile, int depth,
                                     const std::stop_token& stop) const;

  const AwsSettings settings_;
  HttpClient* const http_;
  const Environment environment_;
  const Clock* const clock_;

  std::mutex mutex_;
  std::shared_ptr<const AwsCredentials> current_;
  std::int64_t renew_ = 0;  ///< When to look again, wall clock; 0: never.
};

}  // namespace sluice
