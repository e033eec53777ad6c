#include "registry/glue_registry.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "net/http_server_testing.h"
#include "registry/glue_answers.h"

namespace sluice {
namespace {

using Answer = TestHttpServer::Answer;

constexpr std::int64_t kTimeout = 10'000'000;
constexpr char kUuid[] = "b7b4a7f0-9c96-4e4a-a687-fb5de9ef0c63";
const SchemaId kVersion{SchemaId::Kind::kGlueVersion,
                        {0xb7, 0xb4, 0xa7, 0xf0, 0x9c, 0x96, 0x4e, 0x4a, 0xa6, 0x87, 0xfb, 0x5d,
                         0xe9, 0xef, 0x0c, 0x63}};

std::string Version(const std::string& status, const std::string& id = kUuid) {
  return R"({"SchemaVersionId":")" + id + R"(","SchemaDefinition":"\"string\"",)" +
         R"("DataFormat":"AVRO","SchemaArn":"arn:aws:glue:eu-west-1:1:schema/shop/clicks",)" +
         R"("VersionNumber":4,"Status":")" + status + R"(","CreatedTime":"2026-01-01"})";
}

GlueSettings SettingsFor(const std::string& endpoint) {
  GlueSettings settings;
  settings.endpoint = *ParseUrl(endpoint);
  settings.region = "eu-west-1";
  settings.registry_name = "shop";
  settings.aws = {"AKIDEXAMPLE", "canary-secret", "canary-token"};
  settings.environment = [](const std::string&) { return ""; };
  return settings;
}

SchemaAnswer AskOne(Answer answer) {
  TestHttpServer server([&](const auto&) { return answer; });
  return GlueRegistry(SettingsFor(server.Origin())).Ask(kVersion, kTimeout, {});
}

TEST(GlueRegistry, AVersionIsResolvedByASignedRequest) {
  TestHttpServer server([](const auto&) { return Answer{200, Version("AVAILABLE")}; });
  auto found = GlueRegistry(SettingsFor(server.Origin())).Ask(kVersion, kTimeout, {});
  ASSERT_TRUE(found.ok()) << ToString(found.error());
  EXPECT_EQ((**found).text, "\"string\"");
  EXPECT_EQ((**found).name, "shop/clicks");
  EXPECT_EQ((**found).version, 4);
  const auto sent = server.Requests().at(0);
  EXPECT_EQ(sent.method, "POST");
  EXPECT_EQ(sent.body, std::string(R"({"SchemaVersionId":")") + kUuid + "\"}");
  EXPECT_EQ(sent.headers.at("x-amz-target"), "AWSGlue.GetSchemaVersion");
  EXPECT_EQ(sent.headers.at("content-type"), "application/x-amz-json-1.1");
  EXPECT_EQ(sent.headers.at("x-amz-security-token"), "canary-token");
  const std::string& signature = sent.headers.at("authorization");
  EXPECT_NE(signature.find("Credential=AKIDEXAMPLE/"), std::string::npos);
  EXPECT_NE(signature.find("/eu-west-1/glue/aws4_request"), std::string::npos);
  EXPECT_NE(signature.find("x-amz-target"), std::string::npos) << "it names the operation";
}

TEST(GlueRegistry, TheNewestIsAskedForByNameOrArn) {
  TestHttpServer server([](const auto&) { return Answer{200, Version("AVAILABLE")}; });
  GlueRegistry registry(SettingsFor(server.Origin()));
  for (const char* name : {"clicks", "other/clicks", "arn:aws:glue:eu-west-1:1:schema/a/b"}) {
    ASSERT_TRUE(registry.AskLatest(name, kTimeout, {}).ok());
  }
  const auto asked = [&](std::size_t i) {
    return nlohmann::json::parse(server.Requests().at(i).body);
  };
  EXPECT_EQ(asked(0)["SchemaId"],
            (nlohmann::json{{"RegistryName", "shop"}, {"SchemaName", "clicks"}}));
  EXPECT_EQ(asked(1)["SchemaId"]["RegistryName"], "other");
  EXPECT_EQ(asked(2)["SchemaId"]["SchemaArn"], "arn:aws:glue:eu-west-1:1:schema/a/b");
  EXPECT_EQ(asked(0)["SchemaVersionNumber"]["LatestVersion"], true);
}

TEST(GlueRegistry, WhatIsNotThereIsNothing) {
  EXPECT_EQ(*AskOne({400, R"({"__type":"EntityNotFoundException","Message":"none"})"}), nullptr);
  EXPECT_EQ(*AskOne({400, "", {{"x-amzn-ErrorType", "EntityNotFoundException:http://x/"}}}),
            nullptr);
  EXPECT_EQ(*AskOne({200, Version("DELETING")}), nullptr);
  EXPECT_EQ(*AskOne({200, Version("FAILURE")}), nullptr);
}

TEST(GlueRegistry, AVersionThatIsBeingCheckedIsAskedForLater) {
  auto found = AskOne({200, Version("PENDING")});
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().retry, Retry::kLater);
}

