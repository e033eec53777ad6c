/// Kills and failures at the failpoints of local_storage.h, in a child process each.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "storage/local/local_storage.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

const std::string kBytes = std::string(100'000, 'p') + "end";

std::unique_ptr<Storage> MustOpen(const std::string& root) {
  auto storage = OpenLocalStorage(root, true);
  EXPECT_TRUE(storage.ok()) << storage.error().message;
  return *std::move(storage);
}

StagedFile Part(int i) {
  StagedFile file;
  file.staged_name = "_staging/cid/" + std::to_string(i);
  file.final_name = "city=" + std::to_string(i) + "/part";
  return file;
}

/// What the child does: a slot, three staged files with their description, their publication.
Result<void> Work(Storage& storage) {
  TRY(storage.PutNew("log/1", kBytes));
  std::vector<StagedFile> files;
  for (int i = 0; i < 3; ++i) {
    TRY(auto writer, storage.Stage(Part(i).staged_name, Part(i).final_name));
    TRY(writer->Write(kBytes));
    TRY(StagedFile file, writer->Finish());
    files.push_back(file);
  }
  TRY(storage.PutNew("log/2", std::to_string(files[0].crc32c)));
  TRY(storage.Publish(files));
  TRY(storage.Publish(files));
  TRY(storage.ForgetStaged(files));
  TRY(storage.Publish(files));
  return {};
}

TEST(LocalStorageChild, DISABLED_Work) {
  auto done = Work(*MustOpen(std::getenv("STORAGE_ROOT")));
  if (!done.ok()) std::fprintf(stderr, "%s\n", ToString(done.error()).c_str());
  ::_exit(done.ok() ? 0 : 9);
}

class LocalStorageCrash : public testing::TestWithParam<const char*> {
 protected:
  LocalStorageCrash() {
    std::string pattern = (fs::temp_directory_path() / "local_crash_XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
  }
  ~LocalStorageCrash() override { fs::remove_all(root_); }

  /// The wait status of a child that works with `failpoints` armed.
  int RunChild(const std::string& failpoints) {
    ::pid_t pid = ::fork();
    if (pid == 0) {
      ::setenv("SLUICE_FAILPOINTS", failpoints.c_str(), 1);
      if (std::freopen("/dev/null", "w", stdout) == nullptr) ::_exit(126);
      ::setenv("STORAGE_ROOT", root_.c_str(), 1);
      ::execl("/proc/self/exe", "child", "--gtest_filter=LocalStorageChild.DISABLED_Work",
              "--gtest_also_run_disabled_tests", static_cast<char*>(nullptr));
      ::_exit(127);
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    return status;
  }

  std::string Content(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  /// Whatever has a visible name is whole; a decided set of files can be published, once.
  void CheckRecovers() {
    auto storage = MustOpen(root_.string());
    auto slot = storage->Read("log/1");
    ASSERT_TRUE(slot.ok());
    EXPECT_EQ(slot->value_or(kBytes), kBytes);
    EXPECT_TRUE(storage->PutNew("log/1", kBytes).ok());
    auto decided = storage->Read("log/2");
    ASSERT_TRUE(decided.ok());
    std::size_t visible = 0;
    for (const auto& entry : fs::recursive_directory_iterator(root_)) {
      if (entry.path().filename() != "part") continue;
      EXPECT_EQ(Content(entry.path()), kBytes);
      ++visible;
    }
    if (!decided->has_value()) {
      EXPECT_EQ(visible, 0u) << "nothing is visible before the decision";
      return;
    }
    for (int i = 0; i < 3; ++i) {
      StagedFile file = Part(i);
      file.size = static_cast<std::int64_t>(kBytes.size());
      file.crc32c = static_cast<std::uint32_t>(std::stoul(**decided));
      auto published = storage->Publish({file});
      ASSERT_TRUE(published.ok()) << published.error().message;
      EXPECT_TRUE(storage->DropStaged({file}).ok());
      EXPECT_EQ(Content(root_ / file.final_name), kBytes);
    }
    EXPECT_EQ(storage->List("")->size(), 5u);
  }

  fs::path root_;
};

TEST_P(LocalStorageCrash, KilledAtEachArrival) {
#ifndef SLUICE_FAILPOINTS
  GTEST_SKIP() << "SKIPPED: this build has no failpoints; use the failpoints or asan preset";
#endif
  int arrivals = 0;
  for (;; ++arrivals) {
    std::string armed = std::string(GetParam()) + ":" + std::to_string(arrivals + 1) + "=kill";
    SCOPED_TRACE(armed);
    int status = RunChild(armed);
    CheckRecovers();
    fs::remove_all(root_);
    if (!WIFSIGNALED(status)) {
      EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
      break;
    }
  }
  EXPECT_GT(arrivals, 0) << "the point is never reached";
}

INSTANTIATE_TEST_SUITE_P(Points, LocalStorageCrash, testing::Values("F1", "F2", "F3", "F4", "F5"));

class LocalStorageFailure : public LocalStorageCrash {};

TEST_P(LocalStorageFailure, FailedOnceAtEachCall) {
#ifndef SLUICE_FAILPOINTS
  GTEST_SKIP() << "SKIPPED: this build has no failpoints; use the failpoints or asan preset";
#endif
  int arrivals = 0;
  for (;; ++arrivals) {
    std::string armed = std::string(GetParam()) + ":" + std::to_string(arrivals + 1) + "=error";
    SCOPED_TRACE(armed);
    int status = RunChild(armed);
    ASSERT_TRUE(WIFEXITED(status)) << "an I/O error is reported, not a crash";
    CheckRecovers();
    fs::remove_all(root_);
    if (WEXITSTATUS(status) == 0) break;
    EXPECT_EQ(WEXITSTATUS(status), 9);
  }
  EXPECT_GT(arrivals, 0) << "the point is never reached";
}

INSTANTIATE_TEST_SUITE_P(Points, LocalStorageFailure, testing::Values("F7", "F8"));

}  // namespace
}  // namespace sluice
