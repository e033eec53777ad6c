#include "net/aws_credentials.h"

#include <algorithm>
#include <utility>

#include "core/logging.h"
#include "net/aws_credential_requests.h"

namespace sluice {
namespace {

/// AWS' tools renew this long before the end, and a failed renewal is tried again after a while.
constexpr std::int64_t kRenewBefore = 300'000'000;
constexpr std::int64_t kRenewAgain = 30'000'000;
/// Profiles may name one another as the caller, in a ring if somebody erred.
constexpr int kMaxProfiles = 5;

Error NoCredentials(const std::string& why) { return UserError("aws.credentials", why); }

}  // namespace

AwsCredentialsChain::AwsCredentialsChain(AwsSettings settings, HttpClient* http,
                                         Environment environment, const Clock* clock)
    : settings_(std::move(settings)),
      http_(http),
      environment_(std::move(environment)),
      clock_(clock) {}

Result<std::shared_ptr<const AwsCredentials>> AwsCredentialsChain::Get(
    const std::stop_token& stop) {
  std::lock_guard lock(mutex_);
  const std::int64_t now = clock_->WallMicros();
  if (current_ != nullptr && (renew_ == 0 || now < renew_)) return current_;
  auto found = Find(stop);
  if (!found.ok()) {
    if (current_ == nullptr || now >= current_->expires) return std::move(found).error();
    Log(LogLevel::kWarn, "AWS credentials could not be renewed, the old ones still hold",
        {{"error", ToString(found.error())}});
    renew_ = std::min(now + kRenewAgain, current_->expires);
    return current_;
  }
  current_ = std::make_shared<const AwsCredentials>(*std::move(found));
  renew_ = 0;
  if (current_->expires != 0) {
    // Credentials that end within the margin are asked for again when they have ended.
    const std::int64_t early = current_->expires - kRenewBefore;
    renew_ = early > now ? early : current_->expires;
  }
  return current_;
}

void AwsCredentialsChain::Refuse(const std::shared_ptr<const AwsCredentials>& refused) {
  std::lock_guard lock(mutex_);
  if (current_ != refused) return;
  current_ = nullptr;
}

Result<std::string> AwsCredentialsChain::Region() const {
  std::string region = settings_.region;
  if (region.empty()) region = environment_("AWS_REGION");
  if (region.empty()) region = environment_("AWS_DEFAULT_REGION");
  if (region.empty()) {
    TRY(auto profile, FindAwsProfile(settings_.profile, environment_));
    region = profile["region"];
  }
  if (region.empty()) {
    return UserError("aws.region",
                     "no AWS region: set the option region, AWS_REGION, or the profile's region");
  }
  // It becomes part of a host's name.
  const bool fits = region.size() <= 32 && std::all_of(region.begin(), region.end(), [](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
                    });
  if (!fits) return UserError("aws.region", "the AWS region is not a name such as eu-west-1");
  return region;
}

Result<AwsCredentials> AwsCredentialsChain::Find(const std::stop_token& stop) const {
  TRY(AwsCredentials caller, FindCaller(stop));
  if (settings_.role_arn.empty()) return caller;
  return Assume(settings_.role_arn, "", settings_.external_id, caller, stop);
}

Result<AwsCredentials> AwsCredentialsChain::Assume(const std::string& role,
                                                   const std::string& session,
                                                   const std::string& external_id,
                                                   const AwsCredentials& caller,
                                                   const std::stop_token& stop) const {
  AssumedRole assumed{role, session, external_id, ""};
  if (auto region = Region(); region.ok()) assumed.region = *region;
  auto given = RequestAssumedRole(assumed, caller, clock_->WallMicros(), http_, environment_, stop);
  if (!given.ok()) return std::move(given).error().At("assuming the role " + role);
  return given;
}

Result<AwsCredentials> AwsCredentialsChain::FindCaller(const std::stop_token& stop) const {
  AwsCredentials own{settings_.access_key_id, settings_.secret_access_key, settings_.session_token};
  if (own.access_key_id.empty() != own.secret_access_key.empty()) {
    return NoCredentials("an AWS access key needs both its id and its secret");
  }
  if (!own.access_key_id.empty()) return own;
  // A profile that the job itself names stands before the surroundings.
  if (settings_.profile.empty()) {
    AwsCredentials set{environment_("AWS_ACCESS_KEY_ID"), environment_("AWS_SECRET_ACCESS_KEY"),
                       environment_("AWS_SESSION_TOKEN")};
    if (!set.access_key_id.empty() && !set.secret_access_key.empty()) return set;
    const std::string token_file = environment_("AWS_WEB_IDENTITY_TOKEN_FILE");
    const std::string role = environment_("AWS_ROLE_ARN");
    if (!token_file.empty() && !role.empty()) {
      return FindWebIdentity(role, token_file, environment_("AWS_ROLE_SESSION_NAME"), stop);
    }
  }
  TRY(auto profile, FindAwsProfile(settings_.profile, environment_));
  TRY(auto kept, FromProfile(profile, kMaxProfiles, stop));
  if (!kept.access_key_id.empty()) return kept;
  if (!settings_.profile.empty()) {
    return NoCredentials("the AWS profile " + settings_.profile + " has no credentials");
  }
  TRY(auto container, ContainerUrl(environment_));
  if (container) return RequestFromContainer(*container, http_, environment_, stop);
  if (environment_("AWS_EC2_METADATA_DISABLED") != "true") {
    auto given = RequestFromInstance(http_, environment_, stop);
    if (given.ok() || given.error().code == "net.stopped") return given;
    return NoCredentials(
        "no AWS credentials in options, environment or profile, and not from the "
        "machine's metadata: " +
        given.error().message);
  }
  return NoCredentials(
      "no AWS credentials in options, environment or profile; the machine's "
      "metadata is switched off by AWS_EC2_METADATA_DISABLED");
}

Result<AwsCredentials> AwsCredentialsChain::FromProfile(const AwsProfile& profile, int depth,
                                                        const std::stop_token& stop) const {
  const auto get = [&](const char* key) {
    const auto at = profile.find(key);
    return at == profile.end() ? std::string() : at->second;
  };
  AwsCredentials kept{get("aws_access_key_id"), get("aws_secret_access_key"),
                      get("aws_session_token")};
  if (!get("role_arn").empty()) {
    if (!get("web_identity_token_file").empty()) {
      return FindWebIdentity(get("role_arn"), get("web_identity_token_file"),
                             get("role_session_name"), stop);
    }
    TRY(AwsCredentials caller, CallerOf(profile, depth - 1, stop));
    return Assume(get("role_arn"), get("role_session_name"), get("external_id"), caller, stop);
  }
  if (!kept.access_key_id.empty() && !kept.secret_access_key.empty()) return kept;
  for (const char* key : {"credential_process", "sso_session", "sso_start_url", "login_session"}) {
    if (get(key).empty()) continue;
    return NoCredentials(std::string("the AWS profile gets its credentials by ") + key +
                         ", which is not supported: export them into the environment");
  }
  return AwsCredentials{};
}

Result<AwsCredentials> AwsCredentialsChain::CallerOf(const AwsProfile& profile, int depth,
                                                     const std::stop_token& stop) const {
  if (depth == 0) {
    return NoCredentials("the AWS profiles name one another as source_profile without an end");
  }
  if (const auto source = profile.find("source_profile"); source != profile.end()) {
    TRY(AwsProfile other, FindAwsProfile(source->second, environment_));
    // One that names itself has the caller's keys beside the role.
    if (other["role_arn"] == profile.at("role_arn")) other.erase("role_arn");
    TRY(AwsCredentials caller, FromProfile(other, depth, stop));
    if (!caller.access_key_id.empty()) return caller;
    return NoCredentials("the AWS profile " + source->second +
                         ", which is to assume a role, has no credentials");
  }
  const auto from = profile.find("credential_source");
  const std::string source = from == profile.end() ? "" : from->second;
  if (source == "Environment") {
    AwsCredentials set{environment_("AWS_ACCESS_KEY_ID"), environment_("AWS_SECRET_ACCESS_KEY"),
                       environment_("AWS_SESSION_TOKEN")};
    if (!set.access_key_id.empty() && !set.secret_access_key.empty()) return set;
    return NoCredentials("the AWS profile wants credentials of the environment, which has none");
  }
  if (source == "EcsContainer") {
    TRY(auto container, ContainerUrl(environment_));
    if (container) return RequestFromContainer(*container, http_, environment_, stop);
    return NoCredentials("the AWS profile wants a container's credentials, and this is none");
  }
  if (source == "Ec2InstanceMetadata") return RequestFromInstance(http_, environment_, stop);
  return NoCredentials(
      "the AWS profile assumes a role and says not in whose name: it needs source_profile, or "
      "credential_source as Environment, EcsContainer or Ec2InstanceMetadata");
}

Result<AwsCredentials> AwsCredentialsChain::FindWebIdentity(const std::string& role,
                                                            const std::string& token_file,
                                                            const std::string& session,
                                                            const std::stop_token& stop) const {
  auto token = ReadSettingsFile(token_file);
  if (!token || token->empty()) {
    return NoCredentials("the web identity's token cannot be read from " + token_file);
  }
  WebIdentity identity{role, session, *token, ""};
  if (auto region = Region(); region.ok()) identity.region = *region;
  return RequestFromSts(identity, http_, environment_, stop);
}

}  // namespace sluice
