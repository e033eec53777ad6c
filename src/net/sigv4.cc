#include "net/sigv4.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <map>

namespace sluice {
namespace {

std::string Hex(std::string_view bytes) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += {kHex[byte >> 4], kHex[byte & 15]};
  }
  return out;
}

std::string Sha256(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), out.data(), &size, EVP_sha256(), nullptr) != 1) {
    std::abort();
  }
  return {reinterpret_cast<const char*>(out.data()), size};
}

std::string HmacSha256(std::string_view key, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned size = 0;
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(text.data()), text.size(), out.data(),
           &size) == nullptr) {
    std::abort();
  }
  return {reinterpret_cast<const char*>(out.data()), size};
}

/// Parameters in the order of their encoded names and values.
std::string CanonicalQuery(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> parameters;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view one = query.substr(0, end);
    const std::size_t equals = std::min(one.find('='), one.size());
    const std::string_view value = equals < one.size() ? one.substr(equals + 1) : "";
    parameters.emplace_back(PercentEncode(PercentDecode(one.substr(0, equals))),
                            PercentEncode(PercentDecode(value)));
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  std::sort(parameters.begin(), parameters.end());
  std::string out;
  for (const auto& [name, value] : parameters) {
    if (!out.empty()) out += '&';
    out += name + '=' + value;
  }
  return out;
}

/// Without spaces at the ends, and with one for each run inside.
std::string Trimmed(std::string_view value) {
  std::string out;
  for (const char c : value) {
    const bool blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';
    if (!blank) {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  if (out.ends_with(' ')) out.pop_back();
  return out;
}

std::map<std::string, std::string> CanonicalHeaders(const HttpRequest& request) {
  std::map<std::string, std::string> headers{{"host", request.url.Authority()}};
  for (const auto& [name, value] : request.headers) {
    std::string key = name;
    for (char& c : key) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
    }
    const auto [at, fresh] = headers.try_emplace(key, Trimmed(value));
    if (!fresh) at->second += "," + Trimmed(value);
  }
  return headers;
}

std::string SignedHeaders(const std::map<std::string, std::string>& headers) {
  std::string out;
  for (const auto& [name, value] : headers) {
    if (!out.empty()) out += ';';
    out += name;
  }
  return out;
}

/// "20150830T123600Z".
std::string AmzDate(std::int64_t wall_micros) {
  const std::time_t seconds = wall_micros / 1'000'000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 32> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", &utc);
  return {text.data(), size};
}

}  // namespace

std::string SigV4CanonicalRequest(const HttpRequest& request, std::string_view service) {
  const auto headers = CanonicalHeaders(request);
  std::string out = request.method + '\n' +
                    (service == "s3" ? request.url.path : PercentEncodePath(request.url.path)) +
                    '\n' + CanonicalQuery(request.url.query) + '\n';
  for (const auto& [name, value] : headers) out += name + ':' + value + '\n';
  const auto digest = headers.find("x-amz-content-sha256");
  return out + '\n' + SignedHeaders(headers) + '\n' +
         (digest != headers.end() ? digest->second : Sha256Hex(request.body));
}

std::string Sha256Hex(std::string_view bytes) { return Hex(Sha256(bytes)); }

struct Sha256Stream::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
};

Sha256Stream::Sha256Stream() : state_(std::make_unique<State>()) {
  if (state_->context == nullptr ||
      EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) != 1) {
    std::abort();
  }
}

Sha256Stream::~Sha256Stream() { EVP_MD_CTX_free(state_->context); }

void Sha256Stream::Add(std::string_view bytes) {
  if (EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) != 1) std::abort();
}

std::string Sha256Stream::FinishHex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned size = 0;
  if (EVP_DigestFinal_ex(state_->context, out.data(), &size) != 1 ||
      EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) != 1) {
    std::abort();
  }
  return Hex({reinterpret_cast<const char*>(out.data()), size});
}

void SignSigV4(const AwsCredentials& credentials, const SigV4Scope& scope, HttpRequest* request) {
  const std::string date = AmzDate(scope.wall_micros);
  request->headers.emplace_back("X-Amz-Date", date);
  if (!credentials.session_token.empty()) {
    request->headers.emplace_back("X-Amz-Security-Token", credentials.session_token);
  }
  const std::string day = date.substr(0, 8);
  const std::string within = day + '/' + scope.region + '/' + scope.service + "/aws4_request";
  const std::string to_sign = "AWS4-HMAC-SHA256\n" + date + '\n' + within + '\n' +
                              Sha256Hex(SigV4CanonicalRequest(*request, scope.service));
  std::string key = HmacSha256("AWS4" + credentials.secret_access_key, day);
  key = HmacSha256(key, scope.region);
  key = HmacSha256(key, scope.service);
  key = HmacSha256(key, "aws4_request");
  request->headers.emplace_back(
      "Authorization", "AWS4-HMAC-SHA256 Credential=" + credentials.access_key_id + '/' + within +
                           ", SignedHeaders=" + SignedHeaders(CanonicalHeaders(*request)) +
                           ", Signature=" + Hex(HmacSha256(key, to_sign)));
}

}  // namespace sluice
