/// Local storage on a disk whose power is cut before each of its changes.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "storage/local/disk.h"
#include "storage/local/local_storage.h"
#include "storage/testing/simulated_disk.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kImagesOfACut = 12;
const std::string kBytes = std::string(3'000, 'p') + "end";

StagedFile Part(int i) {
  StagedFile file;
  file.staged_name = "_staging/cid/" + std::to_string(i);
  file.final_name = "city=" + std::to_string(i) + "/part";
  return file;
}

/// Says that what comes before is durable, to whoever looks at the disk after a cut.
using Promise = std::function<void(const std::string&)>;

/// A slot, staged files, a slot that decides on them, and their publication.
Result<void> Work(Storage& storage, const Promise& promise) {
  TRY(storage.PutNew("log/1", kBytes));
  promise("slot");
  std::vector<StagedFile> files;
  for (int i = 0; i < 2; ++i) {
    TRY(auto writer, storage.Stage(Part(i).staged_name, Part(i).final_name));
    TRY(writer->Write(kBytes));
    TRY(StagedFile file, writer->Finish());
    files.push_back(file);
  }
  TRY(storage.PutNew("log/2", std::to_string(files[0].crc32c)));
  promise("decided");
  TRY(storage.Publish(files));
  promise("published");
  TRY(storage.ForgetStaged(files));
  storage.RemoveEmptyFolders("_staging/cid");
  return {};
}

class PowerCutTest : public testing::Test {
 protected:
  PowerCutTest() {
    std::string pattern = (fs::temp_directory_path() / "power_cut_XXXXXX").string();
    base_ = ::mkdtemp(pattern.data());
  }
  ~PowerCutTest() override { fs::remove_all(base_); }

  std::string root() const { return (base_ / "disk" / "deep" / "root").string(); }

  /// False once the work ends before the cut. What survived is then at root().
  bool RunUntil(std::int64_t change, std::uint64_t seed) {
    fs::remove_all(base_);
    fs::create_directories(base_ / "disk");
    ::pid_t child = ::fork();
    if (child == 0) {
      SimulatedDisk disk((base_ / "disk").string());
      disk.CutAt(change, seed, (base_ / "image").string());
      ReplaceDisk(&disk);
      auto storage = OpenLocalStorage(root(), true);
      auto promise = [&](const std::string& what) { fs::create_directory(base_ / what); };
      ::_exit(storage.ok() && Work(**storage, promise).ok() ? 0 : 9);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status));
    if (WEXITSTATUS(status) != SimulatedDisk::kPowerCut) {
      EXPECT_EQ(WEXITSTATUS(status), 0);
      return false;
    }
    fs::remove_all(base_ / "disk");
    fs::rename(base_ / "image", base_ / "disk");
    return true;
  }
  bool Promised(const char* what) const { return fs::exists(base_ / what); }

  fs::path base_;
};

TEST_F(PowerCutTest, WhatWasPromisedIsThereAndNothingIsTorn) {
  std::int64_t change = 1;
  for (bool cut = true; cut; ++change) {
    for (std::uint64_t seed = 0; cut && seed < kImagesOfACut; ++seed) {
      SCOPED_TRACE("change " + std::to_string(change) + ", seed " + std::to_string(seed));
      cut = RunUntil(change, seed);
      if (!cut) break;
      auto opened = OpenLocalStorage(root(), true);
      ASSERT_TRUE(opened.ok()) << opened.error().message;
      Storage& storage = **opened;
      auto slot = storage.Read("log/1");
      ASSERT_TRUE(slot.ok());
      EXPECT_EQ(slot->value_or(kBytes), kBytes) << "a slot under its name is whole";
      EXPECT_TRUE(slot->has_value() || !Promised("slot"));
      auto decided = storage.Read("log/2");
      ASSERT_TRUE(decided.ok());
      EXPECT_TRUE(decided->has_value() || !Promised("decided"));
      for (int i = 0; i < 2; ++i) {
        StagedFile file = Part(i);
        auto visible = storage.Read(file.final_name);
        ASSERT_TRUE(visible.ok());
        EXPECT_EQ(visible->value_or(kBytes), kBytes) << "a visible file is whole";
        EXPECT_TRUE(visible->has_value() || !Promised("published"));
        EXPECT_TRUE(decided->has_value() || !visible->has_value());
        if (!decided->has_value()) continue;
        file.size = static_cast<std::int64_t>(kBytes.size());
        file.crc32c = static_cast<std::uint32_t>(std::stoul(**decided));
        auto published = storage.Publish({file});
        ASSERT_TRUE(published.ok()) << published.error().message;
        EXPECT_EQ(**storage.Read(file.final_name), kBytes);
      }
      ASSERT_FALSE(HasFailure());
    }
  }
  EXPECT_GT(change, 30) << "there are more changes than that to cut at";
}

}  // namespace
}  // namespace sluice
