#include "storage/local/local_storage.h"

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "core/crc32c.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

class LocalStorageTest : public testing::Test {
 protected:
  LocalStorageTest() {
    std::string pattern = (fs::temp_directory_path() / "local_storage_XXXXXX").string();
    base_ = ::mkdtemp(pattern.data());
    root_ = base_ / "a" / "root";
  }
  ~LocalStorageTest() override { fs::remove_all(base_); }

  std::unique_ptr<Storage> Open(LocalAccess access = LocalAccess::kByUmask) {
    auto storage = OpenLocalStorage(root_.string(), true, access);
    EXPECT_TRUE(storage.ok()) << storage.error().message;
    return *std::move(storage);
  }

  static StagedFile MustStage(Storage& storage, const std::string& staged,
                              const std::string& final_name, const std::string& bytes) {
    auto writer = storage.Stage(staged, final_name);
    EXPECT_TRUE(writer.ok()) << writer.error().message;
    EXPECT_TRUE((*writer)->Write(bytes).ok());
    (*writer)->Flush();
    auto file = (*writer)->Finish();
    EXPECT_TRUE(file.ok()) << file.error().message;
    return *file;
  }

  std::string Content(const std::string& name) {
    std::ifstream in(root_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  std::vector<std::string> Names(Storage& storage, const std::string& prefix = "") {
    std::vector<std::string> names;
    auto files = storage.List(prefix);
    EXPECT_TRUE(files.ok()) << files.error().message;
    for (const ListedFile& file : *files) names.push_back(file.name);
    return names;
  }

  fs::path base_;
  fs::path root_;
};

TEST_F(LocalStorageTest, CreatesOnceAndReadsBack) {
  auto storage = Open();
  EXPECT_EQ(*storage->PutNew("log/cid/00001", "one"), Created::kYes);
  EXPECT_EQ(*storage->PutNew("log/cid/00001", "two"), Created::kExists);
  EXPECT_EQ(**storage->Read("log/cid/00001"), "one");
  EXPECT_EQ(*storage->PutNew("empty", ""), Created::kYes);
  EXPECT_EQ(**storage->Read("empty"), "");
  EXPECT_FALSE(storage->Read("log/cid/00002")->has_value());
  EXPECT_FALSE(storage->Read("nowhere/x")->has_value());
  EXPECT_EQ(Names(*storage), (std::vector<std::string>{"empty", "log/cid/00001"}));
}

TEST_F(LocalStorageTest, OneOfManyCreatorsWins) {
  auto storage = Open();
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> winners = 0;
    std::vector<std::thread> threads;
    std::string name = "slots/" + std::to_string(round);
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&, i] {
        auto other = OpenLocalStorage(root_.string(), false);
        if (*(*other)->PutNew(name, "writer " + std::to_string(i)) == Created::kYes) ++winners;
      });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(winners, 1);
    EXPECT_EQ((*storage->Read(name))->size(), 8u);
  }
  EXPECT_EQ(Names(*storage).size(), 20u);
}

TEST_F(LocalStorageTest, OverwriteReplacesTheWholeContent) {
  auto storage = Open();
  ASSERT_TRUE(storage->Overwrite("heartbeat", "a long first beat").ok());
  ASSERT_TRUE(storage->Overwrite("heartbeat", "short").ok());
  EXPECT_EQ(**storage->Read("heartbeat"), "short");
}

TEST_F(LocalStorageTest, ListsByFolderAndHidesTemporaryNames) {
  auto storage = Open();
  for (const char* name : {"ab/1", "a/2", "a/b/3", "a.b"}) {
    ASSERT_TRUE(storage->PutNew(name, "x").ok());
  }
  std::ofstream(root_ / "a" / ".tmp-0123") << "torn";
  fs::create_symlink("/etc", root_ / "a" / "link");
  fs::create_symlink("/etc/passwd", root_ / "a" / "link2");
  EXPECT_EQ(Names(*storage, "a"), (std::vector<std::string>{"a/2", "a/b/3"}));
  EXPECT_EQ(Names(*storage), (std::vector<std::string>{"a.b", "a/2", "a/b/3", "ab/1"}));
  EXPECT_TRUE(Names(*storage, "nowhere").empty());
}

TEST_F(LocalStorageTest, StagedFileIsInvisibleUntilPublished) {
  auto storage = Open();
  auto writer = *storage->Stage("_staging/x/1", "city=Berlin/part-1");
  ASSERT_TRUE(writer->Write("hello ").ok());
  ASSERT_TRUE(writer->Write("world").ok());
  EXPECT_EQ(writer->bytes_written(), 11);
  StagedFile file = *writer->Finish();
  EXPECT_EQ(file.size, 11);
  EXPECT_EQ(file.crc32c, Crc32c("hello world"));
  EXPECT_FALSE(fs::exists(root_ / "city=Berlin"));

  ASSERT_TRUE(storage->Publish({file}).ok());
  EXPECT_EQ(Content("city=Berlin/part-1"), "hello world");
  ASSERT_TRUE(storage->Publish({file}).ok()) << "repeating it is harmless";
  ASSERT_TRUE(storage->DropStaged({file}).ok());
  ASSERT_TRUE(storage->Publish({file}).ok()) << "also when only the final name is left";
  ASSERT_TRUE(storage->DropStaged({file}).ok());
  storage->RemoveEmptyFolders("_staging/x");
  EXPECT_EQ(Names(*storage), std::vector<std::string>{"city=Berlin/part-1"});
  EXPECT_FALSE(fs::exists(root_ / "_staging"));
}

TEST_F(LocalStorageTest, UnfinishedStagedFileIsRemoved) {
  auto storage = Open();
  {
    auto writer = *storage->Stage("_staging/c/e/1", "part-1");
    ASSERT_TRUE(writer->Write("half").ok());
  }
  EXPECT_TRUE(fs::is_empty(root_));
}

TEST_F(LocalStorageTest, AStagedNameIsNeverReused) {
  auto storage = Open();
  MustStage(*storage, "_staging/1", "part-1", "abc");
  auto again = storage->Stage("_staging/1", "part-1");
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(Content("_staging/1"), "abc");
}

TEST_F(LocalStorageTest, PublishRefusesOtherBytesUnderTheFinalName) {
  auto storage = Open();
  StagedFile file = MustStage(*storage, "_staging/1", "part-1", "abc");
  std::ofstream(root_ / "part-1") << "abd";
  auto published = storage->Publish({file});
  ASSERT_FALSE(published.ok());
  EXPECT_EQ(published.error().code, "storage.conflict");
  EXPECT_EQ(published.error().retry, Retry::kNo);
  EXPECT_NE(published.error().message.find((root_ / "part-1").string()), std::string::npos);
  EXPECT_EQ(Content("part-1"), "abd");

  std::ofstream(root_ / "part-1") << "abc";
  EXPECT_TRUE(storage->Publish({file}).ok()) << "the same bytes are the same file";
}

TEST_F(LocalStorageTest, PublishSaysWhatIsMissingOrDamaged) {
  auto storage = Open();
  StagedFile file = MustStage(*storage, "_staging/1", "part-1", "abc");
  fs::resize_file(root_ / "_staging/1", 2);
  EXPECT_EQ(storage->Publish({file}).error().code, "storage.staged_damaged");
  EXPECT_FALSE(fs::exists(root_ / "part-1"));
  fs::remove(root_ / "_staging/1");
  EXPECT_EQ(storage->Publish({file}).error().code, "storage.staged_missing");
  fs::remove_all(root_ / "_staging");
  EXPECT_EQ(storage->Publish({file}).error().code, "storage.staged_missing");
}

TEST_F(LocalStorageTest, NamesStayBeneathTheRoot) {
  auto storage = Open();
  for (std::string name : {"", "/x", "x/", "a//b", ".", "..", "a/../b", "../x", "a/.", "a/.."}) {
    EXPECT_FALSE(storage->PutNew(name, "x").ok()) << name;
    EXPECT_FALSE(storage->Read(name).ok()) << name;
    EXPECT_FALSE(storage->Remove(name).ok()) << name;
    EXPECT_FALSE(storage->Overwrite(name, "x").ok()) << name;
    EXPECT_FALSE(storage->Stage(name, "ok").ok()) << name;
    EXPECT_FALSE(storage->Stage("ok", name).ok()) << name;
  }
  EXPECT_FALSE(storage->PutNew(std::string("a\0b", 3), "x").ok());
  EXPECT_EQ(storage->PutNew(std::string(256, 'n'), "x").error().code, "storage.path");
  EXPECT_TRUE(fs::is_empty(root_));
}

TEST_F(LocalStorageTest, SymbolicLinksBeneathTheRootAreNotFollowed) {
  auto storage = Open();
  fs::create_directory(base_ / "outside");
  std::ofstream(base_ / "outside" / "secret") << "s";
  fs::create_symlink(base_ / "outside", root_ / "city=x");
  fs::create_symlink(base_ / "outside" / "secret", root_ / "file");
  EXPECT_EQ(storage->PutNew("city=x/part", "x").error().code, "storage.path");
  EXPECT_EQ(storage->Read("city=x/secret").error().code, "storage.path");
  EXPECT_FALSE(storage->Read("file").ok());
  EXPECT_FALSE(storage->Overwrite("file", "x").ok());
  StagedFile file = MustStage(*storage, "_staging/1", "city=x/part", "abc");
  EXPECT_EQ(storage->Publish({file}).error().code, "storage.path");
  EXPECT_FALSE(fs::exists(base_ / "outside" / "part"));
}

