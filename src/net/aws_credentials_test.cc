#include "net/aws_credentials.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "net/aws_credential_requests.h"
#include "net/http_server_testing.h"

namespace sluice {
namespace {

constexpr std::int64_t kNow = 1'440'938'160'000'000;  // 2015-08-30T12:36:00Z
constexpr std::int64_t kHour = 3'600'000'000;

class FixedClock final : public Clock {
 public:
  std::int64_t WallMicros() const override { return now; }
  std::int64_t MonotonicMicros() const override { return now; }
  std::int64_t now = kNow;
};

std::string JsonCredentials(const std::string& id, const std::string& expires) {
  return R"({"Code":"Success","AccessKeyId":")" + id +
         R"(","SecretAccessKey":"s","Token":"t","Expiration":")" + expires + "\"}";
}

/// Each test has an environment of its own, and a server that nobody asks by accident: the
/// metadata of the machine the test runs on is never the one that is asked.
class AwsCredentialsTest : public testing::Test {
 protected:
  AwsCredentialsTest() {
    variables_["AWS_EC2_METADATA_DISABLED"] = "true";
    folder_ = std::filesystem::temp_directory_path() / ("sluice-aws-" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
  }
  ~AwsCredentialsTest() override { std::filesystem::remove_all(folder_); }

  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
    return (folder_ / name).string();
  }

  Environment Surroundings() {
    return [this](const std::string& name) {
      const auto at = variables_.find(name);
      return at == variables_.end() ? std::string() : at->second;
    };
  }

  AwsCredentialsChain Chain(AwsSettings settings = {}) {
    return AwsCredentialsChain(std::move(settings), &http_, Surroundings(), &clock_);
  }

  std::string KeyOf(AwsSettings settings = {}) {
    auto found = Chain(std::move(settings)).Get();
    return found.ok() ? (*found)->access_key_id : ToString(found.error());
  }