TEST(GlueRegistry, AnotherVersionsSchemaIsNotTaken) {
  auto found = AskOne({200, Version("AVAILABLE", "00000000-9c96-4e4a-a687-fb5de9ef0c63")});
  ASSERT_FALSE(found.ok());
  EXPECT_NE(found.error().message.find("another schema version"), std::string::npos);
}

TEST(GlueRegistry, ErrorsSayWhoHasToAct) {
  struct Case {
    Answer answer;
    Blame blame;
    Retry retry;
  };
  const std::string secret = R"(,"message":"canary-secret canary-token"})";
  for (const Case& one : std::vector<Case>{
           {{400, R"({"__type":"AccessDeniedException")" + secret}, Blame::kUser, Retry::kNo},
           {{400, R"({"__type":"a.b#UnrecognizedClientException")" + secret},
            Blame::kUser,
            Retry::kNo},
           {{400, R"({"__type":"InvalidInputException")" + secret}, Blame::kUser, Retry::kNo},
           {{403, "<html>canary-secret"}, Blame::kUser, Retry::kNo},
           {{400, R"({"__type":"ThrottlingException")" + secret}, Blame::kRemote, Retry::kLater},
           {{400, R"({"__type":"ExpiredTokenException")" + secret}, Blame::kRemote, Retry::kLater},
           {{500, "<html>canary-secret"}, Blame::kRemote, Retry::kLater},
           {{200, "<html>canary-secret"}, Blame::kRemote, Retry::kLater},
           {{200, "{}"}, Blame::kRemote, Retry::kLater},
           {{200, R"({"Status":"AVAILABLE","DataFormat":"AVRO"})"}, Blame::kRemote, Retry::kLater},
           {{200, R"({"Status":"SOME","SchemaDefinition":"s"})"}, Blame::kRemote, Retry::kLater},
           {{200, R"({"Status":"AVAILABLE","SchemaDefinition":"s","DataFormat":"XSD"})"},
            Blame::kRemote,
            Retry::kNo}}) {
    auto found = AskOne(one.answer);
    ASSERT_FALSE(found.ok()) << one.answer.body;
    EXPECT_EQ(found.error().blame, one.blame) << one.answer.body;
    EXPECT_EQ(found.error().retry, one.retry) << one.answer.body;
    EXPECT_EQ(ToString(found.error()).find("canary"), std::string::npos);
  }
}

TEST(GlueRegistry, AnErrorsNameIsAPlainWord) {
  EXPECT_EQ(ParseGlueError("", R"({"__type":"com.amazonaws.glue#A"})"), "A");
  EXPECT_EQ(ParseGlueError("B:http://x", R"({"__type":"A"})"), "B");
  EXPECT_EQ(ParseGlueError("", R"({"__type":"A\nB"})"), "");
  EXPECT_EQ(ParseGlueError("", "no json"), "");
}

TEST(GlueRegistry, CredentialsThatEndedAreReplaced) {
  std::atomic<int> given{0};
  TestHttpServer container([&](const auto&) -> Answer {
    return {200, R"({"SecretAccessKey":"s","AccessKeyId":"K)" + std::to_string(++given) + "\"}"};
  });
  TestHttpServer glue([](const auto& request) -> Answer {
    const bool old = request.headers.at("authorization").find("=K1/") != std::string::npos;
    if (old) return {400, R"({"__type":"ExpiredTokenException"})"};
    return {200, Version("AVAILABLE")};
  });
  GlueSettings settings = SettingsFor(glue.Origin());
  settings.aws = {};
  settings.environment = [&](const std::string& name) {
    return name == "AWS_CONTAINER_CREDENTIALS_FULL_URI" ? container.Origin() : "";
  };
  GlueRegistry registry(std::move(settings));
  EXPECT_EQ(registry.Ask(kVersion, kTimeout, {}).error().retry, Retry::kLater);
  EXPECT_TRUE(registry.Ask(kVersion, kTimeout, {}).ok());
}

}  // namespace
}  // namespace sluice
