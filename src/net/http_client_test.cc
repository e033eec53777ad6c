#include "net/http_client.h"

#include <gtest/gtest.h>

#include <thread>

#include "net/http_server_testing.h"

namespace sluice {
namespace {

HttpRequest Get(const std::string& text) {
  HttpRequest request;
  request.url = *ParseUrl(text);
  return request;
}

TEST(HttpClient, SendsWhatItIsToldAndNoMore) {
  TestHttpServer server([](const auto&) {
    return TestHttpServer::Answer{201, "made", {{"X-Kind", "new"}}};
  });
  HttpClient client;
  HttpRequest request = Get(server.Origin() + "/a%2Fb?c=d");
  request.method = "POST";
  request.headers = {{"X-Amz-Target", "T"}, {"X-Empty", ""}};
  request.body = "{}";
  auto answer = client.Send(request);
  ASSERT_TRUE(answer.ok()) << ToString(answer.error());
  EXPECT_EQ(answer->status, 201);
  EXPECT_EQ(answer->body, "made");
  EXPECT_EQ(answer->Header("x-kind"), "new");
  const auto sent = server.Requests().at(0);
  EXPECT_EQ(sent.method, "POST");
  EXPECT_EQ(sent.target, "/a%2Fb?c=d");
  EXPECT_EQ(sent.body, "{}");
  EXPECT_EQ(sent.headers.at("x-amz-target"), "T");
  EXPECT_EQ(sent.headers.at("x-empty"), "");
  EXPECT_EQ(sent.headers.at("host"), request.url.Authority());
  EXPECT_EQ(sent.headers.count("content-type"), 0);
  EXPECT_EQ(sent.headers.count("expect"), 0);
}

TEST(HttpClient, UserAndPasswordOfTheUrlAreNotSent) {
  TestHttpServer server([](const auto&) { return TestHttpServer::Answer{}; });
  HttpClient client;
  std::string text = server.Origin();
  text.insert(text.find("//") + 2, "alice:secret@");
  ASSERT_TRUE(client.Send(Get(text)).ok());
  EXPECT_EQ(server.Requests().at(0).headers.count("authorization"), 0);
}

TEST(HttpClient, ARedirectIsAnAnswer) {
  TestHttpServer other([](const auto&) { return TestHttpServer::Answer{}; });
  TestHttpServer server([&](const auto&) {
    return TestHttpServer::Answer{302, "", {{"Location", other.Origin() + "/"}}};
  });
  HttpClient client;
  HttpRequest request = Get(server.Origin());
  request.headers = {{"Authorization", "Bearer secret"}};
  EXPECT_EQ(client.Send(request)->status, 302);
  EXPECT_TRUE(other.Requests().empty());
}

TEST(HttpClient, AnAnswerThatIsTooLargeIsCutOff) {
  TestHttpServer server([](const auto&) {
    return TestHttpServer::Answer{200, std::string(2000, 'x')};
  });
  HttpClient client;
  HttpRequest request = Get(server.Origin());
  request.max_answer = 1999;
  auto answer = client.Send(request);
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, "net.too_large");
  request.max_answer = 2000;
  EXPECT_TRUE(client.Send(request).ok());
}

TEST(HttpClient, EndlessHeadersAreCutOff) {
  TestHttpServer server([](const auto&) {
    return TestHttpServer::Answer{200, "", HttpHeaders(2000, {"X-More", std::string(50, 'x')})};
  });
  HttpClient client;
  EXPECT_EQ(client.Send(Get(server.Origin())).error().code, "net.too_large");
}

TEST(HttpClient, AServerThatDoesNotAnswerIsWaitedForOnlySoLong) {
  TestHttpServer server([](const auto&) { return TestHttpServer::Answer{.hold = true}; });
  HttpClient client;
  HttpRequest request = Get(server.Origin());
  request.timeout = 50'000;
  auto answer = client.Send(request);
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, "net.timeout");
  EXPECT_EQ(answer.error().blame, Blame::kRemote);
  EXPECT_EQ(answer.error().retry, Retry::kLater);
}

