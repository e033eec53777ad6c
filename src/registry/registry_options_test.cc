#include "registry/registry_options.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "net/http_server_testing.h"

namespace sluice {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

Result<std::unique_ptr<SchemaFinder>> Make(const Pairs& pairs, const Pairs& environment = {}) {
  TRY(auto options, ParseOptions(RegistryOptionSpecs(), RawOptionsFromPairs(pairs), "source x"));
  RegistryContext context;
  context.environment = [&](const std::string& name) {
    for (const auto& [key, value] : environment) {
      if (key == name) return value;
    }
    return std::string();
  };
  return MakeSchemaFinder(options, context);
}

std::string ErrorOf(const Pairs& pairs) {
  auto made = Make(pairs);
  if (made.ok()) return "";
  EXPECT_EQ(made.error().blame, Blame::kUser);
  return made.error().message;
}

TEST(RegistryOptions, WithoutARegistryThereIsNone) {
  EXPECT_EQ(*Make({}), nullptr);
  EXPECT_EQ(*Make({{"region", "eu-west-1"}}), nullptr) << "a source may have one of its own";
  EXPECT_EQ(*Make({{"awsProfile", "etl"}}), nullptr);
  EXPECT_NE(ErrorOf({{"registryName", "shop"}}).find("needs the option registry"),
            std::string::npos);
}

TEST(RegistryOptions, TheKindFollowsFromWhatIsGiven) {
  auto confluent = Make({{"schema.registry.url", "https://a.example,https://b.example"}});
  ASSERT_TRUE(confluent.ok()) << ToString(confluent.error());
  EXPECT_TRUE((*confluent)->Understands(SchemaId::Kind::kConfluentId));
  auto glue = Make({{"registry", "glue"}, {"region", "eu-west-1"}});
  ASSERT_TRUE(glue.ok()) << ToString(glue.error());
  EXPECT_TRUE((*glue)->Understands(SchemaId::Kind::kGlueVersion));
  EXPECT_TRUE(Make({{"registry", "glue"}}, {{"AWS_REGION", "eu-west-1"}}).ok());
}

TEST(RegistryOptions, WhatConfluentsAndGluesUsersWriteIsUnderstood) {
  EXPECT_EQ(ErrorOf({{"schema.registry.url", "https://a.example"},
                     {"basic.auth.credentials.source", "USER_INFO"},
                     {"schema.registry.basic.auth.user.info", "alice:secret"},
                     {"missing.id.cache.ttl.sec", "10"},
                     {"latest.cache.ttl.sec", "300"}}),
            "");
  EXPECT_EQ(ErrorOf({{"registry", "glue"}, {"registry.name", "shop"}, {"region", "eu-west-1"}}),
            "");
}

TEST(RegistryOptions, MistakesAreNamed) {
  const Pairs url = {{"schema.registry.url", "https://a.example"}};
  const auto with = [&](Pairs more) {
    more.insert(more.begin(), url[0]);
    return ErrorOf(more);
  };
  EXPECT_NE(ErrorOf({{"registry", "confluent"}}).find("schema.registry.url"), std::string::npos);
  EXPECT_NE(ErrorOf({{"registry", "glue"}}).find("region"), std::string::npos);
  EXPECT_NE(with({{"registry", "glue"}}).find("has no meaning"), std::string::npos);
  EXPECT_NE(with({{"registryName", "a"}}).find("has no meaning"), std::string::npos);
  EXPECT_NE(with({{"basic.auth.user.info", "canary"}}).find("USER:PASSWORD"), std::string::npos);
  EXPECT_NE(with({{"basic.auth.user.info", "a:b"}, {"bearer.auth.token", "t"}}).find("only one"),
            std::string::npos);
  EXPECT_NE(with({{"schema.registry.ssl.key.location", "k"}}).find("certificate.location"),
            std::string::npos);
  EXPECT_NE(ErrorOf({{"schema.registry.url", "registry:8081"}}).find("https://host"),
            std::string::npos);
  EXPECT_NE(ErrorOf({{"schema.registry.url", "https://a.example/?x=y"}}).find("query"),
            std::string::npos);
}

TEST(RegistryOptions, AnotherMachineIsAskedInTheClearOnlyIfTheUserSaysSo) {
  EXPECT_NE(ErrorOf({{"schema.registry.url", "http://a.example:8081"}}).find("registryAllowHttp"),
            std::string::npos);
  EXPECT_EQ(ErrorOf({{"schema.registry.url", "http://a.example"}, {"registryAllowHttp", "true"}}),
            "");
  EXPECT_EQ(ErrorOf({{"schema.registry.url", "http://localhost:8081,http://[::1]:1"}}), "");
  EXPECT_NE(ErrorOf({{"schema.registry.url", "http://localhost.evil.example"}}), "");
}

TEST(RegistryOptions, SecretsAreInNoMessageAndNoDecision) {
  for (const Pairs& pairs : std::vector<Pairs>{
           {{"schema.registry.url", "https://alice:canary@a.example"}},
           {{"schema.registry.url", "https://a.example/?canary"}},
           {{"schema.registry.url", "https://a.example"}, {"basic.auth.user.info", "canary"}},
           {{"registry", "glue"}, {"region", "eu-west-1"}, {"basic.auth.user.info", "canary:x"}}}) {
    const std::string message = ErrorOf(pairs);
    EXPECT_NE(message, "");
    EXPECT_EQ(message.find("canary"), std::string::npos) << message;
  }
  auto options = ParseOptions(RegistryOptionSpecs(),
                              RawOptionsFromPairs({{"basic.auth.user.info", "canary:x"},
                                                   {"bearer.auth.token", "canary"},
                                                   {"awsAccessKeyId", "canary"},
                                                   {"awsSecretAccessKey", "canary"},
                                                   {"awsSessionToken", "canary"},
                                                   {"schema.registry.ssl.key.password", "canary"}}),
                              "source x");
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(options->ToJson(), "{}");
}

TEST(RegistryOptions, TheLoginIsSent) {
  TestHttpServer server([](const auto&) {
    return TestHttpServer::Answer{200, R"({"schema":"s"})"};
  });
  auto finder = Make(
      {{"schema.registry.url", server.Origin()}, {"basic.auth.user.info", "alice:open sesame"}});
  ASSERT_TRUE(finder.ok());
  ASSERT_TRUE((*finder)->Find({}).ok());
  EXPECT_EQ(server.Requests().at(0).headers.at("authorization"), "Basic YWxpY2U6b3BlbiBzZXNhbWU=");
}

TEST(RegistryOptions, EveryOptionIsExplained) {
  for (const OptionSpec& spec : RegistryOptionSpecs()) {
    EXPECT_FALSE(spec.help.empty()) << spec.name;
    EXPECT_FALSE(spec.example.empty()) << spec.name;
  }
}

}  // namespace
}  // namespace sluice
