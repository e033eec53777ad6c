#include "net/http_client.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <mutex>

namespace sluice {
namespace {

constexpr std::size_t kMaxHeaderBytes = 64 << 10;
/// Waits are cut here only so that a lost wake-up would not last.
constexpr int kPollMillis = 1000;

void InitCurl() {
  static const CURLcode done = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (done != CURLE_OK) std::abort();
}

bool SameName(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

/// Whether `address` is 169.254.0.0/16, fe80::/10 or AWS' metadata in IPv6, fd00:ec2::/32.
bool IsLinkLocal(const curl_sockaddr& address) {
  std::array<std::uint8_t, 4> four{};
  if (address.family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &address.addr, sizeof in);
    std::memcpy(four.data(), &in.sin_addr, four.size());
  } else if (address.family == AF_INET6) {
    sockaddr_in6 in{};
    std::memcpy(&in, &address.addr, sizeof in);
    const std::uint8_t* six = in.sin6_addr.s6_addr;
    if (six[0] == 0xfe && (six[1] & 0xc0) == 0x80) return true;
    if (six[0] == 0xfd && six[1] == 0 && six[2] == 0x0e && six[3] == 0xc2) return true;
    if (!IN6_IS_ADDR_V4MAPPED(&in.sin6_addr)) return false;
    std::memcpy(four.data(), six + 12, four.size());
  }
  return four[0] == 169 && four[1] == 254;
}

/// Whether OpenSSL gave a reason: then the two sides do not agree, and will not later. Without one
/// the connection just ended while they were talking.
bool IsRefusal(CURLcode code, std::string_view detail) {
  switch (code) {
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
      return detail.find("error:") != std::string_view::npos ||
             detail.find("alert") != std::string_view::npos;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CRL_BADFILE:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::string_view HttpAnswer::Header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (SameName(key, name)) return value;
  }
  return "";
}

/// What curl keeps between requests. One at a time.
struct HttpClient::Connection {
  CURL* easy = curl_easy_init();
  CURLM* multi = curl_multi_init();

