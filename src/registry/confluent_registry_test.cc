#include "registry/confluent_registry.h"

#include <gtest/gtest.h>

#include <map>

#include "net/http_server_testing.h"

namespace sluice {
namespace {

using Answer = TestHttpServer::Answer;

constexpr std::int64_t kTimeout = 10'000'000;
const SchemaId kSeven{SchemaId::Kind::kConfluentId, {0, 0, 0, 7}};
const SchemaId kGuid{SchemaId::Kind::kConfluentGuid,
                     {0x0f, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}};

/// Answers each path with what stands there; else as a registry answers what it does not know.
TestHttpServer::Handler Pages(std::map<std::string, std::string> pages) {
  return [pages = std::move(pages)](const auto& request) -> Answer {
    const auto at = pages.find(request.target);
    if (at != pages.end()) return {200, at->second};
    return {404, R"({"error_code":40403,"message":"Schema not found"})"};
  };
}

class ConfluentRegistryTest : public testing::Test {
 protected:
  SchemaAnswer Ask(const SchemaId& id, const std::vector<std::string>& urls) {
    ConfluentSettings settings;
    for (const std::string& url : urls) settings.urls.push_back(*ParseUrl(url));
    settings.authorization = "Bearer canary";
    return ConfluentRegistry(std::move(settings)).Ask(id, kTimeout, {});
  }
  /// The only answer of a server that gives the same for all.
  SchemaAnswer AskOne(Answer answer) {
    TestHttpServer server([&](const auto&) { return answer; });
    return Ask(kSeven, {server.Origin()});
  }
};

TEST_F(ConfluentRegistryTest, AnIdIsResolved) {
  TestHttpServer server(Pages({{"/base/schemas/ids/7", R"({"schema":"\"string\""})"}}));
  auto found = Ask(kSeven, {server.Origin() + "/base/"});
  ASSERT_TRUE(found.ok()) << ToString(found.error());
  ASSERT_NE(*found, nullptr);
  EXPECT_EQ((**found).text, "\"string\"");
  EXPECT_EQ((**found).type, RegisteredSchema::Type::kAvro);
  EXPECT_EQ(server.Requests().at(0).headers.at("authorization"), "Bearer canary");
}

TEST_F(ConfluentRegistryTest, AGuidAndASubjectAreResolved) {
  TestHttpServer server(
      Pages({{"/schemas/guids/0f010203-0405-0607-0809-0a0b0c0d0e0f",
              R"({"schema":"{}","schemaType":"JSON"})"},
             {"/subjects/a%2Fb%20c/versions/latest",
              R"({"subject":"a/b c","version":3,"id":9,"schema":"s","schemaType":"PROTOBUF"})"}}));
  EXPECT_EQ((**Ask(kGuid, {server.Origin()})).type, RegisteredSchema::Type::kJson);
  ConfluentSettings settings;
  settings.urls = {*ParseUrl(server.Origin())};
  auto latest = ConfluentRegistry(settings).AskLatest("a/b c", kTimeout, {});
  ASSERT_TRUE(latest.ok()) << ToString(latest.error());
  EXPECT_EQ((**latest).type, RegisteredSchema::Type::kProtobuf);
  EXPECT_EQ((**latest).name, "a/b c");
  EXPECT_EQ((**latest).version, 3);
}

TEST_F(ConfluentRegistryTest, WhatIsNotThereIsNothing) {
  TestHttpServer server(Pages({}));
  EXPECT_EQ(*Ask(kSeven, {server.Origin()}), nullptr);
  EXPECT_EQ(*AskOne({404, R"({"error_code":40401})"}), nullptr);
}

TEST_F(ConfluentRegistryTest, APageOfSomebodyElseIsNotNothing) {
  auto found = AskOne({404, "<html>not found</html>"});
  ASSERT_FALSE(found.ok()) << "a wrong path must not look like a wrong id";
  EXPECT_EQ(found.error().code, "registry.url");
  EXPECT_EQ(found.error().blame, Blame::kUser);
}

TEST_F(ConfluentRegistryTest, ARegistryWithoutGuidsSaysSo) {
  TestHttpServer server([](const auto&) {
    return Answer{404, R"({"error_code":404,"message":"HTTP 404"})"};
  });
  auto found = Ask(kGuid, {server.Origin()});
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().code, "registry.guid");
  EXPECT_EQ(found.error().blame, Blame::kRemote) << "a message can ask for one";
  EXPECT_EQ(found.error().retry, Retry::kNo);
}

TEST_F(ConfluentRegistryTest, NumbersThatAreNoIdsAreNotAskedFor) {
  TestHttpServer server([](const auto&) {
    return Answer{404, R"({"error_code":404,"message":"HTTP 404"})"};
  });
  for (const std::uint8_t first : {0x80, 0xff}) {
    auto found = Ask({SchemaId::Kind::kConfluentId, {first, 0, 0, 7}}, {server.Origin()});
    ASSERT_TRUE(found.ok()) << "any message can name one";
    EXPECT_EQ(*found, nullptr);
  }
  EXPECT_TRUE(server.Requests().empty());
}

TEST_F(ConfluentRegistryTest, ReferencesStandAfterThoseTheyNeed) {
  TestHttpServer server(
      Pages({{"/schemas/ids/7", R"({"schema":"top","references":[
          {"name":"B","subject":"b","version":2},{"name":"C","subject":"c","version":1}]})"},
             {"/subjects/b/versions/2",
              R"({"schema":"b","references":[{"name":"C","subject":"c","version":1}]})"},
             {"/subjects/c/versions/1", R"({"schema":"c","references":[]})"}}));
  auto found = Ask(kSeven, {server.Origin()});
  ASSERT_TRUE(found.ok()) << ToString(found.error());
  EXPECT_EQ((**found).text, "top");
  EXPECT_EQ((**found).references, (std::vector<std::string>{"c", "b"}));
  EXPECT_EQ(server.Requests().size(), 3u);
}

TEST_F(ConfluentRegistryTest, ReferencesThatDoNotEndAreRefused) {
  TestHttpServer circle(
      Pages({{"/schemas/ids/7", R"({"schema":"s","references":[{"subject":"b","version":1}]})"},
             {"/subjects/b/versions/1",
              R"({"schema":"b","references":[{"subject":"b","version":1}]})"}}));
  auto found = Ask(kSeven, {circle.Origin()});
  ASSERT_FALSE(found.ok());
  EXPECT_NE(found.error().message.find("in a circle"), std::string::npos);
  EXPECT_EQ(found.error().retry, Retry::kNo);

  std::atomic<int> turn{0};
  TestHttpServer chain([&](const auto&) -> Answer {
    return {200, R"({"schema":"s","references":[{"subject":"x","version":)" +
                     std::to_string(++turn) + "}]}"};
  });
  EXPECT_NE(Ask(kSeven, {chain.Origin()}).error().message.find("too far"), std::string::npos);

  TestHttpServer hole(
      Pages({{"/schemas/ids/7", R"({"schema":"s","references":[{"subject":"b","version":1}]})"}}));
  EXPECT_EQ(Ask(kSeven, {hole.Origin()}).error().code, "registry.reference");
}

TEST_F(ConfluentRegistryTest, AnotherServerIsAskedWhereOneIsAway) {
  TestHttpServer away([](const auto&) { return Answer{.hang_up = true}; });
  TestHttpServer busy([](const auto&) { return Answer{503}; });
  TestHttpServer well(Pages({{"/schemas/ids/7", R"({"schema":"s"})"}}));
  ConfluentSettings settings;
  for (TestHttpServer* server : {&away, &busy, &well}) {
    settings.urls.push_back(*ParseUrl(server->Origin()));
  }
  ConfluentRegistry registry(std::move(settings));
  EXPECT_EQ((**registry.Ask(kSeven, kTimeout, {})).text, "s");
  EXPECT_EQ((**registry.Ask(kSeven, kTimeout, {})).text, "s");
  EXPECT_EQ(away.Requests().size(), 1u) << "the one that answered is asked first";
  EXPECT_EQ(well.Requests().size(), 2u);
}

TEST_F(ConfluentRegistryTest, WhenAllAreAwayTheErrorMayMend) {
  TestHttpServer busy([](const auto&) { return Answer{503}; });
  TestHttpServer denied([](const auto&) { return Answer{401}; });
  for (const auto& urls :
       {std::vector{busy.Origin(), denied.Origin()}, std::vector{denied.Origin(), busy.Origin()}}) {
    auto found = Ask(kSeven, urls);
    ASSERT_FALSE(found.ok());
    EXPECT_EQ(found.error().retry, Retry::kLater);
    EXPECT_EQ(found.error().blame, Blame::kRemote);
    EXPECT_NE(found.error().message.find(busy.Origin()), std::string::npos);
  }
}

TEST_F(ConfluentRegistryTest, AWrongLoginIsTheUsersAndStaysSecret) {
  auto found = AskOne({401, R"({"error_code":401,"message":"Bearer canary"})"});
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().blame, Blame::kUser);
  EXPECT_EQ(found.error().code, "registry.auth");
  EXPECT_EQ(found.error().message.find("canary"), std::string::npos);
}

