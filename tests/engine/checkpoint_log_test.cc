#include "engine/checkpoint_log.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

#include "engine/checkpoint_log_names.h"
#include "engine/slot_format.h"
#include "storage/local/local_storage.h"

namespace sluice {
namespace {

/// A storage whose calls can fail although they were done.
class FlakyStorage : public Storage {
 public:
  explicit FlakyStorage(Storage* storage) : storage_(storage) {}
  std::optional<Error> after_put;    ///< What the next PutNew says once it is done.
  std::optional<Error> before_list;  ///< What the next List says.

  const std::string& location() const override { return storage_->location(); }
  Result<Created> PutNew(const std::string& name, std::string_view bytes) override {
    auto created = storage_->PutNew(name, bytes);
    if (after_put) return *std::exchange(after_put, std::nullopt);
    return created;
  }
  Result<void> Overwrite(const std::string& name, std::string_view bytes) override {
    return storage_->Overwrite(name, bytes);
  }
  Result<std::optional<std::string>> Read(const std::string& name) override {
    return storage_->Read(name);
  }
  std::size_t longest_name() const override { return storage_->longest_name(); }
  Result<std::vector<ListedFile>> List(const std::string& prefix) override {
    if (before_list) return *std::exchange(before_list, std::nullopt);
    return storage_->List(prefix);
  }
  Result<void> ForEachName(const std::string& prefix,
                           const std::function<void(const std::string&)>& visit) override {
    return storage_->ForEachName(prefix, visit);
  }
  Result<void> Remove(const std::string& name) override { return storage_->Remove(name); }
  void RemoveEmptyFolders(const std::string& prefix) override {
    storage_->RemoveEmptyFolders(prefix);
  }
  Result<std::unique_ptr<StagedWriter>> Stage(const std::string& staged_name,
                                              const std::string& final_name) override {
    return storage_->Stage(staged_name, final_name);
  }
  Result<void> Publish(const std::vector<StagedFile>& files) override {
    return storage_->Publish(files);
  }
  Result<void> ForgetStaged(const std::vector<StagedFile>& files) override {
    return storage_->ForgetStaged(files);
  }
  Result<void> DropStaged(const std::vector<StagedFile>& files) override {
    return storage_->DropStaged(files);
  }
  Result<std::vector<StagedLeftover>> ListStaged(const std::string& staged_prefix) override {
    return storage_->ListStaged(staged_prefix);
  }
  Result<void> RemoveLeftover(const StagedLeftover& leftover) override {
    return storage_->RemoveLeftover(leftover);
  }
  Result<void> Probe(bool staging) override { return storage_->Probe(staging); }

 private:
  Storage* const storage_;
};

class CheckpointLogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/sluice-log-XXXXXX";
    folder_ = mkdtemp(name);
    auto storage = OpenLocalStorage(folder_ + "/c", true, LocalAccess::kOwnerOnly);
    ASSERT_TRUE(storage.ok()) << ToString(storage.error());
    storage_ = *std::move(storage);
    options_.job = "test";
    options_.lease_micros = 200'000;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<CheckpointLog> Open() {
    auto log = CheckpointLog::Open(storage_.get(), options_);
    EXPECT_TRUE(log.ok()) << ToString(log.error());
    return *std::move(log);
  }
  static DecisionRecord Decision(std::int64_t epoch) {
    DecisionRecord decision;
    decision.epoch = epoch;
    decision.now = decision.sealed = "2026-01-01T00:00:00Z";
    decision.positions = {{"in", "a/0", std::to_string(epoch * 10), "id", ""}};
    decision.sinks = {{"out", "files", "{}", "{\"files\":[]}", 3, 4, 5}};
    return decision;
  }
  std::vector<std::string> Files() {
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_)) {
      if (entry.is_regular_file() && entry.path().filename().string().rfind("heartbeat", 0) != 0) {
        files.push_back(entry.path());
      }
    }
    return files;
  }

  std::string folder_;
  std::unique_ptr<Storage> storage_;
  LogOptions options_;
};

