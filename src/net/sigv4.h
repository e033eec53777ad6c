/// AWS Signature Version 4, in headers.
///
/// Format: AWS General Reference, "Signature Version 4 signing process". The path is encoded once
/// more for the signature, as all services but S3 want it; it is not normalised. A header
/// X-Amz-Content-Sha256, which S3 asks for, stands for the body.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "net/http_client.h"

namespace sluice {

struct AwsCredentials {
  std::string access_key_id = {};
  std::string secret_access_key = {};
  std::string session_token = {};  ///< "" for credentials that last.
  std::int64_t expires = 0;        ///< Microseconds since 1970; 0 for credentials that last.
};

/// For whom and when a request is signed.
struct SigV4Scope {
  std::string region;
  std::string service;           ///< "glue", "sts", "s3".
  std::int64_t wall_micros = 0;  ///< AWS refuses what is off by more than five minutes.
};

/// Adds X-Amz-Date, X-Amz-Security-Token if there is a session, and Authorization. Signs the
/// method, path, query and body, Host and every header that is there; none may be changed later.
void SignSigV4(const AwsCredentials& credentials, const SigV4Scope& scope, HttpRequest* request);

/// What is signed of a request that has its date: for tests, and for who verifies.
std::string SigV4CanonicalRequest(const HttpRequest& request, std::string_view service);

/// In lower-case hex: what X-Amz-Content-Sha256 says of a body that is `bytes`.
std::string Sha256Hex(std::string_view bytes);

/// The same of bytes that come in pieces. One thread.
class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();
  Sha256Stream(const Sha256Stream&) = delete;
  Sha256Stream& operator=(const Sha256Stream&) = delete;
  void Add(std::string_view bytes);
  /// Of all since the last Finish; begins anew.
  std::string FinishHex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice
