#include "net/http_server_testing.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

namespace sluice {
namespace {

/// Reads up to the end of a request's body; false if the other side ends before it.
bool ReadRequest(int connection, TestHttpServer::Request* request) {
  std::string text;
  std::size_t length = 0;
  std::size_t body = std::string::npos;
  while (body == std::string::npos || text.size() < body + length) {
    std::array<char, 4096> buffer{};
    const ssize_t got = recv(connection, buffer.data(), buffer.size(), 0);
    if (got <= 0) return false;
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (body != std::string::npos || text.find("\r\n\r\n") == std::string::npos) continue;
    body = text.find("\r\n\r\n") + 4;
    const std::size_t first = text.find(' ');
    const std::size_t second = text.find(' ', first + 1);
    request->method = text.substr(0, first);
    request->target = text.substr(first + 1, second - first - 1);
    for (std::size_t at = text.find("\r\n") + 2; at < body - 2;) {
      const std::size_t end = text.find("\r\n", at);
      const std::size_t colon = text.find(':', at);
      std::string name = text.substr(at, colon - at);
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      std::string value = text.substr(colon + 1, end - colon - 1);
      request->headers[name] = value.substr(std::min(value.find_first_not_of(' '), value.size()));
      at = end + 2;
    }
    length = std::strtoul(request->headers["content-length"].c_str(), nullptr, 10);
  }
  request->body = text.substr(body, length);
  return true;
}

}  // namespace

TestHttpServer::TestHttpServer(Handler handler) : handler_(std::move(handler)) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      listen(listener_, 64) != 0 ||
      getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    std::abort();
  }
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] {
    for (;;) {
      const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (connection < 0) return;
      std::lock_guard lock(mutex_);
      threads_.emplace_back([this, connection] { Serve(connection); });
    }
  });
}

TestHttpServer::~TestHttpServer() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  close(listener_);
  for (std::thread& thread : threads_) thread.join();
}

std::string TestHttpServer::Origin() const { return "http://127.0.0.1:" + std::to_string(port_); }

std::vector<TestHttpServer::Request> TestHttpServer::Requests() {
  std::lock_guard lock(mutex_);
  return requests_;
}

void TestHttpServer::AwaitRequests(std::size_t count) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return requests_.size() >= count; });
}

void TestHttpServer::Serve(int connection) {
  Request request;
  if (ReadRequest(connection, &request)) {
    {
      std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    changed_.notify_all();
    const Answer answer = handler_(request);
    if (answer.hold) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return ending_; });
    } else if (!answer.hang_up) {
      std::string text = "HTTP/1.1 " + std::to_string(answer.status) + " Answer\r\n";
      for (const auto& [name, value] : answer.headers) text += name + ": " + value + "\r\n";
      text += "Connection: close\r\nContent-Length: " + std::to_string(answer.body.size()) +
              "\r\n\r\n" + answer.body;
      for (std::size_t sent = 0; sent < text.size();) {
        const ssize_t now = send(connection, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
        if (now <= 0) break;
        sent += static_cast<std::size_t>(now);
      }
    }
  }
  close(connection);
}

}  // namespace sluice