TEST_F(CheckpointLogTest, ASlotThatIsThereAlthoughItsCreateFailedIsOurs) {
  FlakyStorage flaky(storage_.get());
  auto log = CheckpointLog::Open(&flaky, options_);
  ASSERT_TRUE(log.ok());
  ASSERT_TRUE((*log)->WriteStart({{"in", "a/0", "0", "id", ""}}).ok());
  flaky.after_put = Error{Blame::kRemote, Retry::kNo, "storage.fsync", "the folder's fsync failed"};
  auto decided = (*log)->Decide(Decision(1));
  ASSERT_FALSE(decided.ok());
  EXPECT_EQ(decided.error().code, "storage.fsync");
  auto judged = (*log)->CheckWriter();
  ASSERT_TRUE(judged.ok()) << "nobody has taken over: " << ToString(judged.error());
  ASSERT_NE((*log)->contents().uncommitted(), nullptr);
  EXPECT_EQ((*log)->contents().uncommitted()->epoch, 1);
  EXPECT_TRUE((*log)->Commit(1).ok());
  EXPECT_EQ((**ReadLog(storage_.get())).last_slot, 2);
}

TEST_F(CheckpointLogTest, ASlotThatCouldNotBeLookedAtCounts) {
  FlakyStorage flaky(storage_.get());
  auto log = CheckpointLog::Open(&flaky, options_);
  ASSERT_TRUE(log.ok());
  ASSERT_TRUE((*log)->WriteStart({{"in", "a/0", "0", "id", ""}}).ok());
  flaky.before_list = Error{Blame::kRemote, Retry::kNo, "storage.list", "no answer"};
  ASSERT_FALSE((*log)->Decide(Decision(1)).ok());
  ASSERT_TRUE((*log)->CheckWriter().ok());
  ASSERT_NE((*log)->contents().uncommitted(), nullptr);
  EXPECT_EQ((*log)->Decide(Decision(1)).error().blame, Blame::kBug) << "decided once only";
}

TEST_F(CheckpointLogTest, TheNewestDecisionAloneRestoresTheJob) {
  auto log = Open();
  EXPECT_TRUE(log->fresh());
  ASSERT_TRUE(log->WriteStart({{"in", "a/0", "5", "id", ""}}).ok());
  std::string id = log->checkpoint_id();
  log->Close();
  log = Open();
  EXPECT_EQ(log->checkpoint_id(), id);
  EXPECT_EQ(log->contents().positions[0].position, "5");
  ASSERT_TRUE(log->Decide(Decision(1)).ok());
  ASSERT_TRUE(log->Commit(1).ok());
  ASSERT_TRUE(log->Decide(Decision(2)).ok());
  log->Close();
  log = Open();
  LogContents contents = log->contents();
  EXPECT_EQ(contents.positions[0].position, "20");
  ASSERT_NE(contents.uncommitted(), nullptr);
  EXPECT_EQ(contents.uncommitted()->epoch, 2);
  EXPECT_EQ(contents.uncommitted()->sinks[0].token, "{\"files\":[]}");
}

TEST_F(CheckpointLogTest, ASecondDecisionWaitsForTheCommitOfTheFirst) {
  auto log = Open();
  ASSERT_TRUE(log->WriteStart({}).ok());
  ASSERT_TRUE(log->Decide(Decision(1)).ok());
  EXPECT_FALSE(log->Decide(Decision(2)).ok());
}

TEST_F(CheckpointLogTest, ALiveWriterIsNotTakenOver) {
  auto first = Open();
  ASSERT_TRUE(first->WriteStart({}).ok());
  auto second = CheckpointLog::Open(storage_.get(), options_);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(ExitCode(second.error()), 4);
}

TEST_F(CheckpointLogTest, AStoppedWriterIsTakenOverAtOnce) {
  options_.lease_micros = 60'000'000;
  auto first = Open();
  ASSERT_TRUE(first->WriteStart({}).ok());
  first->Close();
  auto began = std::chrono::steady_clock::now();
  auto second = Open();
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
  EXPECT_GT(second->writer(), first->writer());
}

TEST_F(CheckpointLogTest, WhoIsTakenOverIsToldAtItsNextCreate) {
  auto first = Open();
  ASSERT_TRUE(first->WriteStart({}).ok());
  first->Close();
  auto second = Open();
  auto decided = first->Decide(Decision(1));
  ASSERT_FALSE(decided.ok());
  EXPECT_EQ(decided.error().blame, Blame::kSuperseded);
  EXPECT_FALSE(first->CheckWriter().ok());
  EXPECT_TRUE(second->Decide(Decision(1)).ok());
}

