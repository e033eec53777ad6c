// The commands about learned columns, as users see them.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <vector>

#include "cli/command_line.h"
#include "engine/checkpoint_log.h"
#include "job/checkpoint_storage.h"
#include "main/built_in_parts.h"

namespace sluice {
namespace {

struct Outcome {
  int code = 0;
  std::string out;
  std::string err;
};

Outcome Sluice(const std::vector<std::string>& words) {
  std::vector<const char*> args = {"sluice"};
  for (const std::string& word : words) args.push_back(word.c_str());
  std::ostringstream out;
  std::ostringstream err;
  const int code =
      RunCommandLine(static_cast<int>(args.size()), args.data(), BuiltInParts(), out, err);
  return {code, out.str(), err.str()};
}

class DetectionTest : public testing::Test {
 protected:
  DetectionTest() {
    std::string pattern = testing::TempDir() + "sluice-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    std::filesystem::create_directories(folder_ + "/in");
    WriteJob("json", "");
  }
  ~DetectionTest() override { std::filesystem::remove_all(folder_); }

  void WriteJob(const std::string& format, const std::string& more,
                const std::string& sink = "format: json") {
    job_ = folder_ + "/job.yaml";
    std::ofstream(job_) << "name: hits\ncheckpointLocation: " << folder_
                        << "/state\nleaseTimeout: 1 second\nsources:\n"
                        << "  hits: {type: files, path: " << folder_
                        << "/in, classification: " << format << more << "}\nsinks:\n"
                        << "  lake: {type: files, path: " << folder_ << "/lake, " << sink << "}\n";
  }
  void Arrive(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ + "/in/" + name) << text;
  }
  void Run() const {
    const Outcome run = Sluice({"run", job_, "--until-caught-up", "--log-level", "error"});
    ASSERT_EQ(run.code, 0) << run.err;
  }
  /// All rows of the table, sorted by their text.
  std::string Rows() const {
    std::vector<std::string> lines;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_ + "/lake")) {
      if (!entry.path().filename().string().starts_with("part-")) continue;
      std::ifstream file(entry.path());
      for (std::string line; std::getline(file, line);) lines.push_back(line);
    }
    std::sort(lines.begin(), lines.end());
    std::string out;
    for (const std::string& line : lines) out += line + "\n";
    return out;
  }

  std::string folder_;
  std::string job_;
};

TEST_F(DetectionTest, DetectShowsWhatRecordsHold) {
  Arrive("a.json",
         "{\"id\": 1, \"geo\": {\"lat\": 1}, \"tags\": [\"a\", 2], \"none\": null}\n"
         "{\"id\": 2, \"geo\": {\"lat\": 2.5}, \"ID\": 3}\nno JSON\n");
  const Outcome detect = Sluice({"detect", job_});
  EXPECT_EQ(detect.code, 0) << detect.err;
  EXPECT_EQ(detect.out,
            "source hits (files, json): 3 records, 106 bytes, 2 rows\n"
            "1 reject, the first: expected a value [json.syntax]\n\n"
            "column   type    in rows  values\n"
            "-------  ------  -------  ------------------------\n"
            "id       bigint    100 %  bigint 100 %\n"
            "geo      struct    100 %  object 100 %\n"
            "geo.lat  double    100 %  bigint 50 %, double 50 %\n"
            "tags     array      50 %  array 100 %\n"
            "tags[]   string           bigint 50 %, string 50 %\n\n"
            "would be rescued: 1 value, in 50 % of the rows\n"
            "values  place  reason\n"
            "------  -----  --------------\n"
            "     1  ID     column.unknown\n\n"
            "not taken as columns\n"
            "  ID: the name differs from another only in case, which tables do not tell apart\n");
  EXPECT_EQ(Sluice({"detect", job_, "-n", "1", "--format", "ddl"}).out,
            "id bigint, geo struct<lat:bigint>, tags array<string>\n");
  const Outcome spark = Sluice({"detect", job_, "--source", "hits", "--format", "json"});
  EXPECT_NE(spark.out.find("\"elementType\": \"string\",\n        \"containsNull\": true"),
            std::string::npos)
      << spark.out;
  EXPECT_NE(spark.out.find("\"name\": \"id\",\n      \"type\": \"long\""), std::string::npos);
  const Outcome glue = Sluice({"detect", job_, "--format", "glue", "--database", "web"});
  EXPECT_NE(glue.out.find("\"DatabaseName\": \"web\""), std::string::npos);
  EXPECT_NE(glue.out.find("\"Type\": \"struct<lat:double>\""), std::string::npos) << glue.out;
  EXPECT_NE(glue.out.find("\"classification\": \"json\""), std::string::npos) << glue.out;
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/state")) << "detect must not write";
}

