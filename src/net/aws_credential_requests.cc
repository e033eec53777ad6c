#include "net/aws_credential_requests.h"

#include <cctype>
#include <nlohmann/json.hpp>

#include "core/clock.h"
#include "core/random_id.h"
#include "net/json_answer.h"
#include "net/xml_answer.h"

namespace sluice {
namespace {

constexpr std::int64_t kMetadataTimeout = 1'000'000;
constexpr std::size_t kMaxAnswer = 64 << 10;

Error BadAnswer(const std::string& what) {
  return RemoteError("aws.credentials", "the answer with AWS credentials " + what);
}

/// Reads the last member too, and checks that nothing is missing.
Result<AwsCredentials> Checked(AwsCredentials credentials, const std::string& expires) {
  if (credentials.access_key_id.empty() || credentials.secret_access_key.empty()) {
    return BadAnswer("has no access key");
  }
  if (!expires.empty()) {
    auto at = ParseTimestamp(expires);
    if (!at.ok()) return BadAnswer("has no valid date of expiry");
    credentials.expires = *at;
  }
  return credentials;
}

/// The text of the first element `name` at or below `element`, or "".
std::string XmlText(const XmlElement& element, std::string_view name) {
  if (element.name == name) return element.text;
  for (const XmlElement& child : element.children) {
    if (std::string text = XmlText(child, name); !text.empty()) return text;
  }
  return "";
}

/// Who asked in vain, and whether it may ask again.
Error Refused(const Url& url, int status, const std::string& code) {
  std::string message = url.Origin() + " gave no AWS credentials: status " +
                        std::to_string(status) + (code.empty() ? "" : " " + code);
  if (status == 429 || status >= 500 || code == "IDPCommunicationError") {
    return RemoteError("aws.credentials", std::move(message));
  }
  return UserError("aws.credentials", std::move(message));
}

/// An error code of AWS, or "" for anything that is not a plain word.
std::string PlainWord(std::string_view word) {
  for (const char c : word) {
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '.') return "";
  }
  return word.size() <= 64 ? std::string(word) : "";
}

Result<Url> StsUrl(const std::string& region, const Environment& environment) {
  std::string text = environment("AWS_ENDPOINT_URL_STS");
  if (text.empty()) text = environment("AWS_ENDPOINT_URL");
  if (text.empty()) {
    const char* suffix = region.starts_with("cn-") ? ".amazonaws.com.cn" : ".amazonaws.com";
    text = "https://sts" + (region.empty() ? "" : "." + region) + suffix;
  }
  return ParseUrl(text);
}

/// A request to the security token service, not signed yet.
Result<HttpRequest> StsRequest(const std::string& action, const std::string& role,
                               const std::string& session, const std::string& region,
                               const Environment& environment) {
  HttpRequest request;
  TRY(request.url, StsUrl(region, environment));
  request.method = "POST";
  request.max_answer = kMaxAnswer;
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}};
  request.body =
      "Action=" + action + "&Version=2011-06-15&RoleArn=" + PercentEncode(role) +
      "&RoleSessionName=" + PercentEncode(session.empty() ? "sluice-" + RandomHex(8) : session);
  return request;
}

Result<AwsCredentials> SendToSts(const HttpRequest& request, HttpClient* http,
                                 const std::stop_token& stop) {
  TRY(auto answer, http->Send(request, stop));
  if (answer.status == 200) return ParseCredentialsXml(answer.body);
  auto xml = ParseXmlAnswer(answer.body);
  return Refused(request.url, answer.status, xml.ok() ? PlainWord(XmlText(*xml, "Code")) : "");
}

HttpRequest MetadataRequest(Url url) {
  HttpRequest request;
  request.url = std::move(url);
  request.connect_timeout = kMetadataTimeout;
  request.timeout = 2 * kMetadataTimeout;
  request.max_answer = kMaxAnswer;
  request.to_metadata = true;
  return request;
}

}  // namespace

Result<AwsCredentials> ParseCredentialsJson(std::string_view body) {
  TRY(auto json, ParseJsonAnswer(body));
  if (const std::string code = TextMember(json, "Code"); !code.empty() && code != "Success") {
    return BadAnswer("says " + PlainWord(code));
  }
  return Checked({TextMember(json, "AccessKeyId"), TextMember(json, "SecretAccessKey"),
                  TextMember(json, "Token")},
                 TextMember(json, "Expiration"));
}

