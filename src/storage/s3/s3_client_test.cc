#include "storage/s3/s3_client.h"

#include <gtest/gtest.h>

#include <atomic>

#include "net/http_server_testing.h"

namespace sluice {
namespace {

std::string Complaint(const std::string& code) {
  return "<?xml version=\"1.0\"?>\n<Error><Code>" + code + "</Code><Message>because " + code +
         "</Message><AWSAccessKeyId>canary-id</AWSAccessKeyId></Error>";
}

S3Settings SettingsFor(const TestHttpServer& server) {
  S3Settings settings;
  settings.aws.access_key_id = "canary-id";
  settings.aws.secret_access_key = "canary-secret";
  settings.region = "eu-west-1";
  settings.server = *ParseUrl(server.Origin());
  settings.server.path.clear();
  settings.path_style = true;
  return settings;
}

Result<S3Answer> Get(S3Client* client, const std::string& key) {
  S3Request request;
  request.key = key;
  return client->Send(request, "read");
}

TEST(S3Client, AsksForTheKeyAsItIsAndSignsWhatItSends) {
  TestHttpServer server([](const auto&) { return TestHttpServer::Answer{200, "bytes"}; });
  S3Client client(SettingsFor(server), {"lake", ""});
  auto answer = Get(&client, "city=New York+/a%b.parquet");
  ASSERT_TRUE(answer.ok()) << ToString(answer.error());
  EXPECT_EQ(answer->body, "bytes");
  const auto sent = server.Requests().at(0);
  EXPECT_EQ(sent.target, "/lake/city%3DNew%20York%2B/a%25b.parquet");
  EXPECT_NE(sent.headers.at("authorization").find("/eu-west-1/s3/aws4_request"), std::string::npos);
  EXPECT_EQ(sent.headers.at("x-amz-content-sha256"),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(S3Client, TriesAgainWhatMayPass) {
  std::atomic<int> calls{0};
  TestHttpServer server([&](const auto&) -> TestHttpServer::Answer {
    switch (calls++) {
      case 0:
        return {503, Complaint("SlowDown")};
      case 1:
        return {500, "<html>no xml"};
      case 2:
        return {.hang_up = true};
      case 3:
        return {409, Complaint("ConditionalRequestConflict")};
      default:
        return {200, "at last"};
    }
  });
  S3Client client(SettingsFor(server), {"lake", "clicks"});
  auto answer = Get(&client, "clicks/x");
  ASSERT_TRUE(answer.ok()) << ToString(answer.error());
  EXPECT_EQ(answer->body, "at last");
  EXPECT_EQ(calls, 5);
}

TEST(S3Client, GivesUpAfterSomeTriesAndSaysWhatIsKnown) {
  TestHttpServer server([](const auto&) {
    return TestHttpServer::Answer{503, Complaint("SlowDown")};
  });
  S3Client client(SettingsFor(server), {"lake", "clicks"});
  auto answer = Get(&client, "clicks/x");
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, "storage.busy");
  EXPECT_EQ(answer.error().retry, Retry::kLater);
  EXPECT_NE(answer.error().message.find("SlowDown"), std::string::npos);
  EXPECT_EQ(server.Requests().size(), static_cast<std::size_t>(S3Client::kTries));
  S3Request put;
  put.method = "PUT";
  put.key = "clicks/y";
  put.writes = true;
  EXPECT_EQ(client.Send(put, "write").error().code, "storage.unknown");
}

TEST(S3Client, SaysWhatAUserCanMendAndNoSecret) {
  std::string code = "AccessDenied";
  int status = 403;
  HttpHeaders headers;
  TestHttpServer server([&](const auto&) {
    return TestHttpServer::Answer{status, Complaint(code), headers};
  });
  S3Client client(SettingsFor(server), {"lake", "clicks"});
  const auto error_of = [&](int with, const char* said) {
    status = with;
    code = said;
    auto answer = Get(&client, "clicks/x");
    const Error error = answer.ok() ? Error{} : answer.error();
    EXPECT_EQ(error.blame, Blame::kUser) << said;
    EXPECT_EQ(error.retry, Retry::kNo) << said;
    EXPECT_NE(error.message.find(said), std::string::npos) << error.message;
    EXPECT_NE(error.message.find(" s3://lake/clicks/x: "), std::string::npos) << error.message;
    EXPECT_EQ(error.message.find("canary"), std::string::npos) << error.message;
    return error.code;
  };
  EXPECT_EQ(error_of(403, "AccessDenied"), "storage.denied");
  EXPECT_EQ(error_of(403, "SignatureDoesNotMatch"), "storage.denied");
  EXPECT_EQ(error_of(400, "ExpiredToken"), "storage.denied");
  EXPECT_EQ(error_of(403, "RequestTimeTooSkewed"), "storage.clock");
  EXPECT_EQ(error_of(404, "NoSuchBucket"), "storage.no_bucket");
  const std::size_t before = server.Requests().size();
  EXPECT_EQ(error_of(501, "NotImplemented"), "storage.unfit");
  EXPECT_EQ(server.Requests().size(), before + 1) << "what a server cannot do it never will";
  headers = {{"x-amz-bucket-region", "eu-north-1"}};
  EXPECT_EQ(error_of(301, "PermanentRedirect"), "storage.region");
  EXPECT_NE(Get(&client, "clicks/x").error().message.find("eu-north-1"), std::string::npos);
}

TEST(S3Client, OnceItHasWorkedADenialIsSomethingThatWillBeMended) {
  std::atomic<bool> works{true};
  TestHttpServer server([&](const auto&) -> TestHttpServer::Answer {
    if (works) return {200, ""};
    return {403, Complaint("InvalidAccessKeyId")};
  });
  S3Client client(SettingsFor(server), {"lake", "clicks"});
  ASSERT_TRUE(Get(&client, "clicks/x").ok());
  works = false;
  auto answer = Get(&client, "clicks/x");
  EXPECT_EQ(answer.error().code, "storage.denied");
  EXPECT_EQ(answer.error().retry, Retry::kLater);
}

TEST(S3Client, AStopEndsACallAtOnce) {
  TestHttpServer server([](const auto&) { return TestHttpServer::Answer{.hold = true}; });
  S3Settings settings = SettingsFor(server);
  S3Client client(settings, {"lake", "clicks"});
  std::stop_source stop;
  stop.request_stop();
  S3Request request;
  request.key = "clicks/x";
  auto answer = client.Send(request, "read", stop.get_token());
  EXPECT_EQ(answer.error().code, "net.stopped");
}

}  // namespace
}  // namespace sluice