  std::map<std::string, std::string> variables_;
  std::filesystem::path folder_;
  HttpClient http_;
  FixedClock clock_;
};

TEST_F(AwsCredentialsTest, TheNearestWins) {
  variables_["AWS_SHARED_CREDENTIALS_FILE"] =
      Write("credentials",
            "[default]\naws_access_key_id = FILE\naws_secret_access_key = s\n"
            "[other]\naws_access_key_id=OTHER\naws_secret_access_key=s\n");
  EXPECT_EQ(KeyOf(), "FILE");
  variables_["AWS_PROFILE"] = "other";
  EXPECT_EQ(KeyOf(), "OTHER");
  variables_["AWS_ACCESS_KEY_ID"] = "ENVIRONMENT";
  variables_["AWS_SECRET_ACCESS_KEY"] = "s";
  EXPECT_EQ(KeyOf(), "ENVIRONMENT");
  EXPECT_EQ(KeyOf({.profile = "other"}), "OTHER") << "the job names it";
  EXPECT_EQ(KeyOf({"OPTION", "s"}), "OPTION");
}

TEST_F(AwsCredentialsTest, ProfilesAreReadAsTheirFormatSays) {
  const std::string config =
      "# a comment\n[default]\nregion = eu-west-1\n[profile team]\nregion=eu-north-1\n"
      "s3 =\n  region = nested\nAWS_Access_Key_Id = A\n[services team]\nregion = no\n"
      "[team]\nregion = no profile\n[broken\nregion = no\n";
  auto team = ParseAwsProfile(config, "team", true);
  EXPECT_EQ(team["region"], "eu-north-1");
  EXPECT_EQ(team["aws_access_key_id"], "A");
  EXPECT_EQ(ParseAwsProfile(config, "default", true)["region"], "eu-west-1");
  EXPECT_TRUE(ParseAwsProfile(config, "nobody", true).empty());
  EXPECT_EQ(ParseAwsProfile("[a]\r\nregion = x\r\n", "a", false)["region"], "x");
}

TEST_F(AwsCredentialsTest, RegionComesFromTheNearestPlace) {
  variables_["AWS_CONFIG_FILE"] = Write("config", "[default]\nregion = eu-west-1\n");
  EXPECT_EQ(*Chain().Region(), "eu-west-1");
  variables_["AWS_DEFAULT_REGION"] = "eu-west-2";
  EXPECT_EQ(*Chain().Region(), "eu-west-2");
  variables_["AWS_REGION"] = "eu-west-3";
  EXPECT_EQ(*Chain().Region(), "eu-west-3");
  EXPECT_EQ(*Chain({.region = "eu-north-1"}).Region(), "eu-north-1");
  EXPECT_EQ(Chain({.region = "evil.example/"}).Region().error().code, "aws.region");
}

TEST_F(AwsCredentialsTest, WhatCannotBeUsedIsSaid) {
  EXPECT_EQ(Chain().Region().error().code, "aws.region");
  EXPECT_NE(KeyOf().find("AWS_EC2_METADATA_DISABLED"), std::string::npos);
  EXPECT_NE(KeyOf({.profile = "nobody"}).find("no AWS profile nobody"), std::string::npos);
  EXPECT_NE(KeyOf({.access_key_id = "A"}).find("both"), std::string::npos);
  variables_["AWS_CONFIG_FILE"] =
      Write("config",
            "[profile role]\nrole_arn = arn:aws:iam::1:role/r\n"
            "[profile a]\nrole_arn = r1\nsource_profile = b\n"
            "[profile b]\nrole_arn = r2\nsource_profile = a\n"
            "[profile sso]\nsso_session = s\n[profile run]\ncredential_process = /bin/echo\n");
  EXPECT_NE(KeyOf({.profile = "role"}).find("source_profile"), std::string::npos);
  EXPECT_NE(KeyOf({.profile = "a"}).find("without an end"), std::string::npos);
  EXPECT_NE(KeyOf({.profile = "sso"}).find("sso_session"), std::string::npos);
  EXPECT_NE(KeyOf({.profile = "run"}).find("credential_process"), std::string::npos);
}

TEST_F(AwsCredentialsTest, AWebIdentityIsExchangedForCredentials) {
  TestHttpServer sts([](const auto&) {
    return TestHttpServer::Answer{
        200,
        "<R><Credentials><AccessKeyId>STS</AccessKeyId><SecretAccessKey>a&amp;b</SecretAccessKey>"
        "<SessionToken>t</SessionToken><Expiration>2015-08-30T13:36:00Z</Expiration>"
        "</Credentials></R>"};
  });
  variables_["AWS_WEB_IDENTITY_TOKEN_FILE"] = Write("token", "the+token\n");
  variables_["AWS_ROLE_ARN"] = "arn:aws:iam::1:role/r";
  variables_["AWS_ENDPOINT_URL_STS"] = sts.Origin();
  auto chain = Chain();
  auto found = chain.Get();
  ASSERT_TRUE(found.ok()) << ToString(found.error());
  EXPECT_EQ((*found)->access_key_id, "STS");
  EXPECT_EQ((*found)->secret_access_key, "a&b");
  EXPECT_EQ((*found)->expires, kNow + kHour);
  const auto sent = sts.Requests().at(0);
  EXPECT_NE(sent.body.find("WebIdentityToken=the%2Btoken"), std::string::npos);
  EXPECT_NE(sent.body.find("RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr"), std::string::npos);
  EXPECT_EQ(sent.target, "/") << "no token in the URL";
}

TEST_F(AwsCredentialsTest, ARoleIsAssumedInTheNameOfWhoeverIsFound) {
  TestHttpServer sts([](const auto& request) {
    const std::string by = request.headers.at("authorization");
    const std::string id = by.find("Credential=BASE/") != by.npos ? "ONCE" : "TWICE";
    return TestHttpServer::Answer{
        200, "<R><Credentials><AccessKeyId>" + id +
                 "</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
                 "<SessionToken>t</SessionToken><Expiration>2015-08-30T13:36:00Z</Expiration>"
                 "</Credentials></R>"};
  });
  variables_["AWS_ENDPOINT_URL_STS"] = sts.Origin();
  EXPECT_EQ(KeyOf({.access_key_id = "BASE",
                   .secret_access_key = "s",
                   .region = "eu-west-1",
                   .role_arn = "arn:aws:iam::1:role/r",
                   .external_id = "x y"}),
            "ONCE");
  const auto sent = sts.Requests().at(0);
  EXPECT_NE(sent.body.find("Action=AssumeRole&"), std::string::npos);
  EXPECT_NE(sent.body.find("&ExternalId=x%20y"), std::string::npos);
  EXPECT_NE(sent.headers.at("authorization").find("/eu-west-1/sts/"), std::string::npos);
  // By profiles: one whose caller is a profile, one whose caller is the environment; and a role of
  // the job's on top.
  variables_["AWS_CONFIG_FILE"] =
      Write("config",
            "[profile keys]\naws_access_key_id = BASE\naws_secret_access_key = s\n"
            "[profile role]\nrole_arn = r\nsource_profile = keys\n"
            "[profile env]\nrole_arn = r\ncredential_source = Environment\n");
  variables_["AWS_SHARED_CREDENTIALS_FILE"] = "/nonexistent";
  EXPECT_EQ(KeyOf({.profile = "role"}), "ONCE");
  EXPECT_EQ(KeyOf({.profile = "role", .role_arn = "other"}), "TWICE");
  EXPECT_NE(KeyOf({.profile = "env"}).find("environment"), std::string::npos);
  variables_["AWS_ACCESS_KEY_ID"] = "BASE";
  variables_["AWS_SECRET_ACCESS_KEY"] = "s";
  EXPECT_EQ(KeyOf({.profile = "env"}), "ONCE");
}

TEST_F(AwsCredentialsTest, ARefusedIdentityIsTheUsersAndItsTokenStaysSecret) {
  TestHttpServer sts([](const auto& request) {
    return TestHttpServer::Answer{403, "<Error><Code>AccessDenied</Code><Message><![CDATA[" +
                                           request.body + "]]></Message></Error>"};
  });
  variables_["AWS_WEB_IDENTITY_TOKEN_FILE"] = Write("token", "canary");
  variables_["AWS_ROLE_ARN"] = "r";
  variables_["AWS_ENDPOINT_URL"] = sts.Origin();
  auto found = Chain().Get();
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().blame, Blame::kUser);
  EXPECT_NE(found.error().message.find("AccessDenied"), std::string::npos);
  EXPECT_EQ(found.error().message.find("canary"), std::string::npos);
}