TEST_F(CheckpointLogTest, TwoFreshStartsOneWins) {
  auto first = Open();
  auto second = Open();
  ASSERT_TRUE(first->WriteStart({}).ok());
  auto lost = second->WriteStart({});
  ASSERT_FALSE(lost.ok());
  EXPECT_EQ(ExitCode(lost.error()), 4);
}

TEST_F(CheckpointLogTest, ACheckpointMadeAnewSupersedesTheOldWriter) {
  auto first = Open();
  ASSERT_TRUE(first->WriteStart({}).ok());
  auto files = storage_->List("");
  ASSERT_TRUE(files.ok());
  for (const auto& file : *files) ASSERT_TRUE(storage_->Remove(file.name).ok());
  auto second = Open();
  ASSERT_TRUE(second->WriteStart({}).ok());
  auto decided = first->Decide(Decision(1));
  ASSERT_FALSE(decided.ok());
  EXPECT_EQ(ExitCode(decided.error()), 4);
}

TEST_F(CheckpointLogTest, ACheckpointDeletedUnderItsWriterCanBeBegunAnew) {
  auto first = Open();
  ASSERT_TRUE(first->WriteStart({}).ok());
  auto files = storage_->List("");
  ASSERT_TRUE(files.ok());
  for (const auto& file : *files) ASSERT_TRUE(storage_->Remove(file.name).ok());
  auto decided = first->Decide(Decision(1));
  ASSERT_FALSE(decided.ok());
  EXPECT_EQ(ExitCode(decided.error()), 4);
  EXPECT_EQ(Files(), std::vector<std::string>());
  auto second = Open();
  EXPECT_TRUE(second->fresh());
  EXPECT_TRUE(second->WriteStart({}).ok());
}

TEST_F(CheckpointLogTest, ASlotBelowTheNewestRunIsIgnored) {
  auto log = Open();
  ASSERT_TRUE(log->WriteStart({}).ok());
  for (int epoch = 1; epoch <= 5; ++epoch) {
    ASSERT_TRUE(log->Decide(Decision(epoch)).ok());
    ASSERT_TRUE(log->Commit(epoch).ok());
  }
  ASSERT_TRUE(log->Compact(2).ok());
  // A process that slept through it all wakes up and makes the next slot it knows of.
  std::string stray = SlotName(log->checkpoint_id(), 2);
  ASSERT_TRUE(
      storage_
          ->PutNew(stray, FormatSlot({log->checkpoint_id(), 2, "decision", ToJson(Decision(99))}))
          .ok());
  auto contents = ReadLog(storage_.get());
  ASSERT_TRUE(contents.ok());
  EXPECT_EQ((*contents)->last_decision()->epoch, 5);
  EXPECT_EQ((*contents)->strays.size(), 1u);
  log->Close();
  EXPECT_EQ(Open()->contents().positions[0].position, "50");
}

TEST_F(CheckpointLogTest, CompactionKeepsTheWriterKnown) {
  auto log = Open();
  ASSERT_TRUE(log->WriteStart({}).ok());
  log->Close();
  log = Open();
  std::int64_t writer = log->writer();
  for (int epoch = 1; epoch <= 9; ++epoch) {
    auto decision = Decision(epoch);
    decision.attempt = {writer, 1};
    ASSERT_TRUE(log->Decide(decision).ok());
    ASSERT_TRUE(log->Commit(epoch).ok());
    ASSERT_TRUE(log->Compact(2).ok());
  }
  EXPECT_EQ((*ReadLog(storage_.get()))->writer, writer);
  log->Close();
  options_.lease_micros = 60'000'000;
  EXPECT_GT(Open()->writer(), writer) << "found its heartbeat and did not wait";
}