  Connection() {
    if (easy == nullptr || multi == nullptr) std::abort();
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
  }
};

struct HttpClient::State {
  TlsFiles tls;
  std::mutex mutex;
  std::vector<std::unique_ptr<Connection>> idle;
};

/// One request on its way.
class HttpClient::Transfer {
 public:
  Transfer(Connection& connection, const TlsFiles& tls, const HttpRequest& request)
      : connection_(connection), tls_(tls), request_(request) {}
  ~Transfer() {
    curl_multi_remove_handle(connection_.multi, connection_.easy);
    curl_slist_free_all(headers_);
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  Result<HttpAnswer> Run(const std::stop_token& stop) {
    TRY(AddHeaders());
    Configure();
    curl_multi_add_handle(connection_.multi, connection_.easy);
    std::stop_callback wake(stop, [this] { curl_multi_wakeup(connection_.multi); });
    for (int running = 1;;) {
      if (stop.stop_requested()) return Stopped();
      if (curl_multi_perform(connection_.multi, &running) != CURLM_OK) {
        return Failed(CURLE_FAILED_INIT);
      }
      if (running == 0) break;
      curl_multi_poll(connection_.multi, nullptr, 0, kPollMillis, nullptr);
    }
    return Finish();
  }

 private:
  Result<void> AddHeaders() {
    // curl asks "Expect: 100-continue" for larger bodies, which costs a second where it is ignored.
    headers_ = curl_slist_append(headers_, "Expect:");
    bool typed = false;
    for (const auto& [name, value] : request_.headers) {
      for (const char c : name + value) {
        if (c == '\r' || c == '\n' || c == '\0') {
          return UserError("net.request", "the header " + name + " for " + request_.url.Origin() +
                                              " holds a line end");
        }
      }
      typed |= SameName(name, "Content-Type");
      // curl leaves out a header that ends with a colon.
      const std::string line = value.empty() ? name + ";" : name + ": " + value;
      headers_ = curl_slist_append(headers_, line.c_str());
    }
    // It calls a body without a type a form.
    if (!typed) headers_ = curl_slist_append(headers_, "Content-Type:");
    return {};
  }

  template <typename Value>
  void Set(CURLoption option, Value value) {
    curl_easy_setopt(connection_.easy, option, value);
  }

  void Configure() {
    curl_easy_reset(connection_.easy);
    text_ = request_.url.Text();
    Set(CURLOPT_URL, text_.c_str());
    Set(CURLOPT_PATH_AS_IS, 1L);
    Set(CURLOPT_PROTOCOLS_STR, "http,https");
    Set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    Set(CURLOPT_USERAGENT, "sluice/" SLUICE_VERSION);
    Set(CURLOPT_HTTPHEADER, headers_);
    if (request_.stream.read) {
      Set(CURLOPT_UPLOAD, 1L);
      Set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request_.stream.size));
      Set(CURLOPT_READFUNCTION, &Transfer::OnRead);
      Set(CURLOPT_READDATA, this);
      Set(CURLOPT_SEEKFUNCTION, &Transfer::OnSeek);
      Set(CURLOPT_SEEKDATA, this);
    } else if (request_.method == "HEAD") {
      Set(CURLOPT_NOBODY, 1L);
    } else if (request_.method != "GET") {
      Set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
      Set(CURLOPT_POSTFIELDS, request_.body.data());
      Set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
    }
    if (request_.to_metadata) Set(CURLOPT_PROXY, "");
    Set(CURLOPT_NOSIGNAL, 1L);
    Set(CURLOPT_QUICK_EXIT, 1L);  // Or a stop would wait for a name server.
    Set(CURLOPT_CONNECTTIMEOUT_MS, Millis(request_.connect_timeout));
    Set(CURLOPT_TIMEOUT_MS, Millis(request_.timeout));
    Set(CURLOPT_ERRORBUFFER, detail_.data());
    Set(CURLOPT_WRITEFUNCTION, &Transfer::OnBody);
    Set(CURLOPT_WRITEDATA, this);
    Set(CURLOPT_HEADERFUNCTION, &Transfer::OnHeader);
    Set(CURLOPT_HEADERDATA, this);
    Set(CURLOPT_OPENSOCKETFUNCTION, &Transfer::OnSocket);
    Set(CURLOPT_OPENSOCKETDATA, this);
    ConfigureTls();
  }

  void ConfigureTls() {
    Set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    Set(CURLOPT_SSL_VERIFYPEER, 1L);
    Set(CURLOPT_SSL_VERIFYHOST, 2L);
    if (!tls_.authorities.empty()) {
      Set(CURLOPT_CAINFO, tls_.authorities.c_str());
      Set(CURLOPT_CAPATH, nullptr);
    }
    if (tls_.certificate.empty()) return;
    const std::string& key = tls_.key.empty() ? tls_.certificate : tls_.key;
    Set(CURLOPT_SSLCERT, tls_.certificate.c_str());
    Set(CURLOPT_SSLKEY, key.c_str());
    // Set even if empty, or OpenSSL asks the terminal.
    Set(CURLOPT_KEYPASSWD, tls_.key_password.c_str());
  }

  static long Millis(std::int64_t micros) {
    return static_cast<long>(std::max<std::int64_t>(1, micros / 1000));  // 0 would be for ever.
  }

  static std::size_t OnRead(char* into, std::size_t, std::size_t size, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    const HttpBody& stream = transfer.request_.stream;
    const auto left = static_cast<std::size_t>(stream.size - transfer.sent_);
    const std::size_t wanted = std::min(size, left);
    if (wanted == 0) return 0;
    if (stream.read(transfer.sent_, into, wanted) != wanted) return CURL_READFUNC_ABORT;
    transfer.sent_ += static_cast<std::int64_t>(wanted);
    return wanted;
  }

  static int OnSeek(void* self, curl_off_t offset, int origin) {
    if (origin != SEEK_SET) return CURL_SEEKFUNC_CANTSEEK;
    static_cast<Transfer*>(self)->sent_ = offset;
    return CURL_SEEKFUNC_OK;
  }

  static std::size_t OnBody(char* data, std::size_t, std::size_t size, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    if (transfer.answer_.body.size() + size > transfer.request_.max_answer) {
      transfer.too_large_ = true;
      return 0;
    }
    transfer.answer_.body.append(data, size);
    return size;
  }

