#include "job/job.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "job/fake_parts.h"
#include "job/tables.h"

namespace sluice {
namespace {

const char kHead[] = "checkpointLocation: ./state\n";
const char kSource[] =
    "sources:\n"
    "  clicks:\n"
    "    type: queue\n"
    "    bootstrap.servers: localhost:9092\n"
    "    topicName: clicks\n"
    "    classification: text\n"
    "    schema: a bigint\n";
const char kSink[] =
    "sinks:\n"
    "  lake:\n"
    "    type: folder\n"
    "    path: ./lake\n";

const Parts& TestParts() {
  static const std::unique_ptr<Parts> parts = FakeParts();
  return *parts;
}

Result<Job> Parse(const std::string& yaml) { return ParseJob(yaml, "job.yaml", TestParts()); }

std::string MessageOf(const std::string& yaml) {
  Result<Job> job = Parse(yaml);
  if (job.ok()) return "accepted";
  EXPECT_EQ(job.error().blame, Blame::kUser);
  return job.error().message;
}

TEST(JobTest, SmallestFileGetsAllDefaults) {
  auto job = Parse(std::string(kHead) + kSource + kSink);
  ASSERT_TRUE(job.ok()) << job.error().message;
  EXPECT_EQ(job->name, "job");
  EXPECT_EQ(job->options.Int("windowSize"), 100'000'000);
  EXPECT_EQ(job->options.Int("maxMemory"), 1ll << 30);
  EXPECT_EQ(job->options.Int("maxSpool"), 10ll << 30);
  EXPECT_EQ(job->options.Int("leaseTimeout"), 10'000'000);
  EXPECT_EQ(job->options.Int("minEpochsToRetain"), 100);
  EXPECT_EQ(job->options.Int("timeout"), std::nullopt);
  EXPECT_EQ(job->dead_letters, "./state/dead-letters");
  EXPECT_EQ(job->spool_directory, "./state/spool");
  ASSERT_EQ(job->sources.size(), 1u);
  EXPECT_EQ(job->sources[0].options.String("topicName"), "clicks");
  EXPECT_EQ(job->sources[0].options.String("separator"), ",");
  EXPECT_EQ(job->sources[0].bad_records, BadRecords::kQuarantine);
  ASSERT_EQ(job->sinks.size(), 1u);
  EXPECT_EQ(job->sinks[0].from, "clicks");
  EXPECT_TRUE(job->warnings.empty());
}

TEST(JobTest, SinkReadsTheLastStepUnlessToldOtherwise) {
  std::string steps =
      "transforms:\n"
      "  - name: sales\n"
      "    sql: SELECT * FROM clicks\n"
      "  - name: small\n"
      "    mapping: [[a, bigint, b, int], [a, c]]\n";
  auto job = Parse(std::string(kHead) + kSource + steps + kSink);
  ASSERT_TRUE(job.ok()) << job.error().message;
  EXPECT_EQ(job->sinks[0].from, "small");
  EXPECT_EQ(job->steps[1].from, "sales");
  EXPECT_EQ(job->steps[1].mapping[0], (MappingTuple{"a", "bigint", "b", "int"}));
  EXPECT_EQ(job->steps[1].mapping[1], (MappingTuple{"a", "c"}));
  job = Parse(std::string(kHead) + kSource + steps + kSink + "    from: clicks\n");
  ASSERT_TRUE(job.ok()) << job.error().message;
  EXPECT_EQ(job->sinks[0].from, "clicks");
}

TEST(JobTest, MistakesGetPlaceAndAdvice) {
  struct Case {
    std::string yaml;
    const char* message;
  };
  std::string head = kHead, source = kSource, sink = kSink;
  std::string job = head + source + sink;
  for (const Case& c : {
           Case{"window: 1\n" + job,
                "job.yaml:1:1: job: there is no option 'window'; did you mean "
                "'windowSize'?"},
           {"windowSize: 1 ms\n" + job, "job.yaml:1:13: job: windowSize must be at least 100 ms"},
           {"windowSize: soon\n" + job, "windowSize must be a duration such as"},
           {"maxMemory: 1 MB\n" + job, "maxMemory must be at least 256 MiB"},
           {source + sink, "job.yaml:1:1: job: checkpointLocation is missing"},
           {head + sink, "job: sources is missing"},
           {head + source, "job: sinks is missing"},
           {head + "sources: []\n" + sink, "job.yaml:2:10: job: sources must be a map"},
           {head + "sources:\n  a: 1\n" + sink, "job.yaml:3:3: sources: 'a' must be a map"},
           {head + "sources:\n  a: {path: x}\n" + sink,
            "job.yaml:3:3: source a: type is missing. Known: folder, queue"},
           {head + "sources:\n  a: {type: quue}\n" + sink,
            "job.yaml:3:13: source a: there is no source called 'quue'; did you mean 'queue'?"},
           {head + "sources:\n  a: {type: queue}\n" + sink,
            "job.yaml:3:3: source a (queue): classification is missing. Known: text"},
           {head + "sources:\n  a: {type: queue, classification: xml}\n" + sink,
            "there is no format called 'xml'"},
           {head + source + "    topicname: x\n" + sink,
            "job.yaml:9:5: source clicks (queue): there is no option 'topicname'; did you mean "
            "'topicName'?"},
           {head + source + "    subscribe: x\n" + sink, "are the same option"},
           {head + source + "    inferSchema: true\n" + sink,
            "job.yaml:9:18: source clicks (queue): the columns of text are told by its options; "
            "leave inferSchema out"},
           {head + source + "    badRecords: keep\n" + sink,
            "badRecords must be one of quarantine, skip, fail, not 'keep'"},
           {head + source + "    maxBadRecordRate: 2\n" + sink, "a share from 0 to 1"},
           {head + source + "    separater: x\n" + sink, "did you mean 'separator'?"},
           {head + "sources:\n  2a: {type: queue}\n" + sink,
            "job.yaml:3:3: source name '2a' must be a plain SQL identifier"},
           {head + source + "sinks:\n  Clicks: {type: folder, path: x}\n",
            "the name 'Clicks' is taken already, by the source at job.yaml:3:3"},
           {head + source + "sinks:\n  s: {type: folder, path: x, from: click}\n",
            "job.yaml:10:36: sink s (folder): there is no source or earlier step 'click'; did you "
            "mean 'clicks'?"},
           {head + source + "sinks:\n  s: {type: folder}\n", "path is missing"},
           {head + source +
                "sinks:\n  s: {type: folder, path: x}\n  t: {type: folder, path: x/y}\n",
            "overlap"},
           {head + source + "sinks:\n  s: {type: folder, path: ./state/out}\n", "overlap"},
           {head + source + "deadLetters: lake\n" + sink, "overlap"},
           {head + source + "deadLetters: gs://b\n" + sink, "job.yaml:"},
           {head + "sources:\n  a: {type: folder, classification: text, path: lake/in}\n" + sink,
            "overlap"},
           {head + source + "transforms: {}\n" + sink, "transforms must be a list"},
           {head + source + "transforms:\n  clean: {sql: SELECT 1}\n" + sink,
            "write '- name: clean' and below it 'sql: ...', in place of 'clean:'"},
           {head + source +
                "transforms:\n  - {name: t, mapping: [[a, double, b, decimal(5,2)]]}\n" + sink,
            "job.yaml:10:40: transform t: quote 'decimal(5,2)': without quotes a comma"},
           {head + source + "transforms: [x]\n" + sink, "must be a map with name and sql"},
           {head + source + "transforms:\n  - name: t\n" + sink,
            "job.yaml:10:5: transform t: give exactly one of sql and mapping"},
           {head + source + "transforms:\n  - {name: t, sql: SELECT 1, from: clicks}\n" + sink,
            "from belongs to mapping"},
           {head + source + "transforms:\n  - {name: clicks, sql: SELECT 1}\n" + sink, "is taken"},
           {head + source + "transforms:\n  - {name: t, mapping: [a]}\n" + sink,
            "job.yaml:10:25: transform t: an entry of mapping is"},
           {head + source + "transforms:\n  - {name: t, mapping: []}\n" + sink, "at least one"},
           {head + source + "transforms:\n  - {name: t, sql: ' '}\n" + sink, "sql is empty"},
           {"name: a/b\n" + job, "job.yaml:1:7: job: name must be"},
       }) {
    std::string message = MessageOf(c.yaml);
    EXPECT_NE(message.find(c.message), std::string::npos) << c.yaml << "\n=> " << message;
    EXPECT_EQ(message.rfind("job.yaml", 0), 0u) << message;
  }
}

TEST(JobTest, TablesAreNamedBesideSources) {
  const std::string tables =
      "tables:\n"
      "  users:\n"
      "    type: shelf\n"
      "    path: ./users\n"
      "    password: canary\n"
      "    schema: id bigint, name string\n";
  auto job = Parse(std::string(kHead) + kSource + tables + kSink);
  ASSERT_TRUE(job.ok()) << job.error().message;
  ASSERT_EQ(job->tables.size(), 1u);
  EXPECT_EQ(job->tables[0].name, "users");
  EXPECT_EQ(job->sinks[0].from, "clicks") << "a table is nothing that a sink reads by itself";
  ASSERT_EQ(job->warnings.size(), 1u);
  EXPECT_EQ(job->warnings[0].find("canary"), std::string::npos);

  const std::vector<std::pair<std::string, std::string>> cases = {
      {std::string(kHead) + kSource + tables + kSink + "    from: users\n",
       "job.yaml:19:11: sink lake (folder): 'users' is a table: its rows do not stream"},
      {std::string(kHead) + kSource + tables +
           "transforms:\n  - name: m\n    from: users\n    mapping: [[id, key]]\n" + kSink,
       "job.yaml:17:11: transform m: 'users' is a table"},
      {std::string(kHead) + kSource + "tables:\n  Clicks:\n    type: shelf\n    path: x\n" + kSink,
       "job.yaml:10:3: the name 'Clicks' is taken already, by the source at job.yaml:3:3"},
      {std::string(kHead) + kSource + "tables:\n  u:\n    type: shelve\n    path: x\n" + kSink,
       "job.yaml:11:11: table u: there is no table called 'shelve'; did you mean 'shelf'?"},
      {std::string(kHead) + kSource + "tables:\n  u:\n    type: shelf\n    pth: x\n" + kSink,
       "did you mean 'path'?"},
      {std::string(kHead) + kSource + "tables:\n  u:\n    type: shelf\n    path: lake/*.csv\n" +
           kSink,
       "overlap"},
  };
  for (const auto& [yaml, message] : cases) {
    EXPECT_NE(MessageOf(yaml).find(message), std::string::npos) << MessageOf(yaml);
  }
}

TEST(JobTest, ATableThatCannotBeOpenedIsToldWithItsPlace) {
  auto job = Parse(std::string(kHead) + kSource +
                   "tables:\n  users:\n    type: shelf\n    path: none\n" + kSink);
  ASSERT_TRUE(job.ok()) << job.error().message;
  auto opened = OpenTables(&*job, /*wait=*/false);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().message, "job.yaml:12:11: table users (shelf): path none is not");
}

TEST(JobTest, SeveralSourcesNeedFrom) {
  std::string two = std::string(kSource) +
                    "  more: {type: queue, bootstrap.servers: h, topicName: m, classification: "
                    "text}\n";
  std::string message = MessageOf(kHead + two + kSink);
  EXPECT_NE(message.find("there are several sources: 'clicks', 'more'"), std::string::npos)
      << message;
}

TEST(JobTest, ReferencesAreResolvedAndNeverShown) {
  ::setenv("SLUICE_TEST_SECRET", "hunter2", 1);
  ::unsetenv("SLUICE_TEST_ABSENT");
  std::string path = testing::TempDir() + "job_test_secret";
  std::ofstream(path) << "hunter3\n";
  auto password = [](const std::string& text) {
    return std::string(kHead) + kSource + "    sasl.password: " + text + "\n" + kSink;
  };
  for (const auto& [text, value] : std::vector<std::pair<std::string, std::string>>{
           {"${SLUICE_TEST_SECRET}", "hunter2"},
           {"${ENV:SLUICE_TEST_SECRET}", "hunter2"},
           {"a${SLUICE_TEST_SECRET}b$${c}", "ahunter2b${c}"},
           {"${file:" + path + "}", "hunter3"}}) {
    auto job = Parse(password(text));
    ASSERT_TRUE(job.ok()) << job.error().message;
    EXPECT_EQ(job->sources[0].options.String("sasl.password"), value);
    EXPECT_TRUE(job->warnings.empty());
    EXPECT_EQ(job->sources[0].options.ToJson().find("hunter"), std::string::npos);
  }
  auto literal = Parse(password("hunter4"));
  ASSERT_TRUE(literal.ok());
  ASSERT_EQ(literal->warnings.size(), 1u);
  EXPECT_NE(literal->warnings[0].find("job.yaml:9:20: source clicks (queue): sasl.password stands"),
            std::string::npos);
  EXPECT_EQ(literal->warnings[0].find("hunter4"), std::string::npos);

  EXPECT_NE(MessageOf(password("${SLUICE_TEST_ABSENT}"))
                .find("job.yaml:9:20: source clicks: sasl.password: the environment variable "
                      "SLUICE_TEST_ABSENT is not set"),
            std::string::npos);
  EXPECT_NE(MessageOf(password("${file:no/such}")).find("the file no/such cannot be read: No such"),
            std::string::npos);
  EXPECT_NE(MessageOf(password("${a b}")).find("is not a reference"), std::string::npos);
  EXPECT_NE(MessageOf(password("${A")).find("without '}'"), std::string::npos);
  // A wrong value that came by reference is not shown either.
  std::string message =
      MessageOf("windowSize: ${SLUICE_TEST_SECRET}\n" + std::string(kHead) + kSource + kSink);
  EXPECT_NE(message.find("windowSize must be a duration"), std::string::npos) << message;
  EXPECT_EQ(message.find("hunter2"), std::string::npos) << message;
  std::filesystem::remove(path);
}

TEST(JobTest, RecordedSinkComesBackWithoutItsSecrets) {
  auto job = Parse(std::string(kHead) + kSource + kSink + "    keys: [a, b]\n    token: hunter2\n");
  ASSERT_TRUE(job.ok()) << job.error().message;
  const JobSink& sink = job->sinks[0];
  std::string settings = sink.options.ToJson();
  EXPECT_EQ(settings.find("hunter2"), std::string::npos);
  auto recorded = ParseRecordedSink(*sink.type, "lake", settings);
  ASSERT_TRUE(recorded.ok()) << recorded.error().message;
  EXPECT_EQ(recorded->String("path"), "./lake");
  EXPECT_EQ(recorded->List("keys"), (std::vector<std::string>{"a", "b"}));
}

}  // namespace
}  // namespace sluice
