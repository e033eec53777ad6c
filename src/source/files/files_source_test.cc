#include "source/files/files_source.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "source/files/files_batch.h"
#include "source/files/files_position.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using Pairs = std::vector<std::pair<std::string, std::string>>;

constexpr std::int64_t kDay = 86'400;
constexpr std::int64_t kNow = 1'767'225'600;  // 2026-01-01, in seconds

class FilesSourceTest : public testing::Test {
 protected:
  FilesSourceTest() {
    std::string pattern = (fs::temp_directory_path() / "sluice_files_XXXXXX").string();
    root_ = mkdtemp(pattern.data());
    fs::create_directory(root_ / "in");
    fs::create_directory(root_ / "staging");
  }
  ~FilesSourceTest() override { fs::remove_all(root_); }

  fs::path In(const std::string& name) const { return root_ / "in" / name; }

  static void SetTime(const fs::path& path, std::int64_t seconds) {
    const timespec times[2] = {{seconds, 0}, {seconds, 0}};
    ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  }

  /// As a good producer does it: written elsewhere, then renamed.
  void Arrive(const std::string& name, const std::string& content, std::int64_t seconds = kNow) {
    const fs::path staged = root_ / "staging" / "file";
    std::ofstream(staged, std::ios::binary) << content;
    SetTime(staged, seconds);
    fs::rename(staged, In(name));
  }

  std::unique_ptr<Source> Make(Pairs options = {}) {
    options.emplace_back("path", (root_ / "in").string());
    const SourceEntry entry = FilesSourceEntry();
    auto parsed = ParseOptions(entry.options, RawOptionsFromPairs(options), "source in");
    EXPECT_TRUE(parsed.ok()) << ToString(parsed.error());
    SourceContext context;
    context.job = "job";
    context.name = "in";
    context.metrics = &metrics_;
    context.clock = clock_;
    auto source = entry.make(*parsed, context);
    EXPECT_TRUE(source.ok());
    return *std::move(source);
  }

  static Position Beginning(Source* source) {
    auto splits = source->ListSplits();
    EXPECT_TRUE(splits.ok());
    auto starts = source->ResolveStart(*splits, true);
    EXPECT_TRUE(starts.ok());
    return starts->at(0).position;
  }

  static Result<std::unique_ptr<SplitReader>> Open(Source* source, const Position& from) {
    TRY(Verified verified, source->Verify({{".", from, ""}}));
    return source->OpenReader(verified.starts);
  }

  /// A source and its reader, which goes first.
  struct Stream {
    std::unique_ptr<Source> source;
    std::unique_ptr<SplitReader> reader;
    Position position;
  };
  Stream Start(const Pairs& options = {}, const Position& from = "") {
    Stream stream;
    stream.source = Make(options);
    stream.position = from.empty() ? Beginning(stream.source.get()) : from;
    auto reader = Open(stream.source.get(), stream.position);
    EXPECT_TRUE(reader.ok()) << ToString(reader.error());
    if (reader.ok()) stream.reader = *std::move(reader);
    return stream;
  }

  /// All records that are there now; the stream's position moves behind them.
  static std::vector<std::string> ReadAll(Stream* stream, ReadLimits limits = {}) {
    limits.wait = milliseconds(0);
    std::vector<std::string> records;
    for (;;) {
      auto batch = stream->reader->Read(limits);
      EXPECT_TRUE(batch.ok()) << ToString(batch.error());
      if (!batch.ok() || *batch == nullptr) return records;
      EXPECT_EQ((*batch)->ranges.size(), 1u);
      EXPECT_EQ((*batch)->ranges[0].from, stream->position);
      EXPECT_LT(stream->source->ComparePositions(stream->position, (*batch)->ranges[0].to), 0);
      stream->position = (*batch)->ranges[0].to;
      for (const RawRecord& record : (*batch)->records) records.emplace_back(record.view());
    }
  }