TEST_F(AwsCredentialsTest, AContainerIsAskedWithItsToken) {
  TestHttpServer agent([](const auto& request) {
    return TestHttpServer::Answer{200, JsonCredentials(request.headers.at("authorization"), "")};
  });
  variables_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = agent.Origin() + "/creds";
  variables_["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "one";
  EXPECT_EQ(KeyOf(), "one");
  variables_["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = Write("token", "two\n");
  EXPECT_EQ(KeyOf(), "two");
  EXPECT_EQ(agent.Requests().at(0).target, "/creds");
}

TEST_F(AwsCredentialsTest, AContainersTokenGoesToNoOtherHostInTheClear) {
  variables_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://agent.example/creds";
  EXPECT_NE(KeyOf().find("neither https nor on this machine"), std::string::npos);
  variables_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "https://agent.example/creds";
  EXPECT_TRUE(ContainerUrl(Surroundings()).ok());
  variables_["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "/v2/x";
  EXPECT_EQ((**ContainerUrl(Surroundings())).Text(), "http://169.254.170.2/v2/x");
}

TEST_F(AwsCredentialsTest, AMachineIsAskedByVersionTwoOnly) {
  TestHttpServer metadata([](const auto& request) -> TestHttpServer::Answer {
    if (request.target == "/latest/api/token") {
      return {request.method == "PUT" ? 200 : 405, "session"};
    }
    const auto token = request.headers.find("x-aws-ec2-metadata-token");
    if (token == request.headers.end() || token->second != "session") return {401};
    if (request.target == "/latest/meta-data/iam/security-credentials/") return {200, "role\n"};
    if (!request.target.ends_with("/role")) return {404};
    return {200, JsonCredentials("MACHINE", "2015-08-30T18:00:00Z")};
  });
  variables_.erase("AWS_EC2_METADATA_DISABLED");
  variables_["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = metadata.Origin();
  EXPECT_EQ(KeyOf(), "MACHINE");
}

TEST_F(AwsCredentialsTest, WhereThereIsNoMetadataThatIsSaid) {
  std::string gone;
  {
    TestHttpServer server([](const auto&) { return TestHttpServer::Answer{}; });
    gone = server.Origin();
  }
  variables_.erase("AWS_EC2_METADATA_DISABLED");
  variables_["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = gone;
  auto found = Chain().Get();
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().code, "aws.credentials");
  EXPECT_EQ(found.error().blame, Blame::kUser);
}

TEST_F(AwsCredentialsTest, TheyAreRememberedAndRenewedBeforeTheyEnd) {
  std::atomic<int> asked{0};
  std::atomic<bool> down{false};
  TestHttpServer agent([&](const auto&) -> TestHttpServer::Answer {
    const int turn = ++asked;
    if (down) return {503};
    return {200, JsonCredentials("K" + std::to_string(turn),
                                 turn == 1 ? "2015-08-30T13:36:00Z" : "2015-08-30T14:36:00Z")};
  });
  variables_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = agent.Origin();
  auto chain = Chain();
  EXPECT_EQ((**chain.Get()).access_key_id, "K1");
  clock_.now += kHour - 400'000'000;
  EXPECT_EQ((**chain.Get()).access_key_id, "K1");
  EXPECT_EQ(asked, 1);
  clock_.now += 200'000'000;
  down = true;
  EXPECT_EQ((**chain.Get()).access_key_id, "K1") << "the old ones still hold";
  EXPECT_EQ((**chain.Get()).access_key_id, "K1");
  EXPECT_EQ(asked, 2) << "a failed renewal is not tried again at once";
  clock_.now += 200'000'000;
  EXPECT_EQ(chain.Get().error().retry, Retry::kLater) << "they have ended";
  down = false;
  EXPECT_EQ((**chain.Get()).access_key_id, "K4");
  chain.Refuse(*chain.Get());
  EXPECT_EQ((**chain.Get()).access_key_id, "K5") << "the service did not take the others";
}

TEST_F(AwsCredentialsTest, AnswersThatAreNoneAreErrors) {
  for (const char* body :
       {"", "[]", "{}", R"({"AccessKeyId":1,"SecretAccessKey":"canary"})",
        R"({"Code":"Failed","SecretAccessKey":"canary"})",
        R"({"AccessKeyId":"a","SecretAccessKey":"canary","Expiration":"soon"})"}) {
    auto found = ParseCredentialsJson(body);
    ASSERT_FALSE(found.ok()) << body;
    EXPECT_EQ(found.error().message.find("canary"), std::string::npos);
  }
  EXPECT_FALSE(ParseCredentialsXml("<AccessKeyId>a</AccessKeyId><SecretAccessKey>").ok());
  EXPECT_FALSE(ParseCredentialsXml("<!DOCTYPE x [<!ENTITY a \"b\">]><AccessKeyId>&a;").ok());
}

}  // namespace
}  // namespace sluice
