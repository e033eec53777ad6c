#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <streambuf>

#include "cli/command_line.h"
#include "job/option_reference.h"
#include "main/built_in_parts.h"

namespace sluice {
namespace {

struct Outcome {
  int code = 0;
  std::string out;
  std::string err;
};

Outcome Sluice(std::vector<const char*> args) {
  args.insert(args.begin(), "sluice");
  std::ostringstream out;
  std::ostringstream err;
  int code = RunCommandLine(static_cast<int>(args.size()), args.data(), BuiltInParts(), out, err);
  return {code, out.str(), err.str()};
}

/// The file that the README and the issue show, word for word.
const char kClicks[] = R"(name: clicks
windowSize: 5 seconds            # default 100 seconds
checkpointLocation: ./state/clicks
sources:
  clicks:
    type: kafka
    bootstrap.servers: 127.0.0.1:9092
    security.protocol: PLAINTEXT # default SSL, as in Glue
    topicName: clicks
    startingOffsets: earliest
    classification: json
    schema: event_id string, ts timestamp, user_id bigint, session string, event string, price double, quantity int, city string, geo struct<lat:double,lon:double>, ua string, tags array<string>, ok boolean
transforms:
  - name: sales
    sql: SELECT *, price * quantity AS total FROM clicks WHERE event <> 'view'
sinks:
  lake:
    type: files
    from: sales                  # default: the last transform
    path: ./lake/clicks
    format: parquet
    compression: snappy
    partitionKeys: [city]
)";

class CommandLineTest : public testing::Test {
 protected:
  CommandLineTest() {
    std::string pattern = testing::TempDir() + "sluice-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~CommandLineTest() override { std::filesystem::remove_all(folder_); }

  std::string Write(const std::string& yaml) {
    std::string path = folder_ + "/job.yaml";
    std::ofstream(path) << yaml;
    return path;
  }
  Outcome Check(const std::string& yaml) { return Sluice({"check", Write(yaml).c_str()}); }

  std::string folder_;
};

std::string Replaced(std::string text, const std::string& what, const std::string& by) {
  std::size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return at == std::string::npos ? text : text.replace(at, what.size(), by);
}

TEST_F(CommandLineTest, TheDocumentedJobIsValidAndItsPlanShowsEveryStep) {
  Outcome check = Check(kClicks);
  EXPECT_EQ(check.code, 0) << check.err;
  EXPECT_EQ(check.err, "");
  for (const char* part :
       {"job clicks\n", "window: 5 seconds", "checkpoint: ./state/clicks",
        "source clicks (kafka, json)", "bootstrap.servers: 127.0.0.1:9092",
        "geo       struct<lat:double,lon:double>", "transform sales", "reads: clicks",
        "runs: row by row", "total     double", "sink lake (files)", "reads: sales",
        "partitionKeys: city", "dead letters: ./state/clicks/dead-letters"}) {
    EXPECT_NE(check.out.find(part), std::string::npos) << part << "\n" << check.out;
  }
  EXPECT_FALSE(std::filesystem::exists("state")) << "check must not write";
}

TEST_F(CommandLineTest, MistakesPointIntoTheFile) {
  struct Case {
    const char* what;
    const char* by;
    const char* message;
  };
  for (const Case& c : {
           Case{"price * quantity", "prize * quantity", ":15:20: transform sales: "},
           {"sql: SELECT *", "sql: |\n      SELECT prize,\n       *", ":16:14: transform sales: "},
           {"SELECT *", "SELEC *", ":15:10: transform sales: "},
           {"FROM clicks", "FROM click", "transform sales: "},
           {"user_id bigint", "user_id bigin", ":12:52: source clicks (kafka): "},
           {"topicName: clicks", "topicname: clicks",
            ":9:5: source clicks (kafka): there is no option 'topicname'; did you mean "
            "'topicName'?"},
           {"type: kafka", "type: kafak", "did you mean 'kafka'?"},
           {"partitionKeys: [city]", "partitionKeys: [town]",
            ":23:21: sink lake (files): partitionKeys: 'town' is not a column"},
           {"  - name: sales\n    sql: SELECT *, price * quantity AS total FROM clicks WHERE event "
            "<> 'view'\n",
            "  - name: sales\n    mapping:\n      - [event_id, id]\n      - [citty, city]\n",
            ":17:9: transform sales: mapping: entry 2: input clicks has no column \"citty\"; did "
            "you mean \"city\"?"},
           {"compression: snappy", "compression: snapy", ":22:18: sink lake (files): "},
           {"format: parquet", "format: parket", ":21:13: sink lake (files): "},
           {"startingOffsets: earliest", "startingOffsets: first",
            ":10:22: source clicks (kafka): "},
           {"windowSize: 5 seconds ", "metricsAddress: 999999\n",
            ":2:17: job: metricsAddress: '999999' is not an address"},
           {"windowSize: 5 seconds ", "metricsAddress: foo:bar\n",
            ":2:17: job: metricsAddress: 'foo:bar' is not an address"},
           {"from: sales ", "from: sale ", ":19:11: sink lake (files): "},
       }) {
    Outcome check = Check(Replaced(kClicks, c.what, c.by));
    EXPECT_EQ(check.code, 2) << c.by;
    EXPECT_EQ(check.err.rfind("error: " + folder_ + "/job.yaml:", 0), 0u) << check.err;
    EXPECT_NE(check.err.find(c.message), std::string::npos) << c.by << "\n" << check.err;
    EXPECT_EQ(check.out, "");
  }
}

TEST_F(CommandLineTest, NoSecretIsEverPrinted) {
  const std::string canary = "CANARY-7f3a";
  ::setenv("SLUICE_CANARY", canary.c_str(), 1);
  std::string secrets =
      "security.protocol: SASL_SSL\n    sasl.mechanism: PLAIN\n    sasl.username: etl\n"
      "    sasl.password: SECRET\n    ssl.key.password: SECRET";
  for (const std::string& secret : {canary, std::string("${SLUICE_CANARY}")}) {
    std::string lines = secrets;
    lines = Replaced(Replaced(lines, "SECRET", secret), "SECRET", secret);
    std::string job =
        Replaced(kClicks, "security.protocol: PLAINTEXT # default SSL, as in Glue", lines);
    for (const auto& [what, by] : std::vector<std::pair<std::string, std::string>>{
             {"", ""},
             {"sasl.mechanism: PLAIN", "sasl.mechanism: " + secret},
             {"SASL_SSL", "PLAINTEXT"},
             {"topicName", "topicname"},
             {"price * quantity", "prize"},
             {"startingOffsets: earliest", "startingOffsets: nowhere"}}) {
      // A secret where none belongs is the user's own text, unless it came by reference.
      if (by.find(canary) != std::string::npos) continue;
      Outcome check = Check(what.empty() ? job : Replaced(job, what, by));
      EXPECT_EQ(check.out.find(canary), std::string::npos) << check.out;
      EXPECT_EQ(check.err.find(canary), std::string::npos) << check.err;
    }
  }
}

TEST_F(CommandLineTest, UnknownCommandsAndOptionsGetTheNearestName) {
  Outcome command = Sluice({"chek", "x"});
  EXPECT_EQ(command.code, 2);
  EXPECT_NE(command.err.find("there is no command 'chek'; did you mean 'check'?"),
            std::string::npos)
      << command.err;
  Outcome option = Sluice({"run", "x", "--untl-caught-up"});
  EXPECT_EQ(option.code, 2);
  EXPECT_NE(option.err.find("did you mean '--until-caught-up'?"), std::string::npos) << option.err;
  Outcome value = Sluice({"preview", "x", "--rows", "0"});
  EXPECT_EQ(value.code, 2);
  EXPECT_EQ(value.err.find("did you mean"), std::string::npos) << value.err;
  EXPECT_EQ(Sluice({}).code, 2);
  EXPECT_EQ(Sluice({"checkpoint"}).code, 2);
  EXPECT_EQ(Sluice({"run", "x", "--log-format", "xml"}).code, 2);
  Outcome absent = Sluice({"check", "no/such.yaml"});
  EXPECT_EQ(absent.code, 2);
  EXPECT_NE(absent.err.find("no/such.yaml: No such file"), std::string::npos) << absent.err;
}

TEST_F(CommandLineTest, HelpHasExamplesForEveryCommand) {
  Outcome help = Sluice({"--help"});
  EXPECT_EQ(help.code, 0);
  for (const char* name : {"run", "check", "preview", "detect", "schema", "decode", "describe",
                           "test", "generate", "demo"}) {
    EXPECT_NE(help.out.find(name), std::string::npos) << name;
    Outcome one = Sluice({name, "--help"});
    EXPECT_EQ(one.code, 0) << name;
    EXPECT_NE(one.out.find("Example"), std::string::npos) << name << "\n" << one.out;
  }
  EXPECT_EQ(Sluice({"help"}).out, help.out);
  EXPECT_EQ(Sluice({"help", "run"}).out, Sluice({"run", "--help"}).out);
  EXPECT_EQ(Sluice({"help", "checkpoint", "show"}).out,
            Sluice({"checkpoint", "show", "--help"}).out);
  EXPECT_NE(Sluice({"help", "chekpoint"}).err.find("did you mean 'checkpoint'?"),
            std::string::npos);
  EXPECT_NE(Sluice({"help", "--help"}).out.find("sluice help run"), std::string::npos);
  EXPECT_NE(Sluice({"checkpoint", "--help"}).out.find("sluice checkpoint show ./state"),
            std::string::npos);
  EXPECT_EQ(Sluice({"version"}).out, "sluice " SLUICE_VERSION "\n");
  EXPECT_EQ(Sluice({"--version"}).out, "sluice " SLUICE_VERSION "\n");
}

/// Takes `room` bytes, and then is full.
class FullDevice : public std::streambuf {
 public:
  explicit FullDevice(std::size_t room) : room_(room) {}