  static Error ReadError(Stream* stream) {
    ReadLimits limits;
    limits.wait = milliseconds(0);
    for (;;) {
      auto batch = stream->reader->Read(limits);
      if (!batch.ok()) return batch.error();
      if (*batch == nullptr) return BugError("no error");
    }
  }

  fs::path root_;
  Metrics metrics_;
  const Clock* clock_ = &Clock::System();
};

/// A minute ahead of the files, which in a test are as new as the listing that finds them.
class LaterClock final : public Clock {
 public:
  std::int64_t WallMicros() const override { return System().WallMicros() + 60'000'000; }
  std::int64_t MonotonicMicros() const override { return System().MonotonicMicros(); }
};

using Records = std::vector<std::string>;

TEST_F(FilesSourceTest, LinesAreRecordsWithTheirOrigin) {
  Arrive("a.json", "one\r\n\ntwo\n   \nlast");
  Stream stream = Start();
  ReadLimits limits;
  auto batch = stream.reader->Read(limits);
  ASSERT_TRUE(batch.ok());
  Records records;
  for (const RawRecord& record : (*batch)->records) records.emplace_back(record.view());
  EXPECT_EQ(records, (Records{"one", "two", "   ", "last"}));
  EXPECT_EQ((*batch)->Origin(0),
            R"({"path":")" + In("a.json").string() + R"(","line":1,"byte":0})");
  EXPECT_EQ((*batch)->Origin(1),
            R"({"path":")" + In("a.json").string() + R"(","line":3,"byte":6})");
  EXPECT_EQ((*batch)->records[0].timestamp, kNow * 1'000'000);
  EXPECT_EQ((*batch)->bytes, 3u + 3 + 3 + 4);
}

TEST_F(FilesSourceTest, OldestFileFirstThenByName) {
  Arrive("a", "newest\n", kNow + 2);
  Arrive("c", "second\n", kNow + 1);
  Arrive("b", "first\n", kNow + 1);
  Stream stream = Start();
  EXPECT_EQ(ReadAll(&stream), (Records{"first", "second", "newest"}));
}

TEST_F(FilesSourceTest, WholeFilesAreRecordsEmptyOnesToo) {
  Arrive("a", "one\ntwo\n", kNow);
  Arrive("b", "", kNow + 1);
  Stream stream = Start({{"wholetext", "true"}});
  EXPECT_EQ(ReadAll(&stream), (Records{"one\ntwo\n", ""}));
}

TEST_F(FilesSourceTest, HiddenFilesAreIgnored) {
  Arrive("_SUCCESS", "x\n");
  Arrive(".part", "x\n");
  Arrive("seen", "y\n");
  Stream stream = Start();
  EXPECT_EQ(ReadAll(&stream), (Records{"y"}));
}

TEST_F(FilesSourceTest, GlobAndRecursionChooseFiles) {
  fs::create_directories(In("day/hour"));
  fs::create_directories(In("_staging"));
  Arrive("a.json", "a\n", kNow);
  Arrive("b.txt", "b\n", kNow + 1);
  Arrive("day/c.json", "c\n", kNow + 2);
  Arrive("day/hour/d.json", "d\n", kNow + 3);
  Arrive("_staging/e.json", "e\n", kNow + 4);
  Stream flat = Start({{"pathGlobFilter", "*.json"}});
  EXPECT_EQ(ReadAll(&flat), (Records{"a"}));
  Stream deep = Start({{"pathGlobFilter", "*.json"}, {"recursiveFileLookup", "true"}});
  EXPECT_EQ(ReadAll(&deep), (Records{"a", "c", "d"}));
}