/// Fault 23 of the catalogue: every byte flipped, every length, files removed and swapped.
TEST_F(CheckpointLogTest, DamageIsAlwaysNoticed) {
  auto log = Open();
  ASSERT_TRUE(log->WriteStart({{"in", "a/0", "5", "id", ""}}).ok());
  ASSERT_TRUE(log->Decide(Decision(1)).ok());
  ASSERT_TRUE(log->Commit(1).ok());
  log->Close();
  std::vector<std::string> files = Files();
  ASSERT_EQ(files.size(), 3u);
  for (const std::string& file : files) {
    std::ifstream in(file);
    std::string good((std::istreambuf_iterator<char>(in)), {});
    // In place and never emptied: a file system may flush one that is emptied and written again.
    std::fstream out(file, std::ios::in | std::ios::out | std::ios::binary);
    auto write = [&out](std::size_t at, const std::string& bytes) {
      out.seekp(static_cast<std::streamoff>(at));
      out << bytes << std::flush;
    };
    auto check = [&](const std::string& what) {
      EXPECT_FALSE(ReadLog(storage_.get()).ok()) << file << ": " << what;
    };
    for (std::size_t i = 0; i < good.size(); ++i) {
      write(i, std::string(1, static_cast<char>(good[i] ^ 0x20)));
      check("byte " + std::to_string(i));
      write(i, good.substr(i, 1));
    }
    ASSERT_TRUE(ReadLog(storage_.get()).ok());
    write(good.size(), "x");
    check("longer");
    for (std::size_t i = good.size(); i-- > 0;) {
      std::filesystem::resize_file(file, i);
      check("length " + std::to_string(i));
    }
    write(0, good);
  }
  ASSERT_TRUE(ReadLog(storage_.get()).ok());
  std::string decision = folder_ + "/c/" + SlotName(log->checkpoint_id(), 1);
  std::string commit = folder_ + "/c/" + SlotName(log->checkpoint_id(), 2);
  std::filesystem::rename(decision, folder_ + "/moved");
  EXPECT_FALSE(ReadLog(storage_.get()).ok()) << "a commit without its decision";
  std::filesystem::rename(commit, decision);
  std::filesystem::rename(folder_ + "/moved", commit);
  EXPECT_FALSE(ReadLog(storage_.get()).ok()) << "swapped slots";
}

/// SLUICE_EPOCHS=100000 is the issue's number; a tmpfs makes it bearable (fsync costs nothing
/// there).
/// As the position of a files source that remembers 100,000 files.
TEST_F(CheckpointLogTest, LongPositionsLeaveASmallLogToo) {
  auto log = Open();
  ASSERT_TRUE(log->WriteStart({}).ok());
  std::string position(1'600'000, 'x');
  std::string from;
  for (std::int64_t epoch = 1; epoch <= 20; ++epoch) {
    auto decision = Decision(epoch);
    position.replace(0, 7, std::to_string(1'000'000 + epoch));
    decision.positions = {{"in", ".", position, "folder", from}};
    from = position;
    ASSERT_TRUE(log->Decide(decision).ok());
    ASSERT_TRUE(log->Commit(epoch).ok());
    ASSERT_TRUE(log->Compact(100).ok());
    std::uintmax_t bytes = 0;
    for (const std::string& file : Files()) bytes += std::filesystem::file_size(file);
    ASSERT_LT(bytes, 10u << 20) << "epoch " << epoch;
  }
  EXPECT_GE(log->contents().decisions.size(), 2u);
  log->Close();
  const std::clock_t began = std::clock();
  log = Open();
  // A second at most, in an optimised build; ten leave room for sanitizers. Of this process: it is
  // not to fail because others are busy.
  EXPECT_LT(std::clock() - began, 10 * CLOCKS_PER_SEC);
  LogContents contents = log->contents();
  EXPECT_EQ(contents.last_decision()->epoch, 20);
  ASSERT_EQ(contents.positions.size(), 1u);
  EXPECT_EQ(contents.positions[0].position, position);
  EXPECT_TRUE(log->Compact(1).ok());
  EXPECT_EQ(log->contents().decisions.size(), 1u);
}

