#include "storage/s3/s3_settings.h"

#include <gtest/gtest.h>

#include <map>

namespace sluice {
namespace {

class S3SettingsTest : public testing::Test {
 protected:
  Result<S3Settings> Make(std::vector<std::pair<std::string, std::string>> pairs,
                          const std::string& location = "s3://lake/clicks") {
    TRY(S3Place place, ParseS3Location(location));
    TRY(Options options, ParseOptions(S3OptionSpecs(), RawOptionsFromPairs(pairs), "storage"));
    return MakeS3Settings(options, place, [this](const std::string& name) {
      const auto at = variables_.find(name);
      return at == variables_.end() ? std::string() : at->second;
    });
  }
  std::string UrlOf(std::vector<std::pair<std::string, std::string>> pairs,
                    const std::string& location = "s3://lake/clicks") {
    auto made = Make(std::move(pairs), location);
    return made.ok() ? made->server.Origin() + made->server.path + (made->path_style ? "/" : "")
                     : ToString(made.error());
  }
  std::map<std::string, std::string> variables_ = {{"AWS_CONFIG_FILE", "/nonexistent"},
                                                   {"AWS_SHARED_CREDENTIALS_FILE", "/nonexistent"}};
};

TEST_F(S3SettingsTest, ALocationIsABucketAndAPrefix) {
  EXPECT_EQ(ParseS3Location("s3://lake/a/b c/")->prefix, "a/b c");
  EXPECT_EQ(ParseS3Location("s3a://lake")->Text(), "s3://lake");
  EXPECT_EQ(ParseS3Location("s3://lake//")->Text(), "s3://lake");
  for (const char* bad : {"s3://", "s3://ab", "s3://la ke/x", "s3://lake/a//b", "s3://lake/../x",
                          "s3://lake/./x", "s3:///x", "s3://user:pw@lake/x"}) {
    auto place = ParseS3Location(bad);
    ASSERT_FALSE(place.ok()) << bad;
    EXPECT_EQ(place.error().code, "storage.location");
  }
}

TEST_F(S3SettingsTest, AmazonsOwnServersAreFoundByRegionWithTheBucketInTheHost) {
  EXPECT_EQ(UrlOf({{"region", "eu-west-1"}}), "https://lake.s3.eu-west-1.amazonaws.com");
  EXPECT_EQ(UrlOf({{"region", "cn-north-1"}}), "https://lake.s3.cn-north-1.amazonaws.com.cn");
  EXPECT_EQ(UrlOf({{"region", "eu-west-1"}, {"pathStyle", "true"}}),
            "https://s3.eu-west-1.amazonaws.com/");
  // A certificate for *.s3... does not cover another dot.
  EXPECT_EQ(UrlOf({{"region", "eu-west-1"}}, "s3://my.lake"),
            "https://s3.eu-west-1.amazonaws.com/");
  EXPECT_NE(UrlOf({}).find("aws.region"), std::string::npos);
  variables_["AWS_REGION"] = "eu-west-3";
  EXPECT_EQ(UrlOf({}), "https://lake.s3.eu-west-3.amazonaws.com");
}

TEST_F(S3SettingsTest, AnEndpointComesFromTheJobThenTheEnvironment) {
  variables_["AWS_ENDPOINT_URL"] = "http://all:1";
  EXPECT_EQ(UrlOf({}), "http://all:1/");
  variables_["AWS_ENDPOINT_URL_S3"] = "http://s3:2/";
  EXPECT_EQ(UrlOf({}), "http://s3:2/");
  EXPECT_EQ(UrlOf({{"endpoint", "https://minio:9000/below/"}}), "https://minio:9000/below/");
  EXPECT_EQ(UrlOf({{"endpoint", "https://minio:9000"}, {"pathStyle", "false"}}),
            "https://lake.minio:9000");
  EXPECT_EQ(Make({})->region, "us-east-1");
  EXPECT_NE(UrlOf({{"endpoint", "http://u:canary@h"}}).find("accessKeyId"), std::string::npos);
  EXPECT_EQ(UrlOf({{"endpoint", "http://u:canary@h"}}).find("canary"), std::string::npos);
  EXPECT_NE(UrlOf({{"endpoint", "minio:9000"}}).find("net.url"), std::string::npos);
}

}  // namespace
}  // namespace sluice
