// Vectors: AWS' published Signature Version 4 test suite, as in github.com/awslabs/aws-c-auth,
// tests/aws-signing-test-suite/v4 (the cases of that name).
#include "net/sigv4.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

constexpr std::int64_t kSuiteTime = 1'440'938'160'000'000;  // 2015-08-30T12:36:00Z
constexpr char kEmptyHash[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

struct Vector {
  std::string name;
  std::string method;
  std::string path;
  std::string query;
  HttpHeaders headers;
  std::string body;
  std::string token;
  std::string signature;
};

HttpRequest RequestOf(const Vector& vector) {
  HttpRequest request;
  request.method = vector.method;
  request.url = {"https", "example.amazonaws.com", 443, vector.path, vector.query, "", ""};
  request.headers = vector.headers;
  request.body = vector.body;
  return request;
}

AwsCredentials SuiteCredentials(const std::string& token) {
  return {"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token};
}

std::string Authorization(const HttpRequest& request) {
  for (const auto& [name, value] : request.headers) {
    if (name == "Authorization") return value;
  }
  return "";
}

class SigV4Suite : public testing::TestWithParam<Vector> {};

TEST_P(SigV4Suite, GivesThePublishedSignature) {
  const Vector& vector = GetParam();
  HttpRequest request = RequestOf(vector);
  SignSigV4(SuiteCredentials(vector.token), {"us-east-1", "service", kSuiteTime}, &request);
  const std::string header = Authorization(request);
  EXPECT_EQ(header.substr(header.find("Signature=") + 10), vector.signature);
}

const std::string kToken = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267";

INSTANTIATE_TEST_SUITE_P(
    Aws, SigV4Suite,
    testing::Values(
        Vector{"get_vanilla",
               "GET",
               "/",
               "",
               {},
               "",
               "",
               "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
        Vector{"get_vanilla_with_session_token",
               "GET",
               "/",
               "",
               {},
               "",
               kToken,
               "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8"},
        Vector{"get_vanilla_query_order_encoded",
               "GET",
               "/",
               "Param-3=Value3&Param=Value2&%E1%88%B4=Value1",
               {},
               "",
               "",
               "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac"},
        Vector{"get_vanilla_empty_query_key",
               "GET",
               "/",
               "Param1=value1",
               {},
               "",
               "",
               "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
        Vector{"get_vanilla_utf8_query",
               "GET",
               "/",
               "\xe1\x88\xb4=bar",
               {},
               "",
               "",
               "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
        Vector{"get_header_value_trim",
               "GET",
               "/",
               "",
               {{"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""}},
               "",
               "",
               "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
        Vector{"get_header_key_duplicate",
               "GET",
               "/",
               "",
               {{"My-Header1", "value2"}, {"My-Header1", "value2"}, {"My-Header1", "value1"}},
               "",
               "",
               "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
        Vector{"get_header_value_multiline",
               "GET",
               "/",
               "",
               {{"My-Header1", "value1\n  value2\n     value3"}},
               "",
               "",
               "cfd34249e4b1c8d6b91ef74165d41a32e5fab3306300901bb65a51a73575eefd"},
        Vector{"get_utf8",
               "GET",
               "/\xe1\x88\xb4",
               "",
               {},
               "",
               "",
               "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
        Vector{"get_space_unnormalized",
               "GET",
               "/example space/",
               "",
               {},
               "",
               "",
               "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"},
        Vector{"get_slashes_unnormalized",
               "GET",
               "//example//",
               "",
               {},
               "",
               "",
               "87cca117541a147f6df867677d98a7d80dff226d2bfca9e4ffa899665623c7e5"},
        Vector{"post_sts_header_after",
               "POST",
               "/",
               "",
               {},
               "",
               "",
               "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
        Vector{"post_x_www_form_urlencoded",
               "POST",
               "/",
               "",
               {{"Content-Type", "application/x-www-form-urlencoded"},
                {"Content-Length", "13"},
                {"X-Amz-Content-Sha256",
                 "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e"}},
               "Param1=value1",
               "",
               "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b"}),
    [](const auto& info) { return info.param.name; });

TEST(SigV4, TheCanonicalRequestIsTheSuites) {
  HttpRequest request = RequestOf({"", "GET", "/", "", {}, "", "", ""});
  SignSigV4(SuiteCredentials(""), {"us-east-1", "service", kSuiteTime}, &request);
  request.headers.pop_back();  // Authorization itself is not signed.
  EXPECT_EQ(SigV4CanonicalRequest(request, "glue"),
            std::string("GET\n/\n\nhost:example.amazonaws.com\nx-amz-date:20150830T123600Z\n\n"
                        "host;x-amz-date\n") +
                kEmptyHash);
}

TEST(SigV4, EveryPartOfTheRequestCounts) {
  const auto sign = [](auto change) {
    HttpRequest request =
        RequestOf({"", "POST", "/a", "b=c", {{"X-Amz-Target", "T"}}, "body", "", ""});
    change(&request);
    SignSigV4(SuiteCredentials(""), {"us-east-1", "glue", kSuiteTime}, &request);
    const std::string header = Authorization(request);
    return header.substr(header.find("Signature="));
  };
  const std::string plain = sign([](HttpRequest*) {});
  EXPECT_NE(plain, sign([](HttpRequest* r) { r->method = "PUT"; }));
  EXPECT_NE(plain, sign([](HttpRequest* r) { r->url.path = "/A"; }));
  EXPECT_NE(plain, sign([](HttpRequest* r) { r->url.query = "b=d"; }));
  EXPECT_NE(plain, sign([](HttpRequest* r) { r->url.port = 8443; }));
  EXPECT_NE(plain, sign([](HttpRequest* r) { r->headers[0].second = "U"; }));
  EXPECT_NE(plain, sign([](HttpRequest* r) { r->body += "!"; }));
}

/// Vectors: Amazon S3 API Reference, "Signature Calculations for the Authorization Header:
/// Transferring Payload in a Single Chunk", examples GET Object and PUT Object.
TEST(SigV4S3, GivesThePublishedSignatures) {
  const AwsCredentials credentials{"AKIAIOSFODNN7EXAMPLE",
                                   "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"};
  const SigV4Scope scope{"us-east-1", "s3", 1'369'353'600'000'000};
  HttpRequest get;
  get.url = {"https", "examplebucket.s3.amazonaws.com", 443, "/test.txt", "", "", ""};
  get.headers = {{"Range", "bytes=0-9"}, {"x-amz-content-sha256", kEmptyHash}};
  SignSigV4(credentials, scope, &get);
  EXPECT_TRUE(Authorization(get).ends_with(
      "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"));

  HttpRequest put;
  put.method = "PUT";
  put.url = {"https", "examplebucket.s3.amazonaws.com", 443, "/test%24file.text", "", "", ""};
  Sha256Stream digest;
  digest.Add("Welcome to ");
  digest.Add("Amazon S3.");
  put.headers = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                 {"x-amz-storage-class", "REDUCED_REDUNDANCY"},
                 {"x-amz-content-sha256", digest.FinishHex()}};
  SignSigV4(credentials, scope, &put);
  EXPECT_TRUE(Authorization(put).ends_with(
      "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"));
  EXPECT_EQ(digest.FinishHex(), kEmptyHash) << "begins anew";
}

}  // namespace
}  // namespace sluice
