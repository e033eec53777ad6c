#include "storage/testing/simulated_disk.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "storage/local/file_error.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

constexpr int kImages = 300;

class SimulatedDiskTest : public testing::Test {
 protected:
  SimulatedDiskTest() {
    std::string pattern = (fs::temp_directory_path() / "simulated_disk_XXXXXX").string();
    base_ = ::mkdtemp(pattern.data());
    fs::create_directory(base_ / "root");
    std::ofstream(base_ / "root" / "old") << "before";
    disk_ = std::make_unique<SimulatedDisk>((base_ / "root").string());
    root_ = FileDescriptor(::open((base_ / "root").c_str(), O_RDONLY | O_DIRECTORY));
  }
  ~SimulatedDiskTest() override { fs::remove_all(base_); }

  FileDescriptor Create(const char* name) {
    return FileDescriptor(disk_->Create(root_.get(), name, O_WRONLY | O_CREAT, 0600));
  }
  void Write(const FileDescriptor& file, const std::string& bytes) {
    ASSERT_EQ(disk_->Write(file.get(), bytes.data(), bytes.size()),
              static_cast<::ssize_t>(bytes.size()));
  }
  /// What `path` holds in each of many images; "absent" if it is not there.
  std::set<std::string> Contents(const std::string& path) {
    std::set<std::string> contents;
    for (int seed = 0; seed < kImages; ++seed) {
      const fs::path image = base_ / "image";
      disk_->WriteImage(static_cast<std::uint64_t>(seed), image.string());
      std::ifstream in(image / path, std::ios::binary);
      contents.insert(in ? std::string(std::istreambuf_iterator<char>(in), {}) : "absent");
      fs::remove_all(image);
    }
    return contents;
  }
  using Set = std::set<std::string>;

  fs::path base_;
  std::unique_ptr<SimulatedDisk> disk_;
  FileDescriptor root_;
};

TEST_F(SimulatedDiskTest, WhatWasThereBeforeStays) { EXPECT_EQ(Contents("old"), Set{"before"}); }

TEST_F(SimulatedDiskTest, BytesAreDurableOnceTheFileIsSyncedAndANameOnceItsFolderIs) {
  FileDescriptor file = Create("new");
  Write(file, "abc");
  EXPECT_EQ(Contents("new"), (Set{"absent", "", "abc", std::string(3, '\0')}));
  disk_->Sync(file.get());
  EXPECT_EQ(Contents("new"), (Set{"absent", "abc"}));
  disk_->Sync(root_.get());
  EXPECT_EQ(Contents("new"), Set{"abc"});
  Write(file, "d");
  EXPECT_EQ(Contents("new"), (Set{"abc", std::string("abc\0", 4), "abcd"}));
}

TEST_F(SimulatedDiskTest, ASyncedNameOfAnUnsyncedFileMayBeEmpty) {
  FileDescriptor file = Create("new");
  Write(file, "abc");
  disk_->Sync(root_.get());
  EXPECT_EQ(Contents("new"), (Set{"", "abc", std::string(3, '\0')}));
}

TEST_F(SimulatedDiskTest, SectorsAreLostOneByOne) {
  FileDescriptor file = Create("new");
  Write(file, std::string(512, 'a') + std::string(512, 'b'));
  disk_->Sync(root_.get());
  Set contents = Contents("new");
  EXPECT_TRUE(contents.contains(std::string(512, 'a') + std::string(512, '\0')));
  EXPECT_TRUE(contents.contains(std::string(512, '\0') + std::string(512, 'b')));
}

TEST_F(SimulatedDiskTest, AFileWrittenAnewIsTorn) {
  FileDescriptor file = Create("old");
  Write(file, "NOW");
  disk_->Truncate(file.get(), 3);
  Set contents = Contents("old");
  for (const char* one : {"before", "NOW", "NOWore", "bef"}) {
    EXPECT_TRUE(contents.contains(one)) << one;
  }
  disk_->Sync(file.get());
  EXPECT_EQ(Contents("old"), Set{"NOW"});
}

TEST_F(SimulatedDiskTest, ARemovedNameMayComeBack) {
  ASSERT_EQ(disk_->Unlink(root_.get(), "old", 0), 0);
  EXPECT_EQ(Contents("old"), (Set{"absent", "before"}));
  disk_->Sync(root_.get());
  EXPECT_EQ(Contents("old"), Set{"absent"});
}

TEST_F(SimulatedDiskTest, AFolderNeedsItsParentSynced) {
  ASSERT_EQ(disk_->MakeFolder(root_.get(), "folder", 0700), 0);
  FileDescriptor folder(::openat(root_.get(), "folder", O_RDONLY | O_DIRECTORY));
  ASSERT_EQ(disk_->Link(root_.get(), "old", folder.get(), "linked"), 0);
  disk_->Sync(folder.get());
  EXPECT_EQ(Contents("folder/linked"), (Set{"absent", "before"}));
  disk_->Sync(root_.get());
  EXPECT_EQ(Contents("folder/linked"), Set{"before"});
}

TEST_F(SimulatedDiskTest, LinksStayOneFile) {
  ASSERT_EQ(disk_->Link(root_.get(), "old", root_.get(), "linked"), 0);
  disk_->Sync(root_.get());
  disk_->WriteImage(1, (base_ / "image").string());
  EXPECT_TRUE(fs::equivalent(base_ / "image" / "old", base_ / "image" / "linked"));
}

TEST_F(SimulatedDiskTest, NamesAreLostOneByOne) {
  Create("a");
  Create("b");
  Set together;
  for (int seed = 0; seed < kImages; ++seed) {
    const fs::path image = base_ / "image";
    disk_->WriteImage(static_cast<std::uint64_t>(seed), image.string());
    together.insert(std::string(fs::exists(image / "a") ? "a" : "") +
                    (fs::exists(image / "b") ? "b" : ""));
    fs::remove_all(image);
  }
  EXPECT_EQ(together, (Set{"", "a", "b", "ab"}));
}

TEST_F(SimulatedDiskTest, TheCutEndsTheProcessBeforeTheChange) {
  const std::string image = (base_ / "image").string();
  ::pid_t child = ::fork();
  if (child == 0) {
    disk_->CutAt(2, 1, image);
    Create("first");
    Create("second");
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), SimulatedDisk::kPowerCut);
  EXPECT_TRUE(fs::exists(base_ / "root" / "first"));
  EXPECT_FALSE(fs::exists(base_ / "root" / "second"));
  EXPECT_TRUE(fs::exists(image + "/old"));
  EXPECT_TRUE(fs::exists(image + ".journal"));
}

}  // namespace
}  // namespace sluice