TEST_F(LocalStorageTest, ModesFollowTheAccessAskedFor) {
  ::mode_t before = ::umask(022);
  auto mode = [](const fs::path& path) {
    return static_cast<unsigned>(fs::status(path).permissions());
  };
  auto data = Open();
  MustStage(*data, "_staging/1", "part", "x");
  EXPECT_EQ(mode(root_ / "_staging/1"), 0644u);
  EXPECT_EQ(mode(root_), 0755u);
  root_ = base_ / "state" / "clicks";
  auto checkpoint = Open(LocalAccess::kOwnerOnly);
  ASSERT_TRUE(checkpoint->PutNew("cid/1", "x").ok());
  EXPECT_EQ(mode(root_), 0700u);
  EXPECT_EQ(mode(root_ / "cid"), 0700u);
  EXPECT_EQ(mode(root_ / "cid/1"), 0600u);
  ::umask(before);
}

TEST_F(LocalStorageTest, ACheckpointThatOthersMayWriteIsRefused) {
  Open(LocalAccess::kOwnerOnly);
  fs::permissions(root_, fs::perms::others_write, fs::perm_options::add);
  auto opened = OpenLocalStorage(root_.string(), true, LocalAccess::kOwnerOnly);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, "storage.denied");
  EXPECT_NE(opened.error().message.find("chmod go-w"), std::string::npos);
  fs::permissions(root_, fs::perms::others_write, fs::perm_options::remove);
  if (::geteuid() == 0) {
    ASSERT_EQ(::chown(root_.c_str(), 12345, 12345), 0);
    opened = OpenLocalStorage(root_.string(), true, LocalAccess::kOwnerOnly);
    ASSERT_FALSE(opened.ok());
    EXPECT_NE(opened.error().message.find("12345"), std::string::npos);
  }
}

TEST_F(LocalStorageTest, ACheckpointFileOfOthersIsRefused) {
  auto storage = Open(LocalAccess::kOwnerOnly);
  ASSERT_TRUE(storage->PutNew("slot", "x").ok());
  fs::permissions(root_ / "slot", fs::perms::others_write, fs::perm_options::add);
  EXPECT_EQ(storage->Read("slot").error().code, "storage.denied");
}

TEST_F(LocalStorageTest, OpeningSaysWhatIsWrongWithThePath) {
  EXPECT_EQ(OpenLocalStorage(root_.string(), false).error().code, "storage.path");
  std::ofstream(base_ / "file") << "x";
  auto opened = OpenLocalStorage((base_ / "file").string(), true);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().blame, Blame::kUser);
  EXPECT_NE(opened.error().message.find("file is not a folder"), std::string::npos);
  EXPECT_FALSE(OpenLocalStorage((base_ / "file" / "below").string(), true).ok());
  EXPECT_FALSE(OpenLocalStorage("", true).ok());
}

TEST_F(LocalStorageTest, ARootRemovedWhileInUseIsNoticed) {
  auto storage = Open();
  ASSERT_TRUE(storage->PutNew("a/1", "x").ok());
  fs::remove_all(root_);
  fs::create_directories(root_);  // Somebody else's now.
  EXPECT_EQ(storage->PutNew("a/2", "x").error().code, "storage.root_gone");
  EXPECT_EQ(storage->Stage("_staging/1", "part").error().code, "storage.root_gone");
  EXPECT_FALSE(storage->Read("a/1")->has_value());
  EXPECT_TRUE(Names(*storage).empty());
  EXPECT_TRUE(fs::is_empty(root_));
}

TEST_F(LocalStorageTest, RemoveAndEmptyFolders) {
  auto storage = Open();
  ASSERT_TRUE(storage->PutNew("s/a/b/1", "x").ok());
  ASSERT_TRUE(storage->PutNew("s/c/1", "x").ok());
  ASSERT_TRUE(storage->Remove("s/a/b/1").ok());
  ASSERT_TRUE(storage->Remove("s/a/b/1").ok());
  ASSERT_TRUE(storage->Remove("nowhere/1").ok());
  storage->RemoveEmptyFolders("s/a");
  EXPECT_FALSE(fs::exists(root_ / "s/a"));
  EXPECT_TRUE(fs::exists(root_ / "s/c/1"));
  ASSERT_TRUE(storage->PutNew("s/a/b/2", "x").ok()) << "a removed folder is made again";
}