Result<AwsCredentials> ParseCredentialsXml(std::string_view body) {
  auto xml = ParseXmlAnswer(body);
  if (!xml.ok()) return BadAnswer("cannot be read");
  return Checked({XmlText(*xml, "AccessKeyId"), XmlText(*xml, "SecretAccessKey"),
                  XmlText(*xml, "SessionToken")},
                 XmlText(*xml, "Expiration"));
}

Result<AwsCredentials> RequestFromSts(const WebIdentity& identity, HttpClient* http,
                                      const Environment& environment, const std::stop_token& stop) {
  TRY(HttpRequest request, StsRequest("AssumeRoleWithWebIdentity", identity.role, identity.session,
                                      identity.region, environment));
  request.body += "&WebIdentityToken=" + PercentEncode(identity.token);
  return SendToSts(request, http, stop);
}

Result<AwsCredentials> RequestAssumedRole(const AssumedRole& role, const AwsCredentials& caller,
                                          std::int64_t wall_micros, HttpClient* http,
                                          const Environment& environment,
                                          const std::stop_token& stop) {
  TRY(HttpRequest request,
      StsRequest("AssumeRole", role.role, role.session, role.region, environment));
  if (!role.external_id.empty()) request.body += "&ExternalId=" + PercentEncode(role.external_id);
  // The global endpoint is in this region.
  SignSigV4(caller, {role.region.empty() ? "us-east-1" : role.region, "sts", wall_micros},
            &request);
  return SendToSts(request, http, stop);
}

Result<std::optional<Url>> ContainerUrl(const Environment& environment) {
  if (const std::string path = environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
      !path.empty()) {
    TRY(auto url, ParseUrl("http://169.254.170.2" + path));
    return std::optional(std::move(url));
  }
  const std::string full = environment("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  if (full.empty()) return std::optional<Url>();
  TRY(auto url, ParseUrl(full));
  bool near = url.scheme == "https" || url.host == "localhost" || url.host.starts_with("127.");
  for (const char* host : {"[::1]", "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"}) {
    near |= url.host == host;
  }
  if (!near) {
    return UserError("aws.credentials",
                     "AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor on this machine");
  }
  return std::optional(std::move(url));
}

Result<AwsCredentials> RequestFromContainer(const Url& url, HttpClient* http,
                                            const Environment& environment,
                                            const std::stop_token& stop) {
  HttpRequest request = MetadataRequest(url);
  std::string token = environment("AWS_CONTAINER_AUTHORIZATION_TOKEN");
  if (const std::string file = environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
      !file.empty()) {
    auto text = ReadSettingsFile(file);
    if (!text) return UserError("aws.credentials", "the token of the container is not in " + file);
    token = *text;
  }
  if (!token.empty()) request.headers.emplace_back("Authorization", token);
  TRY(auto answer, http->Send(request, stop));
  if (answer.status != 200) return Refused(url, answer.status, "");
  return ParseCredentialsJson(answer.body);
}

Result<AwsCredentials> RequestFromInstance(HttpClient* http, const Environment& environment,
                                           const std::stop_token& stop) {
  std::string endpoint = environment("AWS_EC2_METADATA_SERVICE_ENDPOINT");
  if (endpoint.empty()) endpoint = "http://169.254.169.254";
  TRY(auto url, ParseUrl(endpoint));
  HttpRequest ask = MetadataRequest(url.Below("/latest/api/token"));
  ask.method = "PUT";
  ask.headers = {{"X-aws-ec2-metadata-token-ttl-seconds", "21600"}};
  TRY(auto token, http->Send(ask, stop));
  if (token.status != 200) return Refused(url, token.status, "");

  HttpRequest request = MetadataRequest(url.Below("/latest/meta-data/iam/security-credentials/"));
  request.headers = {{"X-aws-ec2-metadata-token", token.body}};
  TRY(auto role, http->Send(request, stop));
  if (role.status != 200) return Refused(url, role.status, "");
  request.url = request.url.Below("/" + PercentEncode(role.body.substr(0, role.body.find('\n'))));
  TRY(auto answer, http->Send(request, stop));
  if (answer.status != 200) return Refused(url, answer.status, "");
  return ParseCredentialsJson(answer.body);
}

}  // namespace sluice