TEST_F(DetectionTest, DetectReadsCsvAndSourcesThatDeclareTheirColumns) {
  WriteJob("csv", ", withHeader: true, wholetext: true, schema: id string");
  Arrive("a.csv", "id,day,zip\n1,2026-11-23,012\n2,x,\n");
  const Outcome detect = Sluice({"detect", job_});
  EXPECT_EQ(detect.code, 0) << detect.err;
  EXPECT_EQ(detect.out,
            "source hits (files, csv): 1 record, 33 bytes, 2 rows\n\n"
            "column  type    in rows  values\n"
            "------  ------  -------  ----------------------\n"
            "id      bigint    100 %  bigint 100 %\n"
            "day     string    100 %  date 50 %, string 50 %\n"
            "zip     string     50 %  string 100 %\n\n"
            "nothing would be rescued\n");
  EXPECT_EQ(detect.err,
            "note: source hits declares its columns; these are those that its records show\n");
}

TEST_F(DetectionTest, DetectSaysWhatIsWrong) {
  const Outcome empty = Sluice({"detect", job_, "--wait", "100 ms"});
  EXPECT_EQ(empty.code, 2);
  EXPECT_NE(empty.err.find("there is no record from which its columns could be known"),
            std::string::npos)
      << empty.err;
  const Outcome source = Sluice({"detect", job_, "--source", "hit"});
  EXPECT_EQ(source.code, 2);
  EXPECT_NE(source.err.find("no source 'hit'; did you mean 'hits'?"), std::string::npos);
  EXPECT_EQ(Sluice({"detect", job_, "--format", "xml"}).code, 2);
  EXPECT_EQ(Sluice({"detect", job_, "-n", "0"}).code, 2);
  WriteJob("grok", ", grokPattern: \"%{WORD:w}\"");
  const Outcome grok = Sluice({"detect", job_});
  EXPECT_EQ(grok.code, 2);
  EXPECT_NE(grok.err.find("the columns of grok are told by its options"), std::string::npos)
      << grok.err;
}

TEST_F(DetectionTest, SchemaShowsVersionsAndWhatChanged) {
  const Outcome early = Sluice({"schema", "show", job_});
  EXPECT_EQ(early.code, 2);
  EXPECT_NE(early.err.find("nothing is learned yet: there is no checkpoint in"), std::string::npos)
      << early.err;
  Arrive("a.json", "{\"id\": 1}\n");
  Run();
  Arrive("b.json", "{\"id\": 2, \"price\": 2.5}\n");
  Run();
  EXPECT_EQ(Sluice({"schema", "show", job_}).out,
            "source hits: version 2\n"
            "column  type    written\n"
            "------  ------  -------\n"
            "id      bigint  yes\n"
            "price   double  yes\n");
  EXPECT_EQ(Sluice({"schema", "show", folder_ + "/state", "--format", "ddl"}).out,
            "id bigint, price double\n");
  EXPECT_EQ(Sluice({"schema", "show", job_, "--version", "1", "--format", "ddl"}).out,
            "id bigint\n");
  EXPECT_EQ(Sluice({"schema", "diff", job_, "1", "2"}).out, "+ price double\n");
  EXPECT_EQ(Sluice({"schema", "diff", job_, "2", "1"}).out, "- price double\n");
  const Outcome history = Sluice({"schema", "show", job_, "--history"});
  for (const char* part : {"version  since", "epochs", "+ price double\n"}) {
    EXPECT_NE(history.out.find(part), std::string::npos) << history.out;
  }
  const Outcome version = Sluice({"schema", "diff", job_, "1", "9"});
  EXPECT_EQ(version.code, 2);
  EXPECT_NE(version.err.find("does not have version 9 of the columns of source hits; it has 1, 2"),
            std::string::npos)
      << version.err;
  const Outcome source = Sluice({"schema", "show", job_, "--source", "hit"});
  EXPECT_EQ(source.code, 2);
  EXPECT_NE(source.err.find("did you mean 'hits'?"), std::string::npos) << source.err;
  EXPECT_EQ(Sluice({"schema"}).code, 2);
  WriteJob("json", ", schema: id bigint");
  const Outcome declared = Sluice({"schema", "show", job_});
  EXPECT_EQ(declared.code, 2);
  EXPECT_NE(declared.err.find("the job learns no columns"), std::string::npos) << declared.err;
}