 protected:
  int_type overflow(int_type c) override {
    if (room_ == 0) {
      errno = ENOSPC;
      return traits_type::eof();
    }
    --room_;
    return c;
  }
  int sync() override {
    if (room_ == 0) errno = ENOSPC;
    return room_ == 0 ? -1 : 0;
  }

 private:
  std::size_t room_;
};

TEST_F(CommandLineTest, OutputThatIsLostIsAFailure) {
  std::vector<std::vector<const char*>> commands = {
      {"sluice", "describe"}, {"sluice", "version"}, {"sluice", "--help"}, {"sluice", "--version"}};
  for (const auto& args : commands) {
    FullDevice device(3);
    std::ostream out(&device);
    std::ostringstream err;
    const int code =
        RunCommandLine(static_cast<int>(args.size()), args.data(), BuiltInParts(), out, err);
    EXPECT_EQ(code, 1) << args[1];
    EXPECT_NE(err.str().find("could be written: No space left on device [output.write]"),
              std::string::npos)
        << args[1] << ": " << err.str();
  }
}

TEST_F(CommandLineTest, CheckpointShowSaysWhatIsMissing) {
  Outcome absent = Sluice({"checkpoint", "show", (folder_ + "/none").c_str()});
  EXPECT_EQ(absent.code, 2) << absent.err;
  EXPECT_NE(absent.err.find("none"), std::string::npos) << absent.err;
  Outcome empty = Sluice({"checkpoint", "show", folder_.c_str()});
  EXPECT_EQ(empty.code, 2) << empty.err;
  EXPECT_NE(empty.err.find("there is no checkpoint in"), std::string::npos) << empty.err;
}

TEST_F(CommandLineTest, CompletionKnowsEveryCommand) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    Outcome script = Sluice({"completion", shell});
    EXPECT_EQ(script.code, 0);
    for (const char* word :
         {"preview", "until-caught-up", "checkpoint", "show", "detect", "unpin"}) {
      EXPECT_NE(script.out.find(word), std::string::npos) << shell << " " << word;
    }
  }
}

