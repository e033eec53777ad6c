/// A server on loopback for tests of who asks servers.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "net/http_client.h"

namespace sluice {

/// Answers each connection's one request through a function, on a thread of its own.
class TestHttpServer {
 public:
  struct Request {
    std::string method;
    std::string target;                          ///< Path and query.
    std::map<std::string, std::string> headers;  ///< Names in lower case.
    std::string body;
  };
  struct Answer {
    int status = 200;
    std::string body = {};
    HttpHeaders headers = {};
    bool hang_up = false;  ///< Close without an answer.
    bool hold = false;     ///< Answer nothing until the server ends.
  };
  using Handler = std::function<Answer(const Request&)>;

  explicit TestHttpServer(Handler handler);
  ~TestHttpServer();
  TestHttpServer(const TestHttpServer&) = delete;
  TestHttpServer& operator=(const TestHttpServer&) = delete;

  std::string Origin() const;             ///< "http://127.0.0.1:PORT".
  std::vector<Request> Requests();        ///< Those that came, in their order.
  void AwaitRequests(std::size_t count);  ///< Returns once so many have come.

 private:
  void Serve(int connection);

  Handler handler_;
  int listener_ = -1;
  int port_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ending_ = false;
  std::vector<Request> requests_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace sluice