TEST_F(DetectionTest, APinnedSchemaStaysOverLaterStarts) {
  Arrive("a.json", "{\"id\": 1}\n");
  Run();
  Outcome pin = Sluice({"schema", "pin", job_});
  EXPECT_EQ(pin.code, 0) << pin.err;
  EXPECT_EQ(pin.out, "source hits: version 1 is pinned now\n");
  EXPECT_EQ(Sluice({"schema", "pin", job_}).out, "source hits: version 1 is already pinned\n");
  EXPECT_EQ(Sluice({"schema", "show", job_}).out.substr(0, 31), "source hits: version 1, pinned\n");
  Arrive("b.json", "{\"id\": 2, \"b\": true}\n");
  Run();
  Arrive("c.json", "{\"id\": 3, \"c\": 1}\n");
  Run();
  EXPECT_EQ(Sluice({"schema", "unpin", job_, "--source", "hits"}).out,
            "source hits: version 1 is not pinned now\n");
  EXPECT_EQ(Sluice({"schema", "unpin", job_}).out,
            "source hits: version 1 is already not pinned\n");
  Arrive("d.json", "{\"id\": 4, \"d\": 1}\n");
  Run();
  EXPECT_EQ(Rows(),
            "{\"id\":1,\"_rescued\":null}\n"
            "{\"id\":2,\"_rescued\":\"[{\\\"path\\\":\\\"b\\\",\\\"value\\\":true,"
            "\\\"reason\\\":\\\"column.unknown\\\"}]\"}\n"
            "{\"id\":3,\"_rescued\":\"[{\\\"path\\\":\\\"c\\\",\\\"value\\\":1,"
            "\\\"reason\\\":\\\"column.unknown\\\"}]\"}\n"
            "{\"id\":4,\"d\":1,\"_rescued\":null}\n");
  EXPECT_EQ(Sluice({"schema", "pin", folder_ + "/state"}).code, 2);
}

TEST_F(DetectionTest, NothingIsPinnedWhileTheJobRuns) {
  Arrive("a.json", "{\"id\": 1}\n");
  Run();
  auto storage = OpenCheckpointAt(folder_ + "/state", BuiltInParts());
  ASSERT_TRUE(storage.ok());
  LogOptions options;
  options.job = "hits";
  options.lease_micros = 1'000'000;
  auto running = CheckpointLog::Open(storage->get(), options);
  ASSERT_TRUE(running.ok());
  const Outcome pin = Sluice({"schema", "pin", job_});
  EXPECT_EQ(pin.code, 4) << pin.err;
  EXPECT_EQ(pin.out, "");
  EXPECT_NE(pin.err.find("another process is running on the checkpoint"), std::string::npos);
  (*running)->Close();
  EXPECT_EQ(Sluice({"schema", "pin", job_}).code, 0);
}

TEST_F(DetectionTest, CheckWarnsOfWhatReadersOfOldFilesRefuse) {
  WriteJob("json", ", schema: \"id bigint, day int\"", "format: json, partitionKeys: [day]");
  Arrive("a.json", "{\"id\": 1, \"day\": 5}\n");
  Run();
  EXPECT_EQ(Sluice({"check", job_}).err, "");
  WriteJob("json", ", schema: \"id double, ID int, day bigint\"",
           "format: json, partitionKeys: [day]");
  const Outcome check = Sluice({"check", job_});
  EXPECT_EQ(check.code, 0) << check.err;
  const std::string at = "warning: " + job_ + ":7:3: sink lake (files): ";
  const std::string first =
      at + "the columns 'id' and 'ID' differ only in case: most readers take them for one\n" + at +
      "the type of a column changes: id: bigint -> double; readers refuse the files written before "
      "beside new ones; cast it in the SQL, or write to another path\n";
  EXPECT_EQ(check.err.substr(0, first.size()), first);
  EXPECT_NE(check.err.find("the type of a partition key changes: day: int -> bigint; its folders "
                           "were written with the old one"),
            std::string::npos)
      << check.err;
}

}  // namespace
}  // namespace sluice
