#include "net/aws_credential_requests.h"

#include <array>
#include <cctype>
#include <nlohmann/json.hpp>

#include "core/clock.h"
#include "core/random_id.h"
#include "net/json_answer.h"

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

/// The text of the first element `name` in XML without attributes, as the service answers. No
/// parser: nothing is expanded but the five predefined entities.
std::string XmlText(std::string_view body, const std::string& name) {
  const std::string open = "<" + name + ">";
  const std::size_t from = body.find(open);
  if (from == std::string_view::npos) return "";
  const std::size_t to = body.find("</" + name + ">", from);
  if (to == std::string_view::npos) return "";
  std::string_view text = body.substr(from + open.size(), to - from - open.size());
  constexpr std::array<std::pair<std::string_view, char>, 5> kEntities = {
      {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}}};
  std::string out;
  while (!text.empty()) {
    std::size_t taken = 1;
    char c = text[0];
    for (const auto& [entity, meaning] : kEntities) {
      if (!text.starts_with(entity)) continue;
      taken = entity.size();
      c = meaning;
    }
    out += c;
    text.remove_prefix(taken);
  }
  return out;
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

Result<Url> StsUrl(const WebIdentity& identity, const Environment& environment) {
  std::string text = environment("AWS_ENDPOINT_URL_STS");
  if (text.empty()) text = environment("AWS_ENDPOINT_URL");
  if (text.empty()) {
    const char* suffix =
        identity.region.starts_with("cn-") ? ".amazonaws.com.cn" : ".amazonaws.com";
    text = "https://sts" + (identity.region.empty() ? "" : "." + identity.region) + suffix;
  }
  return ParseUrl(text);
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
  return Checked({XmlText(body, "AccessKeyId"), XmlText(body, "SecretAccessKey"),
                  XmlText(body, "SessionToken")},
                 XmlText(body, "Expiration"));
}

Result<AwsCredentials> RequestFromSts(const WebIdentity& identity, HttpClient* http,
                                      const Environment& environment, const std::stop_token& stop) {
  HttpRequest request;
  TRY(request.url, StsUrl(identity, environment));
  request.method = "POST";
  request.max_answer = kMaxAnswer;
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}};
  const std::string session =
      identity.session.empty() ? "sluice-" + RandomHex(8) : identity.session;
  request.body = "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=" +
                 PercentEncode(identity.role) + "&RoleSessionName=" + PercentEncode(session) +
                 "&WebIdentityToken=" + PercentEncode(identity.token);
  TRY(auto answer, http->Send(request, stop));
  if (answer.status != 200) {
    return Refused(request.url, answer.status, PlainWord(XmlText(answer.body, "Code")));
  }
  return ParseCredentialsXml(answer.body);
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
