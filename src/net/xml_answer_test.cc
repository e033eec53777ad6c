#include "net/xml_answer.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(XmlAnswer, GivesNamesWithoutPrefixesAndTextWithItsEntities) {
  auto xml = ParseXmlAnswer(
      "<?xml version=\"1.0\"?>\n<s3:List xmlns:s3=\"http://s3\"><Name>a&amp;b</Name>"
      "<Key>x&#13;y</Key><Key><![CDATA[<2>]]></Key><Empty/></s3:List>\n");
  ASSERT_TRUE(xml.ok()) << xml.error().message;
  EXPECT_EQ(xml->name, "List");
  EXPECT_EQ(xml->ChildText("Name"), "a&b");
  EXPECT_EQ(xml->ChildText("Key"), "x\ry");
  ASSERT_EQ(xml->children.size(), 4u);
  EXPECT_EQ(xml->children[2].text, "<2>");
  EXPECT_EQ(xml->ChildText("Empty"), "");
  EXPECT_EQ(xml->Child("None"), nullptr);
}

TEST(XmlAnswer, RefusesWhatIsNoDocument) {
  for (const char* text : {"", "busy", "<a>", "<a></b>", "<a/><b/>", "{\"a\":1}", "<a>\xff</a>"}) {
    auto xml = ParseXmlAnswer(text);
    ASSERT_FALSE(xml.ok()) << text;
    EXPECT_EQ(xml.error().code, "net.answer");
    EXPECT_EQ(xml.error().retry, Retry::kLater);
  }
}

TEST(XmlAnswer, RefusesDocumentTypesAndDeepNesting) {
  std::string laughs = "<!DOCTYPE l [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]>";
  EXPECT_FALSE(ParseXmlAnswer(laughs + "<l>&b;</l>").ok());
  EXPECT_FALSE(ParseXmlAnswer("<!DOCTYPE l SYSTEM \"file:///etc/passwd\"><l/>").ok());
  std::string deep, end;
  for (int i = 0; i < 16; ++i) {
    deep += "<a>";
    end = "</a>" + end;
  }
  EXPECT_TRUE(ParseXmlAnswer(deep + end).ok());
  EXPECT_FALSE(ParseXmlAnswer("<a>" + deep + end + "</a>").ok());
}

}  // namespace
}  // namespace sluice
