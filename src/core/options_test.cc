#include "core/options.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

std::vector<OptionSpec> Specs() {
  return {
      {.name = "topicName",
       .help = "The topic.",
       .example = "clicks",
       .required = true,
       .aliases = {"subscribe"}},
      {.name = "security.protocol",
       .default_value = "SSL",
       .choices = {"SSL", "PLAINTEXT", "SASL_SSL"}},
      {.name = "includeHeaders", .type = OptionType::kBool, .default_value = "false"},
      {.name = "maxOffsetsPerTrigger", .type = OptionType::kInt, .min = 1, .max = 1000},
      {.name = "maxBadRecordRate", .type = OptionType::kDouble, .default_value = "1"},
      {.name = "window", .type = OptionType::kDuration, .default_value = "100 s", .min = 100'000},
      {.name = "targetFileSize", .type = OptionType::kBytes, .default_value = "128 MiB"},
      {.name = "partitionKeys", .type = OptionType::kList},
      {.name = "assign", .type = OptionType::kMap},
      {.name = "sasl.password", .secret = true},
      {.name = "token", .type = OptionType::kInt, .secret = true},
      {.name = "kafka.*"},
      {.name = "kafka.group.id"},
  };
}

RawValue At(const std::string& text, int line, int column) {
  RawValue value;
  value.text = text;
  value.place = {"job.yaml", line, column + 10};
  value.key_place = {"job.yaml", line, column};
  return value;
}

Result<Options> Parse(std::vector<std::pair<std::string, std::string>> pairs) {
  bool has_topic = false;
  for (const auto& [name, value] : pairs) has_topic |= name == "topicName" || name == "subscribe";
  if (!has_topic) pairs.emplace_back("topicName", "clicks");
  return ParseOptions(Specs(), RawOptionsFromPairs(pairs), "source clicks (kafka)");
}

std::string MessageOf(const Result<Options>& result) {
  EXPECT_FALSE(result.ok());
  if (result.ok()) return "";
  EXPECT_EQ(result.error().blame, Blame::kUser);
  return result.error().message;
}

TEST(OptionsTest, GivesTypedValuesAndDefaults) {
  auto options = Parse({{"includeHeaders", "True"},
                        {"maxOffsetsPerTrigger", "500"},
                        {"window", "250 ms"},
                        {"partitionKeys", "city, day"}});
  ASSERT_TRUE(options.ok()) << options.error().message;
  EXPECT_EQ(options->String("topicName"), "clicks");
  EXPECT_EQ(options->String("security.protocol"), "SSL");
  EXPECT_FALSE(options->Given("security.protocol"));
  EXPECT_TRUE(options->Has("security.protocol"));
  EXPECT_TRUE(options->Bool("includeHeaders"));
  EXPECT_EQ(options->Int("maxOffsetsPerTrigger"), 500);
  EXPECT_EQ(options->Double("maxBadRecordRate"), 1.0);
  EXPECT_EQ(options->Int("window"), 250'000);
  EXPECT_EQ(options->Int("targetFileSize"), 128 << 20);
  EXPECT_EQ(options->List("partitionKeys"), (std::vector<std::string>{"city", "day"}));
  EXPECT_FALSE(options->Has("assign"));
  EXPECT_TRUE(options->Map("assign").empty());
  EXPECT_EQ(options->Raw("assign"), nullptr);
}

TEST(OptionsTest, UnknownNameGetsPlaceAndNearestName) {
  auto result = ParseOptions(Specs(), {{"topicname", At("clicks", 7, 5)}}, "source clicks (kafka)");
  EXPECT_EQ(MessageOf(result),
            "job.yaml:7:5: source clicks (kafka): there is no option 'topicname'; did you mean "
            "'topicName'?");
}

TEST(OptionsTest, UnknownNameFarFromAllListsThem) {
  std::string message = MessageOf(Parse({{"zzzzzz", "1"}}));
  EXPECT_NE(message.find("Options: topicName, security.protocol"), std::string::npos) << message;
}

TEST(OptionsTest, WrongValueGetsItsOwnPlace) {
  auto result = ParseOptions(
      Specs(), {{"topicName", At("a", 1, 1)}, {"maxOffsetsPerTrigger", At("many", 7, 5)}}, "s");
  EXPECT_EQ(MessageOf(result),
            "job.yaml:7:15: s: maxOffsetsPerTrigger must be a whole number, not 'many'");
}

TEST(OptionsTest, RangesAreKept) {
  EXPECT_NE(MessageOf(Parse({{"maxOffsetsPerTrigger", "0"}})).find("at least 1, not '0'"),
            std::string::npos);
  EXPECT_NE(MessageOf(Parse({{"maxOffsetsPerTrigger", "1001"}})).find("at most 1000"),
            std::string::npos);
  EXPECT_NE(MessageOf(Parse({{"window", "99 ms"}})).find("at least 100 ms"), std::string::npos);
  EXPECT_NE(
      MessageOf(Parse({{"maxOffsetsPerTrigger", "99999999999999999999"}})).find("a whole number"),
      std::string::npos);
}

TEST(OptionsTest, ChoicesIgnoreCaseAndAreNormalised) {
  auto options = Parse({{"security.protocol", "plaintext"}});
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(options->String("security.protocol"), "PLAINTEXT");
  EXPECT_NE(MessageOf(Parse({{"security.protocol", "PLAINTXT"}}))
                .find("one of SSL, PLAINTEXT, SASL_SSL, not 'PLAINTXT'; did you mean 'PLAINTEXT'?"),
            std::string::npos);
}

TEST(OptionsTest, AliasMeansTheSameOption) {
  auto options = Parse({{"subscribe", "orders"}});
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(options->String("topicName"), "orders");
  EXPECT_NE(MessageOf(Parse({{"subscribe", "a"}, {"topicName", "b"}})).find("give it once"),
            std::string::npos);
}

TEST(OptionsTest, MissingAndEmptyRequiredOptions) {
  auto missing = ParseOptions(Specs(), {}, "source clicks (kafka)");
  EXPECT_EQ(MessageOf(missing),
            "source clicks (kafka): topicName is missing: The topic. For example: topicName: "
            "clicks");
  EXPECT_NE(MessageOf(Parse({{"topicName", " "}})).find("has no value"), std::string::npos);
}

TEST(OptionsTest, PrefixTakesWhatHasNoSpecOfItsOwn) {
  auto options = Parse({{"kafka.fetch.min.bytes", "1"}, {"kafka.group.id", "g"}});
  ASSERT_TRUE(options.ok());
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(options->WithPrefix("kafka."), (Pairs{{"fetch.min.bytes", "1"}}));
  EXPECT_EQ(options->String("kafka.group.id"), "g");
  EXPECT_NE(MessageOf(Parse({{"kafka.", "1"}})).find("no option"), std::string::npos);
}

TEST(OptionsTest, MapsAndListsFromYamlAndFromText) {
  RawValue partitions;
  partitions.kind = RawValue::Kind::kList;
  partitions.items = {At("0", 1, 1), At("1", 1, 1)};
  RawValue map;
  map.kind = RawValue::Kind::kMap;
  map.entries = {{"clicks", partitions}};
  RawOptions raw = {{"topicName", At("t", 1, 1)}, {"assign", map}, {"partitionKeys", partitions}};
  auto yaml = ParseOptions(Specs(), raw, "s");
  ASSERT_TRUE(yaml.ok()) << yaml.error().message;
  auto text = Parse({{"assign", R"({"clicks": [0, 1]})"}});
  ASSERT_TRUE(text.ok()) << text.error().message;
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(yaml->Map("assign"), (Pairs{{"clicks", "[0,1]"}}));
  EXPECT_EQ(text->Map("assign"), yaml->Map("assign"));
  EXPECT_EQ(yaml->List("partitionKeys"), (std::vector<std::string>{"0", "1"}));
  EXPECT_NE(MessageOf(Parse({{"assign", "[1]"}})).find("must be a map"), std::string::npos);
  raw = {{"topicName", partitions}};
  EXPECT_NE(MessageOf(ParseOptions(Specs(), raw, "s")).find("must be text, not a list"),
            std::string::npos);
}

TEST(OptionsTest, SecretsAndReferencesAreNeverShown) {
  std::string message = MessageOf(Parse({{"token", "hunter2"}}));
  EXPECT_EQ(message.find("hunter2"), std::string::npos) << message;

  RawValue from_env = At("hunter2", 3, 3);
  from_env.hidden = true;
  message =
      MessageOf(ParseOptions(Specs(), {{"topicName", At("t", 1, 1)}, {"window", from_env}}, "s"));
  EXPECT_EQ(message.find("hunter2"), std::string::npos) << message;

  auto options = Parse({{"sasl.password", "hunter2"}, {"partitionKeys", "city"}});
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(options->ToJson(), R"({"partitionKeys":"city","topicName":"clicks"})");
}

TEST(OptionsTest, JsonGoesThereAndBack) {
  auto options = Parse({{"assign", R"({"a": [0]})"},
                        {"maxBadRecordRate", "0.010"},
                        {"topicName", "a \"b\"\n\xc3\xa9"},
                        {"kafka.x", "1"}});
  ASSERT_TRUE(options.ok());
  auto raw = RawOptionsFromJson(options->ToJson());
  ASSERT_TRUE(raw.ok());
  auto again = ParseOptions(Specs(), *raw, "s");
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(again->ToJson(), options->ToJson());
  EXPECT_EQ(again->Map("assign"), options->Map("assign"));
  EXPECT_EQ(again->String("topicName"), options->String("topicName"));
  EXPECT_FALSE(RawOptionsFromJson("[1]").ok());
  EXPECT_FALSE(RawOptionsFromJson("{").ok());
  EXPECT_FALSE(RawOptionsFromJson("{\"a\":" + std::string(100'000, '[')).ok());
  EXPECT_FALSE(
      RawOptionsFromJson("{\"a\":" + std::string(51, '[') + std::string(51, ']') + "}").ok());
}

TEST(OptionsDeathTest, ReadingAnUndeclaredOptionEndsTheProcess) {
  auto options = Parse({});
  ASSERT_TRUE(options.ok());
  EXPECT_DEATH(options->String("nosuch"), "nosuch");
  EXPECT_DEATH(options->Int("topicName"), "not declared as a whole number");
}

TEST(NearestNameTest, FindsTyposAndBeginnings) {
  std::vector<std::string> names = {"topicName", "bootstrap.servers", "path", "format"};
  EXPECT_EQ(NearestName("TopicName", names), "topicName");
  EXPECT_EQ(NearestName("topcName", names), "topicName");
  EXPECT_EQ(NearestName("bootstrap.server", names), "bootstrap.servers");
  EXPECT_EQ(NearestName("apth", names), "path");
  EXPECT_EQ(NearestName("topic", names), "topicName");
  EXPECT_EQ(NearestName("servers", names), "bootstrap.servers");
  EXPECT_EQ(NearestName("compression", names), std::nullopt);
  EXPECT_EQ(NearestName("", names), std::nullopt);
}

TEST(PlaceTest, CountsFromOne) {
  EXPECT_EQ((Place{"clicks.yaml", 7, 5}.ToString()), "clicks.yaml:7:5");
  EXPECT_EQ(Place{}.ToString(), "");
}

}  // namespace
}  // namespace sluice