/// Reads and decodes a folder of files: no broker, no checkpoint.
TEST_F(CommandLineTest, PreviewShowsRowsAndCommitsNothing) {
  std::filesystem::create_directories(folder_ + "/in");
  std::ofstream(folder_ + "/in/a.json") << "{\"id\": 1, \"name\": \"Anna\"}\n{\"id\": \"x\"}\n"
                                        << "{\"id\": 3, \"name\": \"Bo\"}\n";
  std::string job = "checkpointLocation: " + folder_ +
                    "/state\nsources:\n  rows:\n    type: files\n"
                    "    path: " +
                    folder_ +
                    "/in\n    classification: json\n"
                    "    schema: id bigint, name string\n"
                    "transforms:\n  - name: big\n    sql: SELECT id * 2 AS twice, name FROM rows\n"
                    "sinks:\n  out: {type: files, path: " +
                    folder_ + "/out, format: parquet}\n";
  Outcome preview = Sluice({"preview", Write(job).c_str(), "--wait", "5 seconds"});
  EXPECT_EQ(preview.code, 0) << preview.err;
  EXPECT_EQ(preview.out,
            " twice  name\n"
            "bigint  string\n"
            "------  ------\n"
            "     2  Anna\n"
            "     6  Bo\n");
  EXPECT_NE(preview.err.find("3 records read, 1 refused"), std::string::npos) << preview.err;
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/state"));
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/out"));
}

std::string FileText(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(ReferenceTest, CommittedPagesMatchTheDeclarations) {
  EXPECT_EQ(FileText("docs/reference/options.md"), Sluice({"describe", "--markdown"}).out)
      << "run ./dev docs";
  EXPECT_EQ(FileText("docs/reference/job.schema.json"), Sluice({"describe", "--json-schema"}).out)
      << "run ./dev docs";
}

TEST(ReferenceTest, EveryOptionHasHelpAndNoSecretADefault) {
  for (const ReferenceSection& section : ReferenceSections(BuiltInParts())) {
    for (const OptionSpec& spec : section.options) {
      EXPECT_FALSE(spec.help.empty()) << section.Title() << " " << spec.name;
      if (spec.secret) {
        EXPECT_EQ(spec.default_value, "") << spec.name;
      }
    }
  }
}

TEST(ReferenceTest, DescribeFindsThingsByName) {
  EXPECT_NE(Sluice({"describe"}).out.find("kafka"), std::string::npos);
  EXPECT_NE(Sluice({"describe", "kafka"}).out.find("bootstrap.servers"), std::string::npos);
  EXPECT_NE(Sluice({"describe", "job"}).out.find("windowSize"), std::string::npos);
  Outcome unknown = Sluice({"describe", "kafak"});
  EXPECT_EQ(unknown.code, 2);
  EXPECT_NE(unknown.err.find("did you mean 'kafka'?"), std::string::npos) << unknown.err;
}

}  // namespace
}  // namespace sluice