  static std::size_t OnHeader(char* data, std::size_t, std::size_t size, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    transfer.header_bytes_ += size;
    if (transfer.header_bytes_ > kMaxHeaderBytes) {
      transfer.too_large_ = true;
      return 0;
    }
    std::string_view line(data, size);
    while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with("HTTP/")) transfer.answer_.headers.clear();  // After a 100, or a proxy's.
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return size;
    const std::string_view name = line.substr(0, colon);
    line.remove_prefix(colon + 1);
    while (line.starts_with(' ') || line.starts_with('\t')) line.remove_prefix(1);
    transfer.answer_.headers.emplace_back(name, line);
    return size;
  }

  static curl_socket_t OnSocket(void* self, curlsocktype, curl_sockaddr* address) {
    auto& transfer = *static_cast<Transfer*>(self);
    if (!transfer.request_.to_metadata && IsLinkLocal(*address)) {
      transfer.link_local_ = true;
      return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  }

  Result<HttpAnswer> Finish() {
    int left = 0;
    const CURLMsg* message = curl_multi_info_read(connection_.multi, &left);
    if (message == nullptr || message->msg != CURLMSG_DONE) return Failed(CURLE_FAILED_INIT);
    if (message->data.result != CURLE_OK) return Failed(message->data.result);
    long status = 0;
    curl_easy_getinfo(connection_.easy, CURLINFO_RESPONSE_CODE, &status);
    answer_.status = static_cast<int>(status);
    return std::move(answer_);
  }

  Error Stopped() const {
    return RemoteError("net.stopped", "the request to " + request_.url.Origin() + " was cut short",
                       Retry::kNo);
  }

  Error Failed(CURLcode code) const {
    const std::string host = request_.url.Origin();
    const std::string_view detail = detail_.data();
    const std::string why(detail.empty() ? curl_easy_strerror(code) : detail);
    if (too_large_) {
      return RemoteError(
          "net.too_large",
          host + " answered with more than " + std::to_string(request_.max_answer) + " bytes",
          Retry::kNo);
    }
    if (link_local_) {
      return UserError("net.address", host + " is a link-local address, which is refused");
    }
    if (IsRefusal(code, detail)) {
      return UserError("net.tls", host + ": TLS failed: " + why);
    }
    if (code == CURLE_OPERATION_TIMEDOUT) {
      return RemoteError("net.timeout", host + " did not answer in time: " + why);
    }
    if (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST ||
        code == CURLE_COULDNT_RESOLVE_PROXY || code == CURLE_PROXY) {
      return RemoteError("net.connect", host + " cannot be reached: " + why);
    }
    return RemoteError("net.broken", host + ": the request failed: " + why);
  }

  Connection& connection_;
  const TlsFiles& tls_;
  const HttpRequest& request_;
  std::string text_;
  curl_slist* headers_ = nullptr;
  HttpAnswer answer_;
  std::int64_t sent_ = 0;  ///< Of the streamed body.
  std::size_t header_bytes_ = 0;
  bool too_large_ = false;
  bool link_local_ = false;
  std::array<char, CURL_ERROR_SIZE> detail_{};
};

HttpClient::HttpClient(TlsFiles tls) : state_(std::make_unique<State>()) {
  InitCurl();
  state_->tls = std::move(tls);
}

HttpClient::~HttpClient() = default;

std::unique_ptr<HttpClient::Connection> HttpClient::Take() {
  std::lock_guard lock(state_->mutex);
  if (state_->idle.empty()) return std::make_unique<Connection>();
  auto connection = std::move(state_->idle.back());
  state_->idle.pop_back();
  return connection;
}

void HttpClient::Give(std::unique_ptr<Connection> connection) {
  std::lock_guard lock(state_->mutex);
  state_->idle.push_back(std::move(connection));
}

Result<HttpAnswer> HttpClient::Send(const HttpRequest& request, const std::stop_token& stop) {
  auto connection = Take();
  auto answer = Transfer(*connection, state_->tls, request).Run(stop);
  Give(std::move(connection));
  return answer;
}

}  // namespace sluice