TEST(HttpClient, AStopEndsARequestThatWaits) {
  TestHttpServer server([](const auto&) { return TestHttpServer::Answer{.hold = true}; });
  HttpClient client;
  HttpRequest request = Get(server.Origin());
  request.timeout = 3'600'000'000;
  std::stop_source stop;
  std::thread stopper([&] {
    server.AwaitRequests(1);
    stop.request_stop();
  });
  auto answer = client.Send(request, stop.get_token());
  stopper.join();
  EXPECT_EQ(answer.error().code, "net.stopped");
  // And the client goes on with the next one.
  TestHttpServer lively([](const auto&) { return TestHttpServer::Answer{}; });
  EXPECT_TRUE(client.Send(Get(lively.Origin())).ok());
}

TEST(HttpClient, AServerThatIsAwayMayComeBack) {
  std::string gone;
  {
    TestHttpServer server([](const auto&) { return TestHttpServer::Answer{.hang_up = true}; });
    gone = server.Origin();
    HttpClient client;
    EXPECT_EQ(client.Send(Get(gone)).error().code, "net.broken");
  }
  HttpClient client;
  auto answer = client.Send(Get(gone + "/path?secret=1"));
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, "net.connect");
  EXPECT_EQ(answer.error().retry, Retry::kLater);
  EXPECT_NE(answer.error().message.find(gone), std::string::npos) << "the message says where";
  EXPECT_EQ(answer.error().message.find("secret"), std::string::npos);
}

TEST(HttpClient, MetadataAddressesAreRefusedHoweverTheyAreWritten) {
  HttpClient client;
  for (const char* url :
       {"http://169.254.169.254/latest", "http://2852039166/", "http://[::ffff:169.254.169.254]/",
        "http://[fd00:ec2::254]/", "http://[fe80::1]/", "http://0xa9fea9fe/"}) {
    auto answer = client.Send(Get(url));
    ASSERT_FALSE(answer.ok()) << url;
    EXPECT_EQ(answer.error().code, "net.address") << url << ToString(answer.error());
  }
}

TEST(HttpClient, AHeaderCannotHoldASecondOne) {
  HttpClient client;
  HttpRequest request = Get("http://127.0.0.1:1/");
  request.headers = {{"Authorization", "Bearer secret\r\nX-More: 1"}};
  auto answer = client.Send(request);
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, "net.request");
  EXPECT_EQ(answer.error().message.find("secret"), std::string::npos);
}

TEST(HttpClient, ManyThreadsShareOne) {
  TestHttpServer server([](const auto& request) {
    return TestHttpServer::Answer{200, request.target};
  });
  HttpClient client;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      const std::string path = "/" + std::to_string(i);
      EXPECT_EQ(client.Send(Get(server.Origin() + path))->body, path);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(HttpClient, StreamsABodyAndAsksForHeadersAlone) {
  TestHttpServer server([](const auto& request) {
    return TestHttpServer::Answer{request.method == "HEAD" ? 404 : 200, "", {{"ETag", "\"x\""}}};
  });
  HttpClient client;
  const std::string bytes(300'000, 'b');
  HttpRequest put = Get(server.Origin() + "/part");
  put.method = "PUT";
  put.stream = {static_cast<std::int64_t>(bytes.size()),
                [&](std::int64_t offset, char* into, std::size_t size) {
                  return bytes.copy(into, size, static_cast<std::size_t>(offset));
                }};
  auto answer = client.Send(put);
  ASSERT_TRUE(answer.ok()) << ToString(answer.error());
  EXPECT_EQ(answer->Header("etag"), "\"x\"");
  EXPECT_EQ(server.Requests().at(0).body, bytes);

  put.stream.read = [](std::int64_t, char*, std::size_t) { return std::size_t{0}; };
  EXPECT_FALSE(client.Send(put).ok()) << "what cannot be read is not sent as something shorter";

  HttpRequest head = Get(server.Origin() + "/part");
  head.method = "HEAD";
  answer = client.Send(head);
  ASSERT_TRUE(answer.ok()) << ToString(answer.error());
  EXPECT_EQ(answer->status, 404);
}

}  // namespace
}  // namespace sluice
