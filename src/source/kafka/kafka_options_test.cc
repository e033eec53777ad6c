#include "source/kafka/kafka_options.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "source/kafka/kafka_property.h"
#include "source/kafka/topic_pattern.h"

namespace sluice {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

Result<KafkaOptions> Parse(Pairs pairs) {
  pairs.emplace_back("bootstrap.servers", "b:9092");
  TRY(auto options,
      ParseOptions(KafkaOptionSpecs(), RawOptionsFromPairs(pairs), "source s (kafka)"));
  return ParseKafkaOptions(options, "job", "s");
}

/// The error of `pairs` added to a plain, working job.
Error ErrorOf(const Pairs& pairs) {
  Pairs all = pairs;
  const bool named = std::any_of(pairs.begin(), pairs.end(), [](const auto& p) {
    return p.first == "topicName" || p.first == "assign" || p.first == "subscribePattern";
  });
  if (!named) all.emplace_back("topicName", "t");
  auto parsed = Parse(all);
  if (!parsed.ok()) return std::move(parsed).error();
  ADD_FAILURE() << "accepted " << pairs[0].first;
  return BugError("");
}

std::string Property(const KafkaOptions& options, const std::string& name) {
  std::string value = "(none)";
  for (const auto& [key, text] : options.properties) {
    if (key == name) value = text;
  }
  return value;
}

TEST(KafkaOptionsTest, DefaultsAreGlues) {
  auto options = Parse({{"topicName", "a, b"}});
  ASSERT_TRUE(options.ok()) << ToString(options.error());
  EXPECT_EQ(options->topics, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(options->start, KafkaOptions::Start::kLatest);
  EXPECT_TRUE(options->fail_on_data_loss);
  EXPECT_EQ(Property(*options, "security.protocol"), "SSL");
  EXPECT_EQ(Property(*options, "ssl.endpoint.identification.algorithm"), "https");
  EXPECT_EQ(Property(*options, "isolation.level"), "read_committed");
  EXPECT_EQ(Property(*options, "check.crcs"), "true");
  // A stop does not wait for an absent coordinator of the group.
  EXPECT_EQ(Property(*options, "session.timeout.ms"), "1000");
  EXPECT_EQ(Property(*options, "auto.offset.reset"), "error");
  EXPECT_EQ(Property(*options, "enable.auto.commit"), "false");
  EXPECT_EQ(Property(*options, "group.id"), "spark-kafka-source-job-s");
}

TEST(KafkaOptionsTest, SparksNamesAreAccepted) {
  auto options = Parse({{"subscribe", "a"},
                        {"kafka.security.protocol", "SASL_SSL"},
                        {"kafka.sasl.mechanism", "PLAIN"},
                        {"kafka.sasl.username", "u"},
                        {"kafka.sasl.password", "p"},
                        {"kafka.group.id", "mine"},
                        {"kafka.fetch.max.wait.ms", "7"},
                        {"kafka.request.timeout.ms", "1234"},
                        {"kafka.max.poll.records", "500"},
                        {"kafkaConsumer.pollTimeoutMs", "512"},
                        {"pollTimeoutMs", "512"},
                        {"minPartitions", "8"},
                        {"startingOffsetsByTimestamp", R"({"a":{"0":1000}})"}});
  ASSERT_TRUE(options.ok()) << ToString(options.error());
  EXPECT_EQ(Property(*options, "group.id"), "mine");
  EXPECT_EQ(Property(*options, "fetch.wait.max.ms"), "7");
  EXPECT_EQ(Property(*options, "socket.timeout.ms"), "1234");
  EXPECT_EQ(Property(*options, "max.poll.records"), "(none)");
  EXPECT_EQ(Property(*options, "sasl.password"), "p");
  EXPECT_EQ(options->start, KafkaOptions::Start::kTimes);
  EXPECT_EQ(options->start_times["a"][0], 1000);
}

TEST(KafkaOptionsTest, ExactlyOneWayToNameTopics) {
  EXPECT_FALSE(Parse({}).ok());
  EXPECT_NE(ErrorOf({{"topicName", "a"}, {"subscribePattern", "b"}}).message.find("exactly one"),
            std::string::npos);
}

TEST(KafkaOptionsTest, OneStartOnly) {
  for (const Pairs& pairs : std::vector<Pairs>{
           {{"startingOffsets", "earliest"}, {"startingTimestamp", "2026-01-01T00:00:00Z"}},
           {{"startingOffsets", "latest"}, {"startingOffsetsByTimestamp", R"({"t":{"0":1}})"}}}) {
    EXPECT_NE(ErrorOf(pairs).message.find("give one of them"), std::string::npos);
  }
}

TEST(KafkaOptionsTest, TimesAreIsoOrMilliseconds) {
  auto iso = Parse({{"topicName", "t"}, {"startingTimestamp", "2023-11-14T22:13:20+00:00"}});
  ASSERT_TRUE(iso.ok()) << ToString(iso.error());
  EXPECT_EQ(iso->start, KafkaOptions::Start::kTime);
  EXPECT_EQ(iso->start_millis, 1700000000000);
  auto number = Parse({{"topicName", "t"}, {"startingTimestamp", "1700000000123"}});
  ASSERT_TRUE(number.ok());
  EXPECT_EQ(number->start_millis, 1700000000123);
}

TEST(KafkaOptionsTest, WrongValuesAreTheUsersAndSayWhatIsWrong) {
  struct Case {
    Pairs pairs;
    std::string says;
  };
  const Case cases[] = {
      {{{"endingOffsets", "latest"}}, "batch"},
      {{{"startingOffsets", "erliest"}}, "erliest"},
      {{{"startingOffsets", R"({"t":{"0":-3}})"}}, "-3"},
      {{{"startingOffsets", R"({"t":{"x":1}})"}}, "'x'"},
      {{{"startingOffsets", R"({"t":[1]})"}}, "must be an object"},
      {{{"startingOffsets", "{"}}, "JSON"},
      {{{"assign", R"({"t":1})"}}, "list"},
      {{{"assign", R"({"t":[-1]})"}}, "-1"},
      {{{"assign", "[]"}}, "JSON object"},
      {{{"topicName", "a b"}}, "a b"},
      {{{"topicName", ".."}}, ".."},
      {{{"security.protocol", "SASL_SSL"}}, "sasl.mechanism"},
      {{{"security.protocol", "PLAINTEXT"}, {"sasl.password", "x"}}, "SASL_SSL"},
      {{{"security.protocol", "PLAINTEXT"}, {"ssl.ca.location", "/ca"}}, "SSL"},
      {{{"ssl.ca.location", "/nonexistent/ca.pem"}}, "/nonexistent/ca.pem"},
      {{{"ssl.key.location", "/k"}}, "belong together"},
      {{{"subscribePattern", "a(?=b)"}}, "look-around"},
  };
  for (const Case& c : cases) {
    const Error error = ErrorOf(c.pairs);
    EXPECT_EQ(error.blame, Blame::kUser) << c.pairs[0].first;
    EXPECT_NE(error.message.find(c.says), std::string::npos) << error.message;
  }
}

TEST(KafkaOptionsTest, SecretsAreInNoErrorAndNotInTheStoredOptions) {
  const std::string canary = "canary-7f3a";
  auto raw = RawOptionsFromPairs({{"bootstrap.servers", "b:1"},
                                  {"topicName", "t"},
                                  {"security.protocol", "SASL_SSL"},
                                  {"sasl.mechanism", "PLAIN"},
                                  {"sasl.username", "u"},
                                  {"sasl.password", canary},
                                  {"ssl.key.password", canary}});
  auto options = ParseOptions(KafkaOptionSpecs(), raw, "source s (kafka)");
  ASSERT_TRUE(options.ok()) << ToString(options.error());
  EXPECT_EQ(options->ToJson().find(canary), std::string::npos);
  for (const Pairs& pairs :
       std::vector<Pairs>{{{"security.protocol", "PLAINTEXT"}, {"sasl.password", canary}},
                          {{"security.protocol", "PLAINTEXT"}, {"ssl.key.password", canary}},
                          {{"kafka.sasl.jaas.config", canary}},
                          {{"kafka.ssl.keystore.password", canary}},
                          {{"kafka.sasl.oauthbearer.config", canary}},
                          {{"kafka.unheard.of", canary}}}) {
    EXPECT_EQ(ErrorOf(pairs).message.find(canary), std::string::npos);
  }
}

TEST(KafkaOptionsTest, PropertiesThatRunLoadReadOrFetchAreRefusedByName) {
  for (const char* name : {"sasl.kerberos.kinit.cmd",
                           "sasl.kerberos.principal",
                           "sasl.kerberos.keytab",
                           "plugin.library.paths",
                           "ssl.engine.location",
                           "ssl.engine.id",
                           "ssl.providers",
                           "ssl.keystore.location",
                           "ssl.truststore.location",
                           "ssl.crl.location",
                           "https.ca.location",
                           "offset.store.path",
                           "sasl.oauthbearer.token.endpoint.url",
                           "sasl.oauthbearer.assertion.private.key.file",
                           "ssl.engine.factory.class",
                           "sasl.login.callback.handler.class",
                           "interceptor.classes",
                           "debug",
                           "isolation.level",
                           "auto.offset.reset",
                           "enable.auto.commit",
                           "check.crcs",
                           "key.deserializer",
                           "value.deserializer",
                           "queued.max.messages.kbytes",
                           "enable.ssl.certificate.verification",
                           "SASL.Kerberos.Kinit.Cmd",
                           "test.mock.num.brokers",
                           "log_level",
                           "opaque"}) {
    auto result = TranslateKafkaProperty(name, "some-value");
    ASSERT_FALSE(result.ok()) << name;
    EXPECT_EQ(result.error().code, "kafka.refused_property");
    EXPECT_NE(result.error().message.find(std::string("kafka.") + name), std::string::npos);
    EXPECT_EQ(result.error().message.find("some-value"), std::string::npos);
    EXPECT_EQ(ErrorOf({{std::string("kafka.") + name, "some-value"}}).blame, Blame::kUser);
  }
}

TEST(KafkaOptionsTest, BuffersStayWithinTheirShare) {
  for (const std::size_t share :
       {std::size_t{8} << 20, std::size_t{64} << 20, std::size_t{1} << 30}) {
    for (const int readers : {1, 2, 16}) {
      std::map<std::string, std::size_t> sizes;
      for (const auto& [name, value] : KafkaBufferProperties(share, readers)) {
        sizes[name] = std::stoul(value);
      }
      const std::size_t queues =
          static_cast<std::size_t>(readers) *
          std::max<std::size_t>(sizes["queued.max.messages.kbytes"] * 1000, 1);
      EXPECT_LE(queues, std::max(share / 4, static_cast<std::size_t>(readers) << 20));
      EXPECT_LE(sizes["fetch.max.bytes"], std::max(share / 16, std::size_t{1} << 20));
    }
  }
}

TEST(TopicPatternTest, MatchesWholeNamesAsJavaDoes) {
  struct Case {
    std::string pattern;
    std::vector<std::string> yes;
    std::vector<std::string> no;
  };
  const Case cases[] = {
      {"clicks", {"clicks"}, {"clicks2", "xclicks", "click", ""}},
      {"clicks.*", {"clicks", "clicks-eu", "clicks.*"}, {"xclicks"}},
      {"^a|b$", {"a", "b"}, {"ab", "ax", "xb"}},
      {R"(a\.b)", {"a.b"}, {"axb"}},
      {"logs-[a-z]{2,3}", {"logs-eu", "logs-usa"}, {"logs-e", "logs-euro", "logs-EU"}},
      {R"(t\d+)", {"t1", "t42"}, {"t", "tx"}},
      {R"([^\d]+)", {"abc"}, {"a1", "1"}},
      {R"([\w.\-]+)", {"a_b.c-d"}, {"a b"}},
      {"(?:a|bc)+d?", {"a", "bc", "abcad"}, {"b", "d", "addd"}},
      {"(a{0}b)*", {"", "b", "bb"}, {"ab"}},
      {"a{2,}", {"aa", "aaaaa"}, {"a"}},
      {"[]a]+", {"]a"}, {"b"}},
      {"[a-]+", {"-a-"}, {"b"}},
      {R"(price\$)", {"price$"}, {"price"}},
      {"(a*)*b", {"b", "aaab"}, {"aaa"}},
      {"((a|aa)+)+c", {"aac"}, {std::string(249, 'a')}},
  };
  for (const Case& c : cases) {
    auto pattern = TopicPattern::Make(c.pattern);
    ASSERT_TRUE(pattern.ok()) << c.pattern << ": " << pattern.error().message;
    for (const auto& topic : c.yes)
      EXPECT_TRUE(pattern->Matches(topic)) << c.pattern << " " << topic;
    for (const auto& topic : c.no)
      EXPECT_FALSE(pattern->Matches(topic)) << c.pattern << " " << topic;
  }
}

TEST(TopicPatternTest, RefusesWhatItCannotRun) {
  for (const char* pattern : {"",
                              "a(?=b)",
                              "(?<name>a)",
                              "(?i)a",
                              R"((a)\1)",
                              "a*?",
                              "a++",
                              "a**",
                              "*a",
                              "(a",
                              "a)",
                              "[a",
                              "[b-a]",
                              "[a&&b]",
                              "[a[b]]",
                              R"(\p{L})",
                              R"(\Qa\E)",
                              R"(\b)",
                              "a{",
                              "a{x}",
                              "a{3,2}",
                              "a{1000}",
                              "a^b",
                              "a$b",
                              "\xC3\xA4",
                              "\\",
                              "(((a{249}){249}){249})",
                              "((((((){249}){249}){249}){249}){249})"}) {
    auto made = TopicPattern::Make(pattern);
    ASSERT_FALSE(made.ok()) << pattern;
    EXPECT_EQ(made.error().code, "kafka.bad_pattern");
    EXPECT_EQ(made.error().blame, Blame::kUser);
  }
}

}  // namespace
}  // namespace sluice
