/// Calls to one bucket on an S3 server: signed, tried again, and their failures explained.
///
/// A call whose outcome is not known is sent again with the same bytes, so every caller has to be
/// prepared for its effect twice. Tries are spread at random, doubling from 50 ms up to 5 s, at
/// most kTries for a call; and all calls together have a budget of retries that only success
/// refills, so that a server in trouble is not asked more than usual.
///
/// Errors name the object and the server's word for what is wrong, never a credential:
///   storage.unknown, storage.busy          remote, Retry::kLater: no clear answer; of what writes,
///                                          and of what reads
///   storage.denied, storage.clock,         the user's: credentials, the time here, the bucket,
///   storage.no_bucket, storage.region      its region. Retry::kLater once a call has succeeded:
///                                          somebody will mend it, and the job goes on by itself
///   storage.full                           remote, Retry::kLater
///   storage.unfit                          the user's: the server does not know the call
///   storage.refused                        remote: anything else that trying again does not mend
/// and those of credentials and of the connection (net/).
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "net/aws_credentials.h"
#include "net/http_client.h"
#include "storage/s3/s3_settings.h"

namespace sluice {

struct S3Request {
  std::string method = "GET";
  std::string key = {};                                         ///< "" is the bucket.
  std::vector<std::pair<std::string, std::string>> query = {};  ///< Not encoded.
  HttpHeaders headers = {};
  std::string body = {};
  HttpBody stream = {};            ///< Instead of `body`; of a PUT.
  std::string stream_sha256 = {};  ///< In hex, of `stream`.
  bool writes = false;             ///< Then a lost answer is "storage.unknown".
  /// Bytes of the answer's body; more is an error. Enough for a list of 1,000 names, encoded.
  std::size_t max_answer = 16u << 20;
};

struct S3Answer {
  int status = 0;    ///< 2xx, 404 or 412: all else is an error.
  std::string code;  ///< Of those two, the server's word: "NoSuchUpload". "" of a HEAD.
  HttpHeaders headers;
  std::string body;

  bool ok() const { return status >= 200 && status < 300; }
  std::string Header(std::string_view name) const;
};

/// Any thread.
class S3Client {
 public:
  static constexpr int kTries = 6;

  S3Client(S3Settings settings, S3Place place, Environment environment = ProcessEnvironment(),
           const Clock* clock = &Clock::System());

  const S3Place& place() const { return place_; }

  /// `what` reads as in "cannot list the files": "list the files".
  Result<S3Answer> Send(const S3Request& request, const std::string& what,
                        const std::stop_token& stop = {});

  /// As an answer with status 200 may hold one all the same.
  Error Explain(const std::string& code, const std::string& message, int status,
                const S3Request& request, const std::string& what) const;

 private:
  /// Of the object, or of the place where the request is about the bucket.
  std::string NameOf(const S3Request& request) const;
  HttpRequest Build(const S3Request& request, const AwsCredentials& credentials) const;
  bool SpendRetry();
  void Earn();

  const S3Settings settings_;
  const S3Place place_;
  const Clock* const clock_;
  HttpClient http_;
  AwsCredentialsChain credentials_;
  std::atomic<bool> succeeded_{false};
  std::mutex mutex_;
  int budget_;
};

}  // namespace sluice
