#include "net/url.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "net/json_answer.h"

namespace sluice {
namespace {

TEST(Url, IsTakenApart) {
  auto url = ParseUrl("https://Registry.Example:8081/base%2Fpath/?a=1&b=%20");
  ASSERT_TRUE(url.ok()) << ToString(url.error());
  EXPECT_EQ(url->host, "registry.example");
  EXPECT_EQ(url->port, 8081);
  EXPECT_EQ(url->Authority(), "registry.example:8081");
  EXPECT_EQ(url->Text(), "https://registry.example:8081/base%2Fpath/?a=1&b=%20");
  EXPECT_EQ(url->Below("/schemas/ids/7").Text(),
            "https://registry.example:8081/base%2Fpath/schemas/ids/7");
}

TEST(Url, TheSchemesPortIsNotSpelledOut) {
  EXPECT_EQ(ParseUrl("https://a.example")->Text(), "https://a.example/");
  EXPECT_EQ(ParseUrl("https://a.example:443/")->Authority(), "a.example");
  EXPECT_EQ(ParseUrl("http://[::1]:80/x")->Authority(), "[::1]");
}

TEST(Url, WhatIsShownHoldsNoPasswordAndNoQuery) {
  auto url = ParseUrl("https://alice:s%40cret@a.example/path?token=secret");
  ASSERT_TRUE(url.ok());
  EXPECT_EQ(url->user, "alice");
  EXPECT_EQ(url->password, "s@cret");
  EXPECT_EQ(url->Origin(), "https://a.example");
  EXPECT_EQ(url->Text(), "https://a.example/path?token=secret");
}

TEST(Url, OtherTextIsRefusedWithoutRepeatingIt) {
  for (const char* text : {"", "registry:8081", "ftp://a.example/", "file:///etc/passwd",
                           "https://", "https://a.example/se cret", "https://a.example:99999/",
                           "https://a.example/\r\nX-Secret: 1", "//secret@a.example"}) {
    auto url = ParseUrl(text);
    ASSERT_FALSE(url.ok()) << text;
    EXPECT_EQ(url.error().blame, Blame::kUser);
    EXPECT_EQ(url.error().message.find("secret"), std::string::npos);
  }
}

TEST(Url, SubjectsBecomeOneSegment) {
  EXPECT_EQ(PercentEncode("a/b c:ä~._-"), "a%2Fb%20c%3A%C3%A4~._-");
}

TEST(JsonAnswer, IsAnObjectOrAnError) {
  EXPECT_EQ(TextMember(*ParseJsonAnswer(R"({"a":"b"})"), "a"), "b");
  EXPECT_EQ(TextMember(*ParseJsonAnswer(R"({"a":1})"), "a"), "");
  EXPECT_TRUE(ParseJsonAnswer(R"({"a":"[[[[[[[[[[[[[[[[[[[[\"[["})").ok());
  for (const std::string& body : {std::string("<html>"), std::string("[]"), std::string("\"x\""),
                                  std::string("{\"a\":\"\xff\"}"), std::string("{}x"),
                                  std::string(""), std::string(100'000, '[')}) {
    auto answer = ParseJsonAnswer(body);
    ASSERT_FALSE(answer.ok()) << body.substr(0, 20);
    EXPECT_EQ(answer.error().code, "net.answer");
    EXPECT_EQ(answer.error().retry, Retry::kLater);
  }
}

}  // namespace
}  // namespace sluice