TEST_F(FilesSourceTest, APatternThatIsNotWholeIsRefused) {
  auto make = [this](const char* pattern) {
    const SourceEntry entry = FilesSourceEntry();
    auto options = ParseOptions(
        entry.options,
        RawOptionsFromPairs({{"path", (root_ / "in").string()}, {"pathGlobFilter", pattern}}),
        "source files");
    return entry.make(*options, {});
  };
  for (const char* whole :
       {"*", "[ab]*", "[]a]", "[!]a]", "\\[a", "[[:digit:]]x", "a]", "[a\\]b]", "x\\\\"}) {
    EXPECT_TRUE(make(whole).ok()) << whole;
  }
  for (const char* broken : {"[a", "x[", "[]", "[[:digit:]", "[a\\]", "x\\", "[a][b"}) {
    auto made = make(broken);
    ASSERT_FALSE(made.ok()) << broken;
    EXPECT_EQ(made.error().code, "files.glob");
    EXPECT_EQ(ExitCode(made.error()), 2);
  }
}

TEST_F(FilesSourceTest, WaitingReaderSeesARenamedFileAtOnce) {
  Stream stream = Start({{"pollInterval", "1 hour"}});
  EXPECT_TRUE(ReadAll(&stream).empty());
  std::thread producer([this] { Arrive("late.json", "x\n"); });
  ReadLimits limits;
  limits.wait = milliseconds(60'000);
  const auto start = steady_clock::now();
  auto batch = stream.reader->Read(limits);
  producer.join();
  ASSERT_TRUE(batch.ok());
  ASSERT_NE(*batch, nullptr);
  EXPECT_EQ((*batch)->records[0].view(), "x");
  EXPECT_LT(steady_clock::now() - start, std::chrono::seconds(30));
}

TEST_F(FilesSourceTest, FilesThatArriveWhileReadingComeAfterwards) {
  for (int i = 0; i < 10; ++i) Arrive("a" + std::to_string(i), "old\nold\n", kNow + i);
  Stream stream = Start({{"pollInterval", "1 hour"}});
  ReadLimits one;
  one.records = 1;
  auto batch = stream.reader->Read(one);
  ASSERT_TRUE(batch.ok());
  stream.position = (*batch)->ranges[0].to;
  Arrive("early", "new\n", kNow - 5);
  Records expected(19, "old");
  expected.emplace_back("new");
  EXPECT_EQ(ReadAll(&stream, one), expected);
}

TEST_F(FilesSourceTest, FilesThatArriveByHardLinkAreSeen) {
  Stream stream = Start({{"pollInterval", "1 hour"}});
  EXPECT_TRUE(ReadAll(&stream).empty());
  std::ofstream(root_ / "staging" / "file") << "linked\n";
  fs::create_hard_link(root_ / "staging" / "file", In("linked"));
  EXPECT_EQ(ReadAll(&stream), (Records{"linked"}));
}

TEST_F(FilesSourceTest, FilesInANewFolderAreSeen) {
  Stream stream = Start({{"pollInterval", "1 hour"}, {"recursiveFileLookup", "true"}});
  EXPECT_TRUE(ReadAll(&stream).empty());
  fs::create_directory(In("new"));
  Arrive("new/a", "a\n");
  EXPECT_EQ(ReadAll(&stream), (Records{"a"}));
  Arrive("new/b", "b\n");
  EXPECT_EQ(ReadAll(&stream), (Records{"b"}));
}

TEST_F(FilesSourceTest, WithoutEventsThePollIntervalFindsFiles) {
  Stream stream = Start({{"pollInterval", "1 ms"}});
  EXPECT_TRUE(ReadAll(&stream).empty());
  Arrive("a", "a\n");
  EXPECT_EQ(ReadAll(&stream), (Records{"a"}));
}

TEST_F(FilesSourceTest, WakeEndsAWait) {
  Stream stream = Start();
  std::thread waker([&stream] { stream.reader->Wake(); });
  ReadLimits limits;
  limits.wait = milliseconds(60'000);
  const auto start = steady_clock::now();
  auto batch = stream.reader->Read(limits);
  waker.join();
  ASSERT_TRUE(batch.ok());
  EXPECT_EQ(*batch, nullptr);
  EXPECT_LT(steady_clock::now() - start, std::chrono::seconds(30));
}

// Restarts at every position that reading one record at a time gives: nothing lost, nothing
// doubled.
TEST_F(FilesSourceTest, RestartAtAnyPositionGivesTheRest) {
  Arrive("a", "a1\na2\n\na3", kNow);
  Arrive("b", "", kNow + 1);
  Arrive("c", "c1\nc2\n", kNow + 2);
  const Records all = {"a1", "a2", "a3", "c1", "c2"};
  ReadLimits one;
  one.records = 1;
  Stream stream = Start();
  for (std::size_t read = 0; read <= all.size(); ++read) {
    Stream again = Start({}, stream.position);
    EXPECT_EQ(ReadAll(&again), Records(all.begin() + static_cast<std::ptrdiff_t>(read), all.end()));
    auto batch = stream.reader->Read(one);
    ASSERT_TRUE(batch.ok());
    if (read < all.size()) stream.position = (*batch)->ranges[0].to;
  }
}

TEST_F(FilesSourceTest, SeekBackGivesTheSameRecordsEvenWithNewcomers) {
  Arrive("b", "b1\nb2\n", kNow);
  Arrive("c", "c1\n", kNow + 1);
  Stream stream = Start();
  ReadLimits one;
  one.records = 1;
  auto batch = stream.reader->Read(one);
  ASSERT_TRUE(batch.ok());
  const Position middle = stream.position = (*batch)->ranges[0].to;
  EXPECT_EQ(ReadAll(&stream), (Records{"b2", "c1"}));
  Arrive("a", "a1\n", kNow - 1);
  ASSERT_TRUE(stream.reader->Seek(".", middle).ok());
  stream.position = middle;
  EXPECT_EQ(ReadAll(&stream), (Records{"b2", "c1", "a1"}));
}

TEST_F(FilesSourceTest, SeekBackAfterCommitStillWorks) {
  Arrive("a", "a\n", kNow);
  Stream stream = Start();
  EXPECT_EQ(ReadAll(&stream), (Records{"a"}));
  stream.source->Committed({{".", stream.position, ""}});
  Arrive("b", "b\n", kNow + 1);
  const Position committed = stream.position;
  EXPECT_EQ(ReadAll(&stream), (Records{"b"}));
  ASSERT_TRUE(stream.reader->Seek(".", committed).ok());
  stream.position = committed;
  EXPECT_EQ(ReadAll(&stream), (Records{"b"}));
}

TEST_F(FilesSourceTest, ChangedFileStopsTheJob) {
  Arrive("a", "a\n");
  Stream stream = Start({{"pollInterval", "1 hour"}});
  EXPECT_EQ(ReadAll(&stream), (Records{"a"}));
  std::ofstream(In("a"), std::ios::app) << "more\n";
  const Error error = ReadError(&stream);
  EXPECT_EQ(error.code, "files.changed");
  EXPECT_EQ(ExitCode(error), 1);
  EXPECT_NE(error.message.find("with its old modification time (cp -p)"), std::string::npos);
  EXPECT_EQ(error.retry, Retry::kNo);
  EXPECT_NE(error.message.find(In("a").string()), std::string::npos);
}

TEST_F(FilesSourceTest, FileReplacedByRenameStopsTheJobAfterCommitToo) {
  Arrive("a", "a\n", kNow);
  Stream stream = Start();
  EXPECT_EQ(ReadAll(&stream), (Records{"a"}));
  stream.source->Committed({{".", stream.position, ""}});
  Arrive("a", "b\n", kNow + 1);
  EXPECT_EQ(ReadError(&stream).code, "files.changed");
}

TEST_F(FilesSourceTest, FileChangedWhileTheJobWasDownStopsIt) {
  Arrive("a", "a\n", kNow);
  Position position;
  {
    Stream stream = Start();
    EXPECT_EQ(ReadAll(&stream), (Records{"a"}));
    position = stream.position;
  }
  Arrive("a", "longer\n", kNow + 1);
  auto source = Make();
  auto reader = Open(source.get(), position);
  ASSERT_FALSE(reader.ok());
  EXPECT_EQ(reader.error().code, "files.changed");
}

TEST_F(FilesSourceTest, SameNameAndContentAgainIsNoNewFile) {
  Arrive("a", "a\n", kNow);
  Stream stream = Start();
  EXPECT_EQ(ReadAll(&stream), (Records{"a"}));
  fs::remove(In("a"));
  EXPECT_TRUE(ReadAll(&stream).empty());
  Arrive("a", "a\n", kNow);
  EXPECT_TRUE(ReadAll(&stream).empty());
}

TEST_F(FilesSourceTest, FileTruncatedWhileReadingStopsTheJob) {
  Arrive("a", "one\ntwo\nthree\n");
  Stream stream = Start();
  ReadLimits one;
  one.records = 1;
  ASSERT_TRUE(stream.reader->Read(one).ok());
  ASSERT_EQ(truncate(In("a").c_str(), 5), 0);
  EXPECT_EQ(ReadError(&stream).code, "files.changed");
}

TEST_F(FilesSourceTest, FileTruncatedWhileTheJobWasDownStopsIt) {
  Arrive("a", "one\ntwo\nthree\n");
  Stream stream = Start();
  ReadLimits one;
  one.records = 1;
  auto batch = stream.reader->Read(one);
  ASSERT_TRUE(batch.ok());
  ASSERT_EQ(truncate(In("a").c_str(), 5), 0);
  auto source = Make();
  auto verified = source->Verify({{".", (*batch)->ranges[0].to, ""}});
  ASSERT_FALSE(verified.ok());
  EXPECT_EQ(verified.error().code, "files.changed");
  EXPECT_NE(verified.error().message.find("4 of its 14 bytes"), std::string::npos)
      << verified.error().message;
}

TEST_F(FilesSourceTest, HalfReadFileThatIsGoneIsAnErrorOrCountedLoss) {
  Arrive("a", "a1\na2\na3\n", kNow);
  Arrive("b", "b1\n", kNow + 1);
  Position position;
  {
    Stream stream = Start();
    ReadLimits one;
    one.records = 1;
    auto batch = stream.reader->Read(one);
    ASSERT_TRUE(batch.ok());
    position = (*batch)->ranges[0].to;
  }
  fs::remove(In("a"));
  auto strict = Make()->Verify({{".", position, ""}});
  ASSERT_FALSE(strict.ok());
  EXPECT_EQ(strict.error().code, "files.missing");

  auto source = Make({{"failOnDataLoss", "false"}});
  auto verified = source->Verify({{".", position, ""}});
  ASSERT_TRUE(verified.ok());
  ASSERT_EQ(verified->losses.size(), 1u);
  EXPECT_GE(verified->losses[0].records, 1);
  Stream rest = Start({}, verified->starts[0].position);
  EXPECT_EQ(ReadAll(&rest), (Records{"b1"}));
}

TEST_F(FilesSourceTest, FileGoneBeforeItIsReadIsSkippedAndTheEndIsReached) {
  Arrive("a", "a\n", kNow);
  Arrive("b", "b\n", kNow + 1);
  Stream stream = Start();
  auto ends = stream.source->Ends({"."});
  ASSERT_TRUE(ends.ok());
  fs::remove(In("a"));
  fs::remove(In("b"));
  EXPECT_TRUE(ReadAll(&stream).empty());
  EXPECT_EQ(stream.source->ComparePositions(stream.position, ends->at(".")), 0);
}

TEST_F(FilesSourceTest, EndIsReachedOnceAllFilesPresentThenAreRead) {
  Arrive("b", "b\n", kNow);
  Arrive("c", "c\n", kNow + 1);
  Stream stream = Start();
  auto ends = stream.source->Ends({"."});
  ASSERT_TRUE(ends.ok());
  Arrive("a", "a\n", kNow - 10);  // older, but later to come
  ReadLimits one;
  one.records = 1;
  Records before_end;
  while (stream.source->ComparePositions(stream.position, ends->at(".")) < 0) {
    auto batch = stream.reader->Read(one);
    ASSERT_TRUE(batch.ok());
    ASSERT_NE(*batch, nullptr);
    for (const RawRecord& record : (*batch)->records) before_end.emplace_back(record.view());
    stream.position = (*batch)->ranges[0].to;
  }
  EXPECT_EQ(before_end, (Records{"b", "c"}));
}

TEST_F(FilesSourceTest, DistanceIsFilesOrAnEstimateOfLines) {
  for (int i = 0; i < 4; ++i) Arrive("f" + std::to_string(i), "0123456\n0123456\n", kNow + i);
  Stream whole = Start({{"wholetext", "true"}});
  auto ends = whole.source->Ends({"."});
  ASSERT_TRUE(ends.ok());
  EXPECT_EQ(whole.source->Distance(whole.position, ends->at(".")), 4);

  Stream lines = Start();
  const Position start = lines.position;
  ends = lines.source->Ends({"."});
  ASSERT_TRUE(ends.ok());
  EXPECT_GE(lines.source->Distance(start, ends->at(".")), 1);
  EXPECT_EQ(ReadAll(&lines).size(), 8u);
  EXPECT_EQ(lines.source->Distance(start, lines.position), 8);
  EXPECT_EQ(lines.source->Distance(lines.position, ends->at(".")), 0);
}

TEST_F(FilesSourceTest, NewcomerOlderThanTheHorizonIsReportedNotRead) {
  Arrive("new", "new\n", kNow);
  Stream stream = Start({{"maxFileAge", "1 day"}});
  EXPECT_EQ(ReadAll(&stream), (Records{"new"}));
  Arrive("within", "within\n", kNow - kDay + 60);
  Arrive("old", "old\n", kNow - 2 * kDay);
  EXPECT_EQ(ReadAll(&stream), (Records{"within"}));
  EXPECT_NE(
      metrics_.ToText().find("sluice_source_files_too_old_total{job=\"job\",source=\"in\"} 1"),
      std::string::npos)
      << metrics_.ToText();
}

TEST_F(FilesSourceTest, OldFilesInAFolderThatIsMovedInAreReported) {
  const LaterClock later;
  clock_ = &later;
  fs::create_directories(root_ / "staging" / "day" / "hour");
  const fs::path inner = root_ / "staging" / "day" / "hour" / "old";
  std::ofstream(inner) << "old\n";
  SetTime(inner, kNow - 30 * kDay);
  Arrive("first", "first\n", kNow);
  Arrive("forgotten", "forgotten\n", kNow - 20 * kDay);
  Stream stream = Start({{"recursiveFileLookup", "true"}});
  EXPECT_EQ(ReadAll(&stream).size(), 2u);
  // A renamed folder leaves the times of what is in it alone.
  fs::rename(root_ / "staging" / "day", In("day"));
  Arrive("second", "second\n", kNow);
  EXPECT_EQ(ReadAll(&stream), (Records{"second"}));
  EXPECT_TRUE(ReadAll(&stream).empty());
  EXPECT_NE(
      metrics_.ToText().find("sluice_source_files_too_old_total{job=\"job\",source=\"in\"} 1"),
      std::string::npos)
      << metrics_.ToText();
}

TEST_F(FilesSourceTest, APositionIsOfOneFolder) {
  Arrive("a", "1\n", kNow - 30 * kDay);
  Arrive("b", "2\n", kNow);
  Stream stream = Start();
  EXPECT_EQ(ReadAll(&stream).size(), 2u);
  const auto splits = stream.source->ListSplits();
  ASSERT_TRUE(splits.ok());
  const SplitStart start{".", stream.position, splits->at(0).identity};
  ASSERT_FALSE(start.identity.empty());
  const auto verify = [&](const fs::path& path) {
    const SourceEntry entry = FilesSourceEntry();
    auto parsed = ParseOptions(entry.options, RawOptionsFromPairs({{"path", path.string()}}), "");
    return (*entry.make(*parsed, SourceContext()))->Verify({start});
  };
  fs::create_directory(root_ / "bär%");
  auto verified = verify(root_ / "bär%");
  ASSERT_FALSE(verified.ok());
  EXPECT_EQ(verified.error().code, "files.other_folder");
  EXPECT_EQ(verified.error().blame, Blame::kUser);
  for (const std::string& said : {(root_ / "in").string(), (root_ / "bär%").string()}) {
    EXPECT_NE(verified.error().message.find(said), std::string::npos) << verified.error().message;
  }
  // The same folder under another name, what lies under the same name, and one never remembered.
  fs::rename(root_ / "in", root_ / "renamed");
  verified = verify(root_ / "renamed");
  ASSERT_TRUE(verified.ok()) << ToString(verified.error());
  EXPECT_NE(verified->starts[0].identity, start.identity);
  fs::create_directory(root_ / "in");
  EXPECT_TRUE(verify(root_ / "staging" / ".." / "in/").ok());
  Stream nameless = Start({}, stream.position);
  EXPECT_NE(nameless.reader, nullptr);
}

TEST_F(FilesSourceTest, FirstListingReadsFilesOfAnyAgeAndForgetsOldOnes) {
  const LaterClock later;
  clock_ = &later;
  for (int day = 0; day < 30; ++day) {
    Arrive("f" + std::to_string(day), std::to_string(day) + "\n", kNow - day * kDay);
  }
  Stream stream = Start();
  EXPECT_EQ(ReadAll(&stream).size(), 30u);
  auto position = FilesPosition::Parse(stream.position);
  ASSERT_TRUE(position.ok());
  EXPECT_EQ(position->horizon, (kNow - 7 * kDay) * 1'000'000'000);
  auto marks = position->Marks();
  ASSERT_TRUE(marks.ok());
  EXPECT_GE(marks->size(), 7u);
  EXPECT_LE(marks->size(), 9u);
  // What was forgotten is too old to be new.
  Stream again = Start({}, stream.position);
  EXPECT_TRUE(ReadAll(&again).empty());
  EXPECT_NE(
      metrics_.ToText().find("sluice_source_files_too_old_total{job=\"job\",source=\"in\"} 0"),
      std::string::npos);
}

TEST_F(FilesSourceTest, HorizonWaitsForOlderFilesInTheQueue) {
  Arrive("new", "new\n", kNow);
  Stream stream = Start({{"maxFileAge", "1 day"}});
  EXPECT_EQ(ReadAll(&stream), (Records{"new"}));
  // Found together with a file that will move the horizon past it, were it read first.
  Arrive("edge", "edge\n", kNow - kDay + 1);
  auto ends = stream.source->Ends({"."});
  Arrive("newer", "newer\n", kNow + kDay);
  ReadLimits one;
  one.records = 1;
  auto batch = stream.reader->Read(one);
  ASSERT_TRUE(batch.ok());
  Stream again = Start({{"maxFileAge", "1 day"}}, stream.position);
  EXPECT_EQ(ReadAll(&again), (Records{"edge", "newer"}));
}

TEST_F(FilesSourceTest, LineOverTheCapIsOneOversizedRecord) {
  const std::string longest(kMaxFileRecord + 100'000, 'x');
  Arrive("a", "before\n" + longest + "\nafter\n" + longest);
  Stream stream = Start();
  ReadLimits limits;
  limits.bytes = 100u << 20;
  auto batch = stream.reader->Read(limits);
  ASSERT_TRUE(batch.ok());
  ASSERT_EQ((*batch)->records.size(), 4u);
  EXPECT_EQ((*batch)->records[0].view(), "before");
  EXPECT_EQ((*batch)->records[1].size, kMaxFileRecord + 1);
  EXPECT_EQ((*batch)->records[2].view(), "after");
  EXPECT_EQ((*batch)->records[3].size, kMaxFileRecord + 1);
  const std::string tail = ",\"length\":" + std::to_string(longest.size()) + "}";
  EXPECT_NE((*batch)->Origin(1).find("\"line\":2,\"byte\":7" + tail), std::string::npos)
      << (*batch)->Origin(1);
  EXPECT_NE((*batch)->Origin(3).find(tail), std::string::npos);
}

TEST_F(FilesSourceTest, LongLinesWithinTheCapAreWhole) {
  Records lines;
  std::string content;
  for (int i = 0; i < 40; ++i) {
    lines.emplace_back(static_cast<std::size_t>(i) * 20'011, static_cast<char>('a' + i % 26));
    content += lines.back() + "\n";
  }
  lines.erase(lines.begin());  // the empty line is no record
  Arrive("a", content);
  Stream stream = Start();
  EXPECT_EQ(ReadAll(&stream), lines);
}

TEST_F(FilesSourceTest, CompressedFileByLinesIsRefused) {
  Arrive("a.json.gz", "\x1f\x8b");
  Stream stream = Start();
  const Error error = ReadError(&stream);
  EXPECT_EQ(error.code, "files.compressed");
  EXPECT_NE(error.message.find("wholetext"), std::string::npos);
}

TEST_F(FilesSourceTest, NamesThatAreNoUtf8Survive) {
  Arrive(
      "a\xff"
      "b",
      "one\ntwo\n");
  Stream stream = Start();
  ReadLimits one;
  one.records = 1;
  auto batch = stream.reader->Read(one);
  ASSERT_TRUE(batch.ok());
  EXPECT_NE((*batch)->Origin(0).find("a\xef\xbf\xbd"
                                     "b"),
            std::string::npos);
  Stream again = Start({}, (*batch)->ranges[0].to);
  EXPECT_EQ(ReadAll(&again), (Records{"two"}));
}

TEST_F(FilesSourceTest, MissingFolderAndForeignPositionAreTheUsersMistakes) {
  fs::remove_all(root_ / "in");
  auto splits = Make()->ListSplits();
  ASSERT_FALSE(splits.ok());
  EXPECT_EQ(splits.error().code, "files.no_folder");
  EXPECT_EQ(splits.error().blame, Blame::kUser);
  for (const char* foreign : {"", "42", "{}", R"({"files":-1})", R"({"files":1,"byte":"x"})"}) {
    auto verified = Make()->Verify({{".", foreign, ""}});
    ASSERT_FALSE(verified.ok()) << foreign;
    EXPECT_EQ(verified.error().code, "files.position");
  }
}

TEST(FilesPositionTest, HundredThousandFilesTakeSixteenBytesEach) {
  FilesPosition position;
  const std::int64_t max_age = 7 * kDay * 1'000'000'000;
  for (int i = 0; i < 100'000; ++i) {
    FileStamp file;
    file.name = "part-" + std::to_string(i);
    file.size = i;
    file.mtime = (kNow + i * 6) * 1'000'000'000;  // just within the age
    position.Finish(file, max_age, file.mtime);
  }
  const std::string text = position.ToText();
  EXPECT_LT(text.size(), 1'610'000u);
  auto parsed = FilesPosition::Parse(text);
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->ToText(), text);
  auto marks = parsed->Marks();
  ASSERT_TRUE(marks.ok());
  EXPECT_EQ(marks->size(), 100'000u);
}

TEST(FilesPositionTest, OrderIsByFilesThenByte) {
  FilesPosition a;
  a.files = 9;
  a.byte = 100;
  FilesPosition b;
  b.files = 10;
  EXPECT_LT(
      Compare(FilesPosition::ParseNumbers(a.ToText()), FilesPosition::ParseNumbers(b.ToText())), 0);
  b.files = 9;
  EXPECT_GT(Compare(a, b), 0);
  b.byte = 100;
  EXPECT_EQ(Compare(a, b), 0);
}

}  // namespace
}  // namespace sluice
