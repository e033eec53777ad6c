/// The files sink killed at every failpoint of the local storage, in a child process each.
#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "encode/json/json_encoder.h"
#include "sink/files/files_sink.h"
#include "storage/local/local_storage.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kRows = 300;

std::unique_ptr<Sink> MakeSink(const std::string& root) {
  static const auto& encoders = *[] {
    auto* all = new EncoderRegistry("format");
    all->Add(JsonEncoderEntry());
    return all;
  }();
  static const auto& storages = *[] {
    auto* all = new StorageRegistry("storage");
    all->Add(LocalStorageEntry());
    return all;
  }();
  static const SinkEntry& entry = *new SinkEntry(FilesSinkEntry(&encoders, &storages));
  auto options = *ParseOptions(
      entry.options,
      RawOptionsFromPairs(
          {{"path", root}, {"format", "json"}, {"partitionKeys", "k"}, {"targetFileSize", "2000"}}),
      "sink");
  SinkContext context;
  context.name = "lake";
  context.checkpoint_id = "0123456789abcdef0123456789abcdef";
  auto schema =
      arrow::schema({arrow::field("id", arrow::int64()), arrow::field("k", arrow::int64())});
  return *entry.make(options, schema, context);
}

/// One epoch as the engine runs it; `token` is the decision.
Result<void> RunEpoch(const std::string& base, AttemptId attempt) {
  auto sink = MakeSink(base + "/lake");
  TRY(auto log, OpenLocalStorage(base + "/log", true, LocalAccess::kOwnerOnly));
  TRY(auto decided, log->Read("decision"));
  if (!decided) {
    TRY(sink->Sweep(attempt, {}));
    TRY(auto writer, sink->Open(1, attempt));
    arrow::Int64Builder id;
    arrow::Int64Builder k;
    for (std::int64_t i = 0; i < kRows; ++i) {
      if (!id.Append(i).ok() || !k.Append(i % 2).ok()) return BugError("no memory");
    }
    TRY(writer->Write(arrow::RecordBatch::Make(
        arrow::schema({arrow::field("id", arrow::int64()), arrow::field("k", arrow::int64())}),
        kRows, {*id.Finish(), *k.Finish()})));
    TRY(Prepared prepared, writer->Prepare());
    TRY(log->PutNew("decision", prepared.token));
    decided = prepared.token;
  }
  TRY(sink->Commit(1, *decided));
  TRY(log->PutNew("commit", "done"));
  TRY(sink->Forget(1, *decided));
  return {};
}

TEST(FilesSinkChild, DISABLED_Run) {
  auto done = RunEpoch(std::getenv("SINK_BASE"), {std::atoll(std::getenv("SINK_WRITER")), 1});
  if (!done.ok()) std::fprintf(stderr, "%s\n", ToString(done.error()).c_str());
  ::_exit(done.ok() ? 0 : 9);
}

class FilesSinkCrash : public testing::TestWithParam<const char*> {
 protected:
  FilesSinkCrash() {
    std::string pattern = (fs::temp_directory_path() / "sink_crash_XXXXXX").string();
    base_ = ::mkdtemp(pattern.data());
  }
  ~FilesSinkCrash() override { fs::remove_all(base_); }

  int RunChild(const std::string& failpoints, int writer) {
    ::pid_t pid = ::fork();
    if (pid == 0) {
      if (std::freopen("/dev/null", "w", stdout) == nullptr) ::_exit(126);
      ::setenv("SLUICE_FAILPOINTS", failpoints.c_str(), 1);
      ::setenv("SINK_BASE", base_.c_str(), 1);
      ::setenv("SINK_WRITER", std::to_string(writer).c_str(), 1);
      ::execl("/proc/self/exe", "child", "--gtest_filter=FilesSinkChild.DISABLED_Run",
              "--gtest_also_run_disabled_tests", static_cast<char*>(nullptr));
      ::_exit(127);
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    return status;
  }

  void ExpectEachRowOnceAndNothingElse() {
    std::multiset<std::int64_t> ids;
    for (const auto& entry : fs::recursive_directory_iterator(base_ / "lake")) {
      if (!entry.is_regular_file()) continue;
      ASSERT_TRUE(entry.path().filename().string().starts_with("part-")) << entry.path();
      std::ifstream in(entry.path());
      for (std::string line; std::getline(in, line);) ids.insert(std::stoll(line.substr(6)));
    }
    EXPECT_EQ(ids.size(), static_cast<std::size_t>(kRows));
    for (std::int64_t i = 0; i < kRows; ++i) EXPECT_EQ(ids.count(i), 1u) << i;
  }

  fs::path base_;
};

TEST_P(FilesSinkCrash, EachRowIsVisibleOnceAfterRecovery) {
#ifndef SLUICE_FAILPOINTS
  GTEST_SKIP() << "SKIPPED: this build has no failpoints; use the failpoints or asan preset";
#endif
  int arrivals = 0;
  for (bool hit = true; hit; arrivals += hit) {
    std::string armed = std::string(GetParam());
    armed.insert(armed.find('='), ":" + std::to_string(arrivals + 1));
    SCOPED_TRACE(armed);
    int status = RunChild(armed, 1);
    hit = !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    // Recovery dies at its own first arrival, then runs through.
    if (hit) RunChild(GetParam(), 2);
    ASSERT_EQ(RunChild("", 3), 0);
    ExpectEachRowOnceAndNothingElse();
    ASSERT_EQ(RunChild("", 4), 0) << "a repeated recovery changes nothing";
    ExpectEachRowOnceAndNothingElse();
    fs::remove_all(base_ / "lake");
    fs::remove_all(base_ / "log");
  }
  EXPECT_GT(arrivals, 0) << "the point is never reached";
}

INSTANTIATE_TEST_SUITE_P(Points, FilesSinkCrash,
                         testing::Values("F1=kill", "F2=kill", "F3=kill", "F4=kill", "F7=error",
                                         "F8=error"));

}  // namespace
}  // namespace sluice
