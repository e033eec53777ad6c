/// Small requests over HTTP and HTTPS: one call, one answer, bounded in time and size.
///
/// Certificates are always verified, against the system's authorities or a file, and TLS is 1.2 at
/// least. Redirects are answers like any other and never followed, so that no credential goes to
/// another host. Proxies are taken from the environment (https_proxy, no_proxy). Link-local
/// addresses, where clouds keep a machine's secrets, are refused after names are resolved, unless a
/// request asks for one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"
#include "net/url.h"

namespace sluice {

/// Names as written; compared without case.
using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

/// A request's body that is not in memory. `read` copies what is at `offset` to `into` and returns
/// how much that was, less than `size` only if it fails. It is called by the thread in Send, again
/// from the beginning if a connection was lost before the server saw all.
struct HttpBody {
  std::int64_t size = 0;
  std::function<std::size_t(std::int64_t offset, char* into, std::size_t size)> read;
};

struct HttpRequest {
  std::string method = "GET";
  Url url;              ///< User and password are not sent; a header is the way.
  HttpHeaders headers;  ///< Without Host and Content-Length, which are made.
  std::string body;     ///< Sent with any method but GET and HEAD.
  HttpBody stream;      ///< Sent instead of `body` if it has a `read`; the method is PUT then.
  std::int64_t connect_timeout = 5'000'000;  ///< Microseconds.
  std::int64_t timeout = 10'000'000;         ///< Of everything, microseconds.
  std::size_t max_answer = 1 << 20;          ///< Bytes of the answer's body; more is an error.
  bool to_metadata = false;  ///< Link-local addresses are meant, and proxies are not.
};

struct HttpAnswer {
  int status = 0;
  HttpHeaders headers;
  std::string body;

  /// "" if there is none; the first of several.
  std::string_view Header(std::string_view name) const;
};

/// PEM files, by path.
struct TlsFiles {
  std::string authorities;  ///< "": the system's.
  std::string certificate;  ///< Our own; "": none.
  std::string key;          ///< Of `certificate`; "": in the same file.
  std::string key_password;
};

/// Whose connections stay open between requests. Any thread.
class HttpClient {
 public:
  explicit HttpClient(TlsFiles tls = {});
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// The answer, whatever its status. Errors, which name the server and never what was sent:
  ///   net.connect, net.timeout, net.broken   remote, Retry::kLater
  ///   net.stopped                            remote, Retry::kNo: `stop` was asked for
  ///   net.too_large                          remote, Retry::kNo
  ///   net.tls, net.address, net.request      the user's: a certificate, host or header that
  ///                                          trying again does not mend
  Result<HttpAnswer> Send(const HttpRequest& request, const std::stop_token& stop = {});

 private:
  struct Connection;
  class Transfer;
  std::unique_ptr<Connection> Take();
  void Give(std::unique_ptr<Connection> connection);

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice
