#include "sink/console/console_sink.h"

#include <arrow/array.h>
#include <arrow/json/from_string.h>
#include <arrow/type.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <string>

namespace sluice {
namespace {

/// Columns id bigint, name string; ids from `first` on.
std::shared_ptr<arrow::RecordBatch> Rows(int first, int count, const std::string& name) {
  auto schema = ParseDdl("id bigint, name string");
  std::string ids, names;
  for (int i = 0; i < count; ++i) {
    ids += (i == 0 ? "" : ",") + std::to_string(first + i);
    names += (i == 0 ? "\"" : ",\"") + name + "\"";
  }
  auto id = arrow::json::ArrayFromJSONString(arrow::int64(), "[" + ids + "]");
  auto text = arrow::json::ArrayFromJSONString(arrow::utf8(), "[" + names + "]");
  return arrow::RecordBatch::Make(*schema, count, {*id, *text});
}

class ConsoleSinkTest : public testing::Test {
 protected:
  ConsoleSinkTest() {
    signal(SIGPIPE, SIG_IGN);
    EXPECT_EQ(::pipe(pipe_), 0);
    ::fcntl(pipe_[0], F_SETFL, O_NONBLOCK);
  }
  ~ConsoleSinkTest() override {
    ::close(pipe_[1]);
    CloseReader();
  }
  void CloseReader() {
    if (pipe_[0] >= 0) ::close(pipe_[0]);
    pipe_[0] = -1;
  }

  Result<std::unique_ptr<Sink>> Make(
      const std::vector<std::pair<std::string, std::string>>& options) {
    const SinkEntry entry = ConsoleSinkEntry(pipe_[1]);
    TRY(const Options parsed,
        ParseOptions(entry.options, RawOptionsFromPairs(options), "sink screen (console)"));
    SinkContext context;
    context.name = "screen";
    return entry.make(parsed, nullptr, context);
  }
  static Prepared Stage(Sink* sink, const std::vector<std::shared_ptr<arrow::RecordBatch>>& rows) {
    auto writer = sink->Open(7, {0, 1});
    EXPECT_TRUE(writer.ok());
    for (const auto& batch : rows) {
      auto refused = (*writer)->Write(batch);
      EXPECT_TRUE(refused.ok() && refused->empty());
    }
    auto prepared = (*writer)->Prepare();
    EXPECT_TRUE(prepared.ok());
    return *prepared;
  }
  std::string Printed() const {
    std::string out;
    char buffer[4096];
    for (ssize_t n = 0; (n = ::read(pipe_[0], buffer, sizeof buffer)) > 0;) {
      out.append(buffer, static_cast<std::size_t>(n));
    }
    return out;
  }

  int pipe_[2] = {-1, -1};
};

TEST_F(ConsoleSinkTest, PrintsTheFirstRowsAtItsCommitAndCountsAll) {
  auto sink = Make({{"numRows", "3"}});
  ASSERT_TRUE(sink.ok());
  EXPECT_TRUE((*sink)->Probe(0).ok());
  const Prepared prepared = Stage(
      sink->get(), {Rows(9, 2, "a"), Rows(11, 1498, "0123456789012345678901"), Rows(1, 1500, "c")});
  EXPECT_EQ(prepared.rows, 3000);
  EXPECT_EQ(Printed(), "");
  const std::string expected =
      "Epoch: 7, 3,000 rows (screen)\n"
      "id  name\n"
      "--  --------------------\n"
      " 9  a\n"
      "10  a\n"
      "11  0123456789012345678…\n"
      "only showing top 3 rows\n\n";
  ASSERT_TRUE((*sink)->Commit(7, prepared.token).ok());
  EXPECT_EQ(Printed(), expected);
  // As the next process does it, whatever the job says by then.
  auto next = Make({{"format", "json"}});
  ASSERT_TRUE((*next)->Commit(7, prepared.token).ok());
  EXPECT_EQ(Printed(), expected);
  EXPECT_TRUE((*sink)->Forget(7, prepared.token).ok());
}

TEST_F(ConsoleSinkTest, TruncateTakesSparksValuesAndAWidth) {
  const std::string name = "0123456789012345678901234";
  for (const auto& [truncate, shown] : std::vector<std::pair<std::string, std::string>>{
           {"true", "0123456789012345678…"}, {"FALSE", name}, {"4", "012…"}, {"25", name}}) {
    auto sink = Make({{"truncate", truncate}});
    ASSERT_TRUE(sink.ok());
    const Prepared prepared = Stage(sink->get(), {Rows(1, 1, name)});
    ASSERT_TRUE((*sink)->Commit(7, prepared.token).ok());
    const std::string printed = Printed();
    EXPECT_NE(printed.find("1 row (screen)\n"), std::string::npos) << printed;
    EXPECT_NE(printed.find(" 1  " + shown + "\n\n"), std::string::npos) << printed;
  }
  for (const char* wrong : {"0", "-1", "yes", "20 characters", "10001"}) {
    auto sink = Make({{"truncate", wrong}});
    ASSERT_FALSE(sink.ok()) << wrong;
    EXPECT_EQ(sink.error().code, "console.truncate");
    EXPECT_NE(sink.error().message.find("true, false, or a number of characters"),
              std::string::npos);
  }
}

TEST_F(ConsoleSinkTest, JsonIsOneObjectALineAndNothingElse) {
  auto sink = Make({{"format", "json"}, {"numRows", "2"}});
  ASSERT_TRUE(sink.ok());
  const Prepared prepared = Stage(sink->get(), {Rows(1, 5, "say \\\"hi\\\" to all that is long")});
  ASSERT_TRUE((*sink)->Commit(7, prepared.token).ok());
  EXPECT_EQ(Printed(),
            "{\"id\":1,\"name\":\"say \\\"hi\\\" to all that is long\"}\n"
            "{\"id\":2,\"name\":\"say \\\"hi\\\" to all that is long\"}\n");
}

TEST_F(ConsoleSinkTest, ATokenStaysSmall) {
  auto sink = Make({{"numRows", "10000"}, {"truncate", "false"}});
  const Prepared table = Stage(sink->get(), {Rows(1, 3, std::string(30'000, 'x'))});
  EXPECT_LT(table.token.size(), 66'000u);
  EXPECT_EQ(table.rows, 3);
  auto json = Make({{"numRows", "10000"}, {"format", "json"}});
  const Prepared lines = Stage(json->get(), {Rows(1, 10'000, "\\\"\\\"\\\"\\\"")});
  EXPECT_LT(lines.token.size(), 66'000u);
  EXPECT_EQ(lines.rows, 10'000);
}

TEST_F(ConsoleSinkTest, SaysWhyFewerRowsAreShown) {
  auto sink = Make({{"numRows", "3"}, {"truncate", "false"}});
  const Prepared prepared =
      Stage(sink->get(), {Rows(1, 1, "a"), Rows(2, 1, std::string(70'000, 'x')), Rows(3, 1, "c")});
  ASSERT_TRUE((*sink)->Commit(7, prepared.token).ok());
  EXPECT_EQ(Printed(),
            "Epoch: 7, 3 rows (screen)\nid  name\n--  ----\n 1  a\n"
            "only showing top 1 row: the next one has no room in 64 KiB\n\n");
  auto none = Make({{"numRows", "0"}});
  ASSERT_TRUE((*none)->Commit(7, Stage(none->get(), {Rows(1, 2, "a")}).token).ok());
  EXPECT_EQ(Printed(), "Epoch: 7, 2 rows (screen)\nonly showing top 0 rows\n\n");
}

TEST_F(ConsoleSinkTest, AReaderThatWentAwayIsAnErrorThatSaysSo) {
  auto sink = Make({});
  const Prepared prepared = Stage(sink->get(), {Rows(1, 1, "a")});
  CloseReader();
  for (const Result<void>& outcome : {(*sink)->Commit(7, prepared.token), (*sink)->Probe(0)}) {
    ASSERT_FALSE(outcome.ok());
    EXPECT_EQ(outcome.error().code, "console.closed");
    EXPECT_EQ(outcome.error().retry, Retry::kNo);
    EXPECT_NE(outcome.error().message.find("the reader of standard output went away"),
              std::string::npos);
  }
}

TEST_F(ConsoleSinkTest, ADescriptorThatCannotBeWrittenIsRefused) {
  const int read_only = ::open("/dev/null", O_RDONLY);
  const SinkEntry entry = ConsoleSinkEntry(read_only);
  auto options = ParseOptions(entry.options, {}, "sink");
  auto sink = entry.make(*options, nullptr, {});
  EXPECT_EQ((*sink)->Probe(0).error().code, "console.closed");
  ::close(read_only);
  EXPECT_EQ((*sink)->Probe(0).error().code, "console.closed");
}

TEST_F(ConsoleSinkTest, ATokenOfOthersIsRefused) {
  auto sink = Make({});
  for (const char* token :
       {"", "{}", R"({"format":1,"rows":1,"full":false})",
        R"({"format":1,"rows":1,"full":false,"width":20,"names":["a"],"right":[true],)"
        R"("cells":[["1","2"]]})"}) {
    auto outcome = (*sink)->Commit(7, token);
    ASSERT_FALSE(outcome.ok()) << token;
    EXPECT_EQ(outcome.error().blame, Blame::kBug);
  }
  EXPECT_EQ((*sink)->Commit(7, R"({"format":2})").error().code, "console.token_format");
  EXPECT_EQ(Printed(), "");
}

}  // namespace
}  // namespace sluice
