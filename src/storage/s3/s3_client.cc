#include "storage/s3/s3_client.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <random>

#include "core/logging.h"
#include "net/sigv4.h"
#include "net/xml_answer.h"

namespace sluice {
namespace {

constexpr int kBudget = 500;
constexpr int kRetryCost = 5;
constexpr std::int64_t kFirstWait = 50'000;
constexpr std::int64_t kLongestWait = 5'000'000;
constexpr std::int64_t kConnectTimeout = 5'000'000;
constexpr std::int64_t kTimeout = 30'000'000;
constexpr std::int64_t kSlowestBytesPerSecond = 128 << 10;

/// What the server said is wrong. Empty if it is no error of S3's.
struct Complaint {
  std::string code;
  std::string message;
};

Complaint Read(const HttpAnswer& answer) {
  if (answer.body.empty()) return {};
  auto xml = ParseXmlAnswer(answer.body);
  if (!xml.ok() || xml->name != "Error") return {};
  return {xml->ChildText("Code"), xml->ChildText("Message")};
}

/// Text of a server in a message of ours: one line, not too long.
std::string Plain(const std::string& text) {
  std::string out;
  for (const char c : text.substr(0, 300)) {
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  }
  return out;
}

bool IsOneOf(const std::string& code, std::initializer_list<const char*> codes) {
  return std::any_of(codes.begin(), codes.end(), [&](const char* one) { return code == one; });
}

bool MayPass(int status, const std::string& code) {
  return (status >= 500 && status != 501) || status == 429 || status == 408 ||
         (status == 409 &&
          (code.empty() || IsOneOf(code, {"OperationAborted", "ConditionalRequestConflict"}))) ||
         IsOneOf(code,
                 {"SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "Throttling",
                  "ThrottlingException", "RequestThrottled", "RequestTimeoutException", "BadDigest",
                  "XAmzContentSHA256Mismatch", "IncompleteBody"});
}

/// Of the credentials, which the next look may find renewed.
bool HasExpired(const std::string& code) {
  return IsOneOf(
      code, {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"});
}

void Wait(std::int64_t micros, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any woken;
  std::unique_lock lock(mutex);
  woken.wait_for(lock, stop, std::chrono::microseconds(micros), [] { return false; });
}

/// Full jitter: anywhere up to the doubled wait.
std::int64_t WaitBefore(int tried) {
  thread_local std::minstd_rand random(std::random_device{}());
  const std::int64_t longest = std::min(kLongestWait, kFirstWait << tried);
  return std::uniform_int_distribution<std::int64_t>(longest / 4, longest)(random);
}

}  // namespace

std::string S3Answer::Header(std::string_view name) const {
  return std::string(HttpAnswer{status, headers, ""}.Header(name));
}

S3Client::S3Client(S3Settings settings, S3Place place, Environment environment, const Clock* clock)
    : settings_(std::move(settings)),
      place_(std::move(place)),
      clock_(clock),
      http_(TlsFiles{settings_.ca_file, "", "", ""}),
      credentials_(settings_.aws, &http_, std::move(environment), clock),
      budget_(kBudget) {}

std::string S3Client::NameOf(const S3Request& request) const {
  return request.key.empty() ? place_.Text() : "s3://" + place_.bucket + "/" + request.key;
}

HttpRequest S3Client::Build(const S3Request& request, const AwsCredentials& credentials) const {
  HttpRequest http;
  http.method = request.method;
  http.url = settings_.server;
  if (settings_.path_style) http.url.path += "/" + PercentEncodePath(place_.bucket);
  http.url.path += "/" + PercentEncodePath(request.key);
  if (request.key.empty() && settings_.path_style) http.url.path.pop_back();
  for (const auto& [name, value] : request.query) {
    http.url.query +=
        (http.url.query.empty() ? "" : "&") + PercentEncode(name) + "=" + PercentEncode(value);
  }
  http.headers = request.headers;
  http.body = request.body;
  http.stream = request.stream;
  http.headers.emplace_back("x-amz-content-sha256",
                            request.stream.read ? request.stream_sha256 : Sha256Hex(request.body));
  http.connect_timeout = kConnectTimeout;
  const auto bytes = static_cast<std::int64_t>(request.body.size()) + request.stream.size;
  http.timeout = kTimeout + bytes * 1'000'000 / kSlowestBytesPerSecond;
  http.max_answer = request.max_answer;
  SignSigV4(credentials, {settings_.region, "s3", clock_->WallMicros()}, &http);
  return http;
}

bool S3Client::SpendRetry() {
  std::lock_guard lock(mutex_);
  if (budget_ < kRetryCost) return false;
  budget_ -= kRetryCost;
  return true;
}

void S3Client::Earn() {
  succeeded_ = true;
  std::lock_guard lock(mutex_);
  budget_ = std::min(kBudget, budget_ + 1);
}

Result<S3Answer> S3Client::Send(const S3Request& request, const std::string& what,
                                const std::stop_token& stop) {
  for (int tried = 1;; ++tried) {
    TRY(auto credentials, credentials_.Get(stop));
    auto answer = http_.Send(Build(request, *credentials), stop);
    Error error;
    if (answer.ok()) {
      const Complaint complaint = answer->status < 300 ? Complaint() : Read(*answer);
      const int status = answer->status;
      if (status < 300 || status == 412 || (status == 404 && complaint.code != "NoSuchBucket")) {
        Earn();
        return S3Answer{status, complaint.code, std::move(answer->headers),
                        std::move(answer->body)};
      }
      error = Explain(complaint.code, complaint.message, status, request, what);
      if (error.code == "storage.region") {
        if (auto region = answer->Header("x-amz-bucket-region"); !region.empty()) {
          error.message += "; the server says it is in " + Plain(std::string(region));
        }
      }
      if (HasExpired(complaint.code)) {
        credentials_.Refuse(credentials);
        // The same ones again would be refused again.
        auto renewed = credentials_.Get(stop);
        if (!renewed.ok() || (*renewed)->session_token == credentials->session_token) {
          return error;
        }
      } else if (!MayPass(status, complaint.code)) {
        return error;
      }
    } else {
      error = std::move(answer).error();
      if (error.retry == Retry::kNo) return error;
      error = RemoteError(request.writes ? "storage.unknown" : "storage.busy",
                          "cannot " + what + " " + NameOf(request) + ": " + error.message);
    }
    if (tried >= kTries || stop.stop_requested() || !SpendRetry()) return error;
    LogLimited(LogLevel::kWarn, "s3 " + place_.Text(), 60, "a call to S3 is tried again",
               {{"error", ToString(error)}});
    Wait(WaitBefore(tried), stop);
  }
}

Error S3Client::Explain(const std::string& code, const std::string& message, int status,
                        const S3Request& request, const std::string& what) const {
  std::string text =
      "cannot " + what + " " + NameOf(request) + ": the server answered " + std::to_string(status);
  if (!code.empty()) text += " " + Plain(code);
  if (!message.empty()) text += " (" + Plain(message) + ")";
  const auto users = [&](const char* name, const std::string& advice) {
    Error error = UserError(name, text + advice);
    if (succeeded_) error.retry = Retry::kLater;
    return error;
  };
  if (IsOneOf(code, {"InsufficientStorage", "QuotaExceeded", "XMinioStorageFull",
                     "XMinioAdminBucketQuotaExceeded"}) ||
      status == 507) {
    return RemoteError("storage.full", text);
  }
  if (status == 501 || code == "NotImplemented") return UserError("storage.unfit", text);
  if (MayPass(status, code)) {
    return RemoteError(request.writes ? "storage.unknown" : "storage.busy", text);
  }
  if (code == "NoSuchBucket") {
    return users("storage.no_bucket", "; create the bucket, or correct its name");
  }
  if (code == "RequestTimeTooSkewed") {
    return users("storage.clock", "; set the clock of this machine, which signs with its time");
  }
  if (status == 301 || status == 307 ||
      IsOneOf(code, {"PermanentRedirect", "AuthorizationHeaderMalformed",
                     "IllegalLocationConstraintException"})) {
    return users("storage.region", "; the bucket is in another region, set `region`");
  }
  if (HasExpired(code)) return users("storage.denied", "; the credentials have expired");
  if (status == 401 || status == 403 ||
      IsOneOf(code, {"InvalidAccessKeyId", "InvalidToken", "InvalidSecurity"})) {
    return users("storage.denied", "; check the credentials and what they are allowed to do");
  }
  return RemoteError("storage.refused", text, Retry::kNo);
}

}  // namespace sluice