TEST_F(ConfluentRegistryTest, AnswersThatAreNoneAreErrorsThatNameTheServer) {
  for (const char* body :
       {"", "null", "[]", "{}", "<html>down for maintenance</html>", R"({"schema":""})",
        R"({"schema":7})", R"({"schema":"s","references":{}})",
        R"({"schema":"s","references":[7]})", R"({"schema":"s","references":[{"subject":"a"}]})",
        R"({"schema":"s","references":[{"subject":"a","version":-1}]})", "{\"schema\":\"\xff\"}"}) {
    TestHttpServer server([&](const auto&) { return Answer{200, body}; });
    auto found = Ask(kSeven, {server.Origin()});
    ASSERT_FALSE(found.ok()) << body;
    EXPECT_EQ(found.error().code, "net.answer");
    EXPECT_NE(found.error().message.find(server.Origin()), std::string::npos);
    EXPECT_EQ(found.error().message.find("maintenance"), std::string::npos);
  }
  EXPECT_EQ(AskOne({200, R"({"schema":"s","schemaType":"XSD"})"}).error().code, "registry.type");
  EXPECT_EQ(AskOne({200, std::string(kMaxSchemaAnswer + 1, ' ')}).error().code, "net.too_large");
  EXPECT_EQ(AskOne({302, ""}).error().code, "registry.url");
}

TEST_F(ConfluentRegistryTest, UnderstandsItsOwnIds) {
  ConfluentSettings settings;
  settings.urls = {*ParseUrl("https://registry.example")};
  ConfluentRegistry registry(settings);
  EXPECT_TRUE(registry.Understands(SchemaId::Kind::kConfluentId));
  EXPECT_TRUE(registry.Understands(SchemaId::Kind::kConfluentGuid));
  EXPECT_FALSE(registry.Understands(SchemaId::Kind::kGlueVersion));
  EXPECT_EQ(*registry.Ask({SchemaId::Kind::kGlueVersion}, kTimeout, {}), nullptr);
}

}  // namespace
}  // namespace sluice