TEST_F(LocalStorageTest, FoldersMayComeAndGoWhileOthersStage) {
  auto storage = Open();
  std::atomic<bool> done = false;
  std::thread remover([&] {
    auto other = OpenLocalStorage(root_.string(), false);
    while (!done) (*other)->RemoveEmptyFolders("_staging/c/s");
  });
  for (int i = 0; i < 200; ++i) {
    std::string name = "_staging/c/s/" + std::to_string(i) + "/1";
    StagedFile file = MustStage(*storage, name, "part-" + std::to_string(i), "x");
    EXPECT_TRUE(storage->DropStaged({file}).ok());
  }
  done = true;
  remover.join();
}

TEST_F(LocalStorageTest, ProbeLeavesNothingBehind) {
  auto storage = Open();
  auto probed = storage->Probe(true);
  EXPECT_TRUE(probed.ok()) << probed.error().message;
  EXPECT_TRUE(fs::is_empty(root_));
}

TEST_F(LocalStorageTest, ProbeRemovesOldTemporariesOfACheckpoint) {
  auto storage = Open(LocalAccess::kOwnerOnly);
  ASSERT_TRUE(storage->PutNew("cid/1", "x").ok());
  std::ofstream(root_ / "cid/.tmp-old") << "torn";
  std::ofstream(root_ / "cid/.tmp-new") << "perhaps being written";
  fs::last_write_time(root_ / "cid/.tmp-old",
                      fs::file_time_type::clock::now() - std::chrono::hours(2));
  ASSERT_TRUE(storage->Probe(false).ok());
  EXPECT_FALSE(fs::exists(root_ / "cid/.tmp-old"));
  EXPECT_TRUE(fs::exists(root_ / "cid/.tmp-new"));
}

TEST_F(LocalStorageTest, ProbeRefusesStagingThatIsALink) {
  auto storage = Open();
  fs::create_directory(base_ / "elsewhere");
  fs::create_symlink(base_ / "elsewhere", root_ / "_staging");
  auto probed = storage->Probe(true);
  ASSERT_FALSE(probed.ok());
  EXPECT_EQ(probed.error().blame, Blame::kUser);
  EXPECT_NE(probed.error().message.find("_staging"), std::string::npos);
}

/// A small file system of its own, where this process may mount one.
class SmallDiskTest : public LocalStorageTest {
 protected:
  void SetUp() override {
    fs::create_directories(root_);
    if (::mount("tmpfs", root_.c_str(), "tmpfs", 0, "size=256k") != 0) {
      GTEST_SKIP() << "SKIPPED: needs the right to mount a tmpfs";
    }
    mounted_ = true;
  }
  void TearDown() override {
    if (mounted_) ::umount2(root_.c_str(), MNT_DETACH);
  }
  bool mounted_ = false;
};

TEST_F(SmallDiskTest, AFullDiskIsNamedAndLosesNothing) {
  auto storage = Open();
  ASSERT_TRUE(storage->PutNew("slot/1", "decided").ok());
  auto writer = *storage->Stage("_staging/1", "part-1");
  std::string chunk(64 << 10, 'x');
  Result<void> written;
  while (written.ok()) written = writer->Write(chunk);
  EXPECT_EQ(written.error().code, "storage.full");
  EXPECT_EQ(written.error().retry, Retry::kLater);
  EXPECT_NE(written.error().message.find((root_ / "_staging/1").string()), std::string::npos);
  auto put = storage->PutNew("slot/2", chunk);
  ASSERT_FALSE(put.ok());
  EXPECT_EQ(put.error().code, "storage.full");
  EXPECT_EQ(Names(*storage, "slot"), std::vector<std::string>{"slot/1"});

  writer.reset();  // The attempt is dropped; there is space again.
  EXPECT_EQ(*storage->PutNew("slot/2", chunk), Created::kYes);
  EXPECT_EQ(**storage->Read("slot/2"), chunk);
}

TEST_F(SmallDiskTest, ProbeRefusesStagingOnAnotherDevice) {
  auto storage = Open();
  fs::create_directory(root_ / "_staging");
  ASSERT_EQ(::mount("tmpfs", (root_ / "_staging").c_str(), "tmpfs", 0, "size=64k"), 0);
  auto probed = storage->Probe(true);
  ::umount2((root_ / "_staging").c_str(), MNT_DETACH);
  ASSERT_FALSE(probed.ok());
  EXPECT_EQ(probed.error().code, "storage.unfit");
  EXPECT_NE(probed.error().message.find("another file system"), std::string::npos)
      << probed.error().message;
}

}  // namespace
}  // namespace sluice