TEST_F(CheckpointLogTest, ManyEpochsStaySmallAndStartFast) {
  const char* asked = std::getenv("SLUICE_EPOCHS");
  std::int64_t epochs = asked == nullptr ? 300 : std::stoll(asked);
  if (std::filesystem::is_directory("/dev/shm")) {
    std::filesystem::remove_all(folder_);
    char name[] = "/dev/shm/sluice-log-XXXXXX";
    folder_ = mkdtemp(name);
    storage_ = *OpenLocalStorage(folder_ + "/c", true, LocalAccess::kOwnerOnly);
  }
  auto log = Open();
  ASSERT_TRUE(log->WriteStart({}).ok());
  for (std::int64_t epoch = 1; epoch <= epochs; ++epoch) {
    ASSERT_TRUE(log->Decide(Decision(epoch)).ok());
    ASSERT_TRUE(log->Commit(epoch).ok());
    ASSERT_TRUE(log->Compact(100).ok());
  }
  log->Close();
  std::uintmax_t bytes = 0;
  for (const std::string& file : Files()) bytes += std::filesystem::file_size(file);
  EXPECT_LT(bytes, 10u << 20);
  const std::clock_t began = std::clock();
  log = Open();
  const std::clock_t took = std::clock() - began;
  EXPECT_LT(took, CLOCKS_PER_SEC);
  EXPECT_EQ(log->contents().last_decision()->epoch, epochs);
  RecordProperty("log_bytes", std::to_string(bytes));
  RecordProperty("start_millis", std::to_string(took * 1000 / CLOCKS_PER_SEC));
}

TEST_F(CheckpointLogTest, SchemasThatRecordsBroughtAreRememberedForEver) {
  auto log = Open();
  ASSERT_TRUE(log->WriteStart({{"in", "a", "1", "", ""}}).ok());
  ASSERT_TRUE(log->WriteLearned({{"in", "{\"type\":\"long\"}"}}).ok());
  EXPECT_EQ(log->contents().learned.at("in"), "{\"type\":\"long\"}");
  log->Close();
  log = Open();
  EXPECT_EQ(log->contents().learned.at("in"), "{\"type\":\"long\"}");
  ASSERT_EQ(log->contents().positions.size(), 1u);
  // Each decision says it again, so that older slots may go.
  for (std::int64_t epoch = 1; epoch <= 5; ++epoch) {
    auto decision = Decision(epoch);
    decision.learned = log->contents().learned;
    ASSERT_TRUE(log->Decide(decision).ok());
    ASSERT_TRUE(log->Commit(epoch).ok());
    ASSERT_TRUE(log->Compact(1).ok());
  }
  log->Close();
  log = Open();
  EXPECT_EQ(log->contents().learned.at("in"), "{\"type\":\"long\"}");
  // What a later job no longer needs is forgotten with its first decision.
  ASSERT_TRUE(log->Decide(Decision(6)).ok());
  EXPECT_TRUE(log->contents().learned.empty());
}

TEST_F(CheckpointLogTest, SlotsWithoutTheirStartAreDamage) {
  auto log = Open();
  ASSERT_TRUE(log->WriteStart({}).ok());
  ASSERT_TRUE(log->Decide(Decision(1)).ok());
  log->Close();
  ASSERT_TRUE(storage_->Remove(kStartName).ok());
  auto read = ReadLog(storage_.get());
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code, "checkpoint.damaged");
  EXPECT_NE(read.error().message.find("'start' is missing"), std::string::npos);
}

TEST_F(CheckpointLogTest, AFolderOfSomebodyElseIsRefused) {
  ASSERT_TRUE(storage_->PutNew("metadata", "{\"id\":\"a Spark query\"}").ok());
  ASSERT_TRUE(storage_->PutNew("offsets/0", "v1").ok());
  auto read = ReadLog(storage_.get());
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code, "checkpoint.foreign");
}

TEST(LogRecord, WhatIsNoWholeNumberIsDamage) {
  EXPECT_EQ(ParseCommit(R"({"epoch": 7, "time": "now"})", "slot")->epoch, 7);
  for (const char* epoch : {"1e300", "-1e300", "7.5", "\"7\"", "null"}) {
    auto parsed = ParseCommit("{\"epoch\": " + std::string(epoch) + ", \"time\": \"now\"}", "slot");
    ASSERT_FALSE(parsed.ok()) << epoch;
    EXPECT_EQ(parsed.error().code, "checkpoint.damaged");
  }
}

TEST(SlotFormat, ANewerVersionIsNamedAsSuch) {
  std::string bytes = FormatSlot({"abc", 7, "commit", "{}"});
  bytes.replace(bytes.find(" 1 "), 3, " 2 ");
  auto parsed = ParseSlot(bytes, "slot");
  ASSERT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.error().code, "checkpoint.version");
}

}  // namespace
}  // namespace sluice
