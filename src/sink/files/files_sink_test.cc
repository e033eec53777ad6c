#include "sink/files/files_sink.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/io/file.h>
#include <arrow/table.h>
#include <arrow/type.h>
#include <gtest/gtest.h>
#include <parquet/arrow/reader.h>
#include <parquet/metadata.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "encode/json/json_encoder.h"
#include "encode/parquet/parquet_encoder.h"
#include "sink/files/partition_path.h"
#include "storage/local/local_storage.h"
#include "storage/s3/s3_storage.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

const EncoderRegistry& Encoders() {
  static const auto& encoders = *[] {
    auto* all = new EncoderRegistry("format");
    all->Add(ParquetEncoderEntry());
    all->Add(JsonEncoderEntry());
    return all;
  }();
  return encoders;
}

const StorageRegistry& Storages() {
  static const auto& storages = *[] {
    auto* all = new StorageRegistry("storage");
    all->Add(LocalStorageEntry());
    all->Add(S3StorageEntry());
    return all;
  }();
  return storages;
}

const SchemaPtr& RowSchema() {
  static const auto& schema = *new SchemaPtr(
      arrow::schema({arrow::field("id", arrow::int64()), arrow::field("city", arrow::utf8()),
                     arrow::field("text", arrow::utf8())}));
  return schema;
}

/// Rows [from, to); the city of a row is cities[id % size], null for "null".
std::shared_ptr<arrow::RecordBatch> Rows(std::int64_t from, std::int64_t to,
                                         const std::vector<std::string>& cities = {"a"}) {
  arrow::Int64Builder id;
  arrow::StringBuilder city;
  arrow::StringBuilder text;
  for (std::int64_t i = from; i < to; ++i) {
    EXPECT_TRUE(id.Append(i).ok());
    const std::string& name = cities[static_cast<std::size_t>(i) % cities.size()];
    EXPECT_TRUE((name == "null" ? city.AppendNull() : city.Append(name)).ok());
    EXPECT_TRUE(text.Append("text " + std::to_string(i * 7919)).ok());
  }
  return arrow::RecordBatch::Make(RowSchema(), to - from,
                                  {*id.Finish(), *city.Finish(), *text.Finish()});
}

/// As if so many epochs were decided.
constexpr std::int64_t kDecided = 1'000'000;

class FilesSinkTest : public testing::Test {
 protected:
  FilesSinkTest() {
    std::string pattern = (fs::temp_directory_path() / "files_sink_XXXXXX").string();
    base_ = ::mkdtemp(pattern.data());
    root_ = base_ / "lake" / "clicks";
    context_.job = "job";
    context_.name = "lake";
    context_.checkpoint_id = "0123456789abcdef0123456789abcdef";
  }
  ~FilesSinkTest() override { fs::remove_all(base_); }

  Result<std::unique_ptr<Sink>> Make(std::vector<std::pair<std::string, std::string>> pairs,
                                     SchemaPtr schema = RowSchema()) {
    SinkEntry entry = FilesSinkEntry(&Encoders(), &Storages());
    pairs.emplace_back("path", root_.string());
    auto options = ParseOptions(entry.options, RawOptionsFromPairs(pairs), "sink lake (files)");
    if (!options.ok()) return options.error();
    return entry.make(*options, std::move(schema), context_);
  }

  std::unique_ptr<Sink> MustMake(std::vector<std::pair<std::string, std::string>> pairs,
                                 SchemaPtr schema = RowSchema()) {
    auto sink = Make(std::move(pairs), std::move(schema));
    EXPECT_TRUE(sink.ok()) << sink.error().message;
    auto probed = (*sink)->Probe(kDecided);
    EXPECT_TRUE(probed.ok()) << probed.error().message;
    return *std::move(sink);
  }

  static std::unique_ptr<SinkWriter> MustOpen(Sink& sink, std::int64_t epoch, AttemptId attempt) {
    auto writer = sink.Open(epoch, attempt);
    EXPECT_TRUE(writer.ok()) << writer.error().message;
    return *std::move(writer);
  }

  static Prepared MustPrepare(SinkWriter& writer) {
    auto prepared = writer.Prepare();
    EXPECT_TRUE(prepared.ok()) << prepared.error().message;
    return *prepared;
  }

  static Prepared WriteEpoch(Sink& sink, std::int64_t epoch, AttemptId attempt,
                             const std::shared_ptr<arrow::RecordBatch>& rows) {
    auto writer = MustOpen(sink, epoch, attempt);
    auto refused = writer->Write(rows);
    EXPECT_TRUE(refused.ok()) << refused.error().message;
    return MustPrepare(*writer);
  }

  /// Files a plain listing shows, relative to the root.
  std::vector<std::string> Visible() {
    std::vector<std::string> names;
    if (!fs::exists(root_)) return names;
    for (const auto& entry : fs::recursive_directory_iterator(root_)) {
      std::string name = fs::relative(entry.path(), root_).string();
      if (entry.is_regular_file() && name[0] != '_' && name[0] != '.') names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  std::size_t StagedFiles() {
    std::size_t count = 0;
    if (!fs::exists(root_ / "_staging")) return 0;
    for (const auto& entry : fs::recursive_directory_iterator(root_ / "_staging")) {
      count += entry.is_regular_file();
    }
    return count;
  }

  std::shared_ptr<arrow::Table> Read(const std::string& name) {
    auto reader = parquet::arrow::OpenFile(*arrow::io::ReadableFile::Open((root_ / name).string()),
                                           arrow::default_memory_pool());
    EXPECT_TRUE(reader.ok()) << reader.status().ToString();
    auto table = (*reader)->ReadTable();
    EXPECT_TRUE(table.ok() && (*table)->ValidateFull().ok());
    return (*table)->CombineChunks().ValueOrDie();
  }

  /// How often each id is visible, by folder.
  std::map<std::string, std::vector<std::int64_t>> Ids() {
    std::map<std::string, std::vector<std::int64_t>> ids;
    for (const std::string& name : Visible()) {
      auto table = Read(name);
      std::size_t slash = name.rfind('/');
      auto& list = ids[slash == name.npos ? "" : name.substr(0, slash)];
      if (table->num_rows() == 0) continue;
      const auto& column =
          static_cast<const arrow::Int64Array&>(*table->GetColumnByName("id")->chunk(0));
      for (std::int64_t i = 0; i < column.length(); ++i) list.push_back(column.Value(i));
    }
    return ids;
  }

  fs::path base_;
  fs::path root_;
  SinkContext context_;
};

TEST_F(FilesSinkTest, AnEpochBecomesVisibleAtItsCommitOnly) {
  auto sink = MustMake({});
  auto writer = MustOpen(*sink, 12, {3, 1});
  ASSERT_TRUE(writer->Write(Rows(0, 1000)).ok());
  ASSERT_TRUE(writer->Write(Rows(1000, 1500)).ok());
  Prepared prepared = MustPrepare(*writer);
  EXPECT_EQ(prepared.rows, 1500);
  EXPECT_EQ(prepared.artefacts, 1);
  EXPECT_EQ(prepared.bytes, writer->bytes_staged());
  writer.reset();
  EXPECT_TRUE(Visible().empty());

  ASSERT_TRUE(sink->Commit(12, prepared.token).ok());
  EXPECT_EQ(Visible(), std::vector<std::string>{"part-01234567-0000000012-3.1-0.snappy.parquet"});
  EXPECT_EQ(fs::file_size(root_ / Visible()[0]), static_cast<std::uintmax_t>(prepared.bytes));
  ASSERT_TRUE(sink->Commit(12, prepared.token).ok()) << "repeating it is harmless";
  ASSERT_TRUE(sink->Forget(12, prepared.token).ok());
  ASSERT_TRUE(sink->Commit(12, prepared.token).ok()) << "also after Forget";
  ASSERT_TRUE(sink->Forget(12, prepared.token).ok());
  EXPECT_FALSE(fs::exists(root_ / "_staging"));
  auto ids = Ids()[""];
  ASSERT_EQ(ids.size(), 1500u);
  for (std::int64_t i = 0; i < 1500; ++i) EXPECT_EQ(ids[static_cast<std::size_t>(i)], i);
}

TEST_F(FilesSinkTest, ADecidedEpochIsCommittedWithoutASchemaAndFromAnywhere) {
  Prepared prepared = WriteEpoch(*MustMake({}), 1, {1, 1}, Rows(0, 10));
  fs::path written = root_;
  root_ = base_ / "moved" / "elsewhere";  // The job has a new path by now.
  auto sink = Make({}, nullptr);
  ASSERT_TRUE(sink.ok()) << sink.error().message;
  ASSERT_TRUE((*sink)->Commit(1, prepared.token).ok());
  ASSERT_TRUE((*sink)->Forget(1, prepared.token).ok());
  root_ = written;
  EXPECT_EQ(Ids()[""].size(), 10u);
  EXPECT_FALSE((*sink)->Open(2, {1, 1}).ok());
}

TEST_F(FilesSinkTest, AnEmptyEpochHasNoArtefacts) {
  auto sink = MustMake({});
  auto writer = MustOpen(*sink, 1, {1, 1});
  ASSERT_TRUE(writer->Write(Rows(0, 0)).ok());
  Prepared prepared = MustPrepare(*writer);
  EXPECT_EQ(prepared.artefacts, 0);
  EXPECT_EQ(prepared.rows, 0);
  ASSERT_TRUE(sink->Commit(1, prepared.token).ok());
  ASSERT_TRUE(sink->Forget(1, prepared.token).ok());
  EXPECT_TRUE(fs::is_empty(root_));
}

TEST_F(FilesSinkTest, ADroppedAttemptLeavesNothing) {
  auto sink = MustMake({{"targetFileSize", "20000"}, {"partitionKeys", "city"}});
  auto writer = MustOpen(*sink, 1, {1, 1});
  for (int i = 0; i < 20; ++i)
    ASSERT_TRUE(writer->Write(Rows(i * 5000, i * 5000 + 5000, {"a", "b"})).ok());
  EXPECT_GT(StagedFiles(), 2u) << "some are finished, some open";
  writer.reset();
  EXPECT_TRUE(fs::is_empty(root_));
}

TEST_F(FilesSinkTest, PartitionsBecomeHiveFolders) {
  auto sink = MustMake({{"partitionKeys", "city"}});
  const std::vector<std::string> cities = {"Berlin", "São Paulo", "null", "", "a/b"};
  Prepared prepared = WriteEpoch(*sink, 1, {1, 1}, Rows(0, 1000, cities));
  EXPECT_EQ(prepared.rows, 1000);
  ASSERT_TRUE(sink->Commit(1, prepared.token).ok());
  auto ids = Ids();
  EXPECT_EQ(ids.size(), 4u);
  EXPECT_EQ(ids["city=Berlin"].size(), 200u);
  EXPECT_EQ(ids["city=Berlin"][1], 5) << "rows keep their order";
  EXPECT_EQ(ids["city=São Paulo"].size(), 200u);
  EXPECT_EQ(ids["city=a%2Fb"].size(), 200u);
  EXPECT_EQ(ids["city=__HIVE_DEFAULT_PARTITION__"].size(), 400u) << "null and the empty string";
  EXPECT_EQ(Read(Visible()[0])->schema()->ToString(), "id: int64\ntext: string");
}

TEST_F(FilesSinkTest, HostilePartitionValuesStayBeneathTheRoot) {
  std::vector<std::string> values = {"..",
                                     ".",
                                     "../../x",
                                     "%2e%2e",
                                     "/etc/passwd",
                                     "~",
                                     "-rf",
                                     "_x",
                                     ".x",
                                     std::string("a\0b", 3),
                                     std::string("%00..", 5),
                                     "a\rb",
                                     "\n",
                                     "null"};
  for (int i = 0; i < 1000; ++i) values.push_back("v/" + std::to_string(i) + "\\..");
  auto sink =
      MustMake({{"partitionKeys", "city"}, {"maxOpenPartitions", "64"}, {"format", "json"}});
  const auto count = static_cast<std::int64_t>(values.size());
  Prepared prepared = WriteEpoch(*sink, 1, {1, 1}, Rows(0, count, values));
  EXPECT_EQ(prepared.rows, count);
  ASSERT_TRUE(sink->Commit(1, prepared.token).ok());
  ASSERT_TRUE(sink->Forget(1, prepared.token).ok());
  std::size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(base_)) {
    if (!entry.is_regular_file()) continue;
    ++files;
    fs::path name = fs::relative(entry.path(), root_);
    EXPECT_EQ(std::distance(name.begin(), name.end()), 2) << name;
    std::string folder = name.begin()->string();
    ASSERT_TRUE(folder.starts_with("city=")) << folder;
    std::ifstream in(entry.path());
    std::string line;
    std::getline(in, line);
    auto id = static_cast<std::size_t>(std::stoll(line.substr(6)));
    std::string value = HiveUnescaped(folder.substr(5));
    EXPECT_EQ(value, values[id] == "null" ? std::string(kHiveDefaultPartition) : values[id]);
  }
  EXPECT_EQ(files, values.size());
}

TEST_F(FilesSinkTest, RowsThatCannotBePlacedAreRefusedAndTheRestGoesThrough) {
  auto sink = MustMake({{"partitionKeys", "city"}});
  auto writer = MustOpen(*sink, 1, {1, 1});
  auto refused = writer->Write(Rows(0, 100, {"a", std::string(300, 'x')}));
  ASSERT_TRUE(refused.ok());
  ASSERT_EQ(refused->size(), 50u);
  EXPECT_EQ((*refused)[0].row, 1);
  EXPECT_EQ((*refused)[0].field, "city");
  Prepared prepared = MustPrepare(*writer);
  EXPECT_EQ(prepared.rows, 50);
  EXPECT_EQ(prepared.artefacts, 1);
}

TEST_F(FilesSinkTest, FilesEndAtTheirTargetSize) {
  auto sink = MustMake({{"targetFileSize", "100 KB"}});
  auto writer = MustOpen(*sink, 1, {1, 1});
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(writer->Write(Rows(i * 2000, i * 2000 + 2000)).ok());
  Prepared prepared = MustPrepare(*writer);
  EXPECT_EQ(prepared.rows, 100'000);
  ASSERT_TRUE(sink->Commit(1, prepared.token).ok());
  EXPECT_GT(prepared.artefacts, 4);
  for (const std::string& name : Visible()) {
    EXPECT_LT(fs::file_size(root_ / name), 200'000u);
  }
  EXPECT_EQ(Ids()[""].size(), 100'000u);
}

TEST_F(FilesSinkTest, MostOfAWindowIsStagedBeforeItEndsAndMemoryDoesNotGrowWithIt) {
  for (const std::vector<std::string>& cities :
       {std::vector<std::string>{"a"}, {"a", "b", "c", "d", "e", "f", "g", "h"}}) {
    auto sink = MustMake({{"partitionKeys", "city"}, {"compression", "none"}});
    auto writer = MustOpen(*sink, 1, {1, static_cast<std::int64_t>(cities.size())});
    std::size_t most = 0;
    for (std::int64_t i = 0; i < 400; ++i) {
      ASSERT_TRUE(writer->Write(Rows(i * 8192, i * 8192 + 8192, cities)).ok());
      most = std::max(most, writer->memory());
    }
    auto staged = static_cast<double>(writer->bytes_staged());
    Prepared prepared = MustPrepare(*writer);
    EXPECT_GT(prepared.bytes, 60 << 20);
    EXPECT_GT(staged / static_cast<double>(prepared.bytes), 0.9);
    EXPECT_LT(most, std::size_t{40} << 20);
  }
}

TEST_F(FilesSinkTest, ManyOpenFilesShareTheMemory) {
  std::vector<std::string> cities;
  for (int i = 0; i < 300; ++i) cities.push_back("city " + std::to_string(i));
  context_.memory_bytes = 4 << 20;
  auto sink = MustMake({{"partitionKeys", "city"}});
  auto writer = MustOpen(*sink, 1, {1, 1});
  std::size_t most = 0;
  for (std::int64_t i = 0; i < 60; ++i) {
    ASSERT_TRUE(writer->Write(Rows(i * 5000, i * 5000 + 5000, cities)).ok());
    most = std::max(most, writer->memory());
  }
  EXPECT_LT(most, context_.memory_bytes + (1 << 20));
  Prepared prepared = MustPrepare(*writer);
  EXPECT_EQ(prepared.rows, 300'000);
  ASSERT_TRUE(sink->Commit(1, prepared.token).ok());
  auto ids = Ids();
  EXPECT_EQ(ids.size(), 300u);
  for (const auto& [folder, list] : ids) EXPECT_EQ(list.size(), 1000u) << folder;
}

TEST_F(FilesSinkTest, SweepRemovesOldAttemptsThatNoTokenNames) {
  auto sink = MustMake({});
  Prepared decided = WriteEpoch(*sink, 1, {1, 1}, Rows(0, 10));
  WriteEpoch(*sink, 2, {1, 2}, Rows(10, 20));
  WriteEpoch(*sink, 2, {3, 1}, Rows(10, 20));
  auto other = context_;
  context_.checkpoint_id = "ffffffffffffffffffffffffffffffff";
  WriteEpoch(*MustMake({}), 1, {1, 1}, Rows(0, 10));
  context_ = other;
  context_.name = "second";
  WriteEpoch(*MustMake({}), 1, {1, 1}, Rows(0, 10));
  ASSERT_EQ(StagedFiles(), 5u);

  ASSERT_TRUE(sink->Sweep({3, 0}, {decided.token}).ok());
  EXPECT_EQ(StagedFiles(), 4u) << "only attempt 1.2 goes: not the decided, the newer, or another's";
  EXPECT_FALSE(fs::exists(root_ / "_staging" / other.checkpoint_id / "lake" / "2" / "1.2"));
  ASSERT_TRUE(sink->Commit(1, decided.token).ok());
  EXPECT_EQ(Ids()[""].size(), 10u);
  ASSERT_TRUE(sink->Sweep({9, 0}, {}).ok());
  EXPECT_EQ(StagedFiles(), 2u);
}

TEST_F(FilesSinkTest, LeftoversOfAllCheckpointsAreShownAndThoseAskedForRemoved) {
  auto sink = MustMake({});
  Prepared decided = WriteEpoch(*sink, 1, {1, 1}, Rows(0, 10));
  WriteEpoch(*sink, 2, {3, 1}, Rows(10, 20));
  const auto own = context_;
  context_.checkpoint_id = "ffffffffffffffffffffffffffffffff";
  WriteEpoch(*MustMake({}), 5, {1, 1}, Rows(0, 10));
  context_ = own;
  std::ofstream(root_ / "_staging" / "somebody's") << "else's";

  // As `sluice checkpoint gc` makes it: to write it would need its schema.
  auto bare = Make({}, nullptr);
  ASSERT_TRUE(bare.ok());
  std::map<std::string, Leftover> seen;
  auto look = [&](const std::string& remove) {
    seen.clear();
    return (*bare)->ForEachLeftover({decided.token}, [&](const Leftover& leftover) {
      seen[leftover.checkpoint.substr(0, 1) + " " + std::to_string(leftover.epoch) + " " +
           leftover.attempt.ToString()] = leftover;
      return !remove.empty() && leftover.checkpoint.starts_with(remove);
    });
  };
  ASSERT_TRUE(look("").ok());
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_TRUE(seen.at("0 1 1.1").kept);
  EXPECT_FALSE(seen.at("0 2 3.1").kept);
  const Leftover other = seen.at("f 5 1.1");
  EXPECT_FALSE(other.kept);
  EXPECT_EQ(other.checkpoint, "ffffffffffffffffffffffffffffffff");
  EXPECT_EQ(fs::path(other.place),
            root_ / "_staging" / other.checkpoint / "lake" / "5" / "1.1" / "0");
  EXPECT_EQ(other.bytes, static_cast<std::int64_t>(fs::file_size(other.place)));
  EXPECT_GT(other.since_micros, 1'000'000'000'000'000);

  ASSERT_TRUE(look("ffff").ok());
  EXPECT_FALSE(fs::exists(root_ / "_staging" / other.checkpoint));
  EXPECT_EQ(StagedFiles(), 3u) << "the other two, and what is not ours";
  ASSERT_TRUE(look("").ok());
  EXPECT_EQ(seen.size(), 2u);
  ASSERT_TRUE((*bare)->Commit(1, decided.token).ok());
}

TEST_F(FilesSinkTest, CommitStopsAtForeignBytesAndLostFiles) {
  auto sink = MustMake({});
  Prepared prepared = WriteEpoch(*sink, 1, {1, 1}, Rows(0, 10));
  const std::string name = "part-01234567-0000000001-1.1-0.snappy.parquet";
  std::ofstream(root_ / name) << "somebody else's";
  EXPECT_EQ(sink->Commit(1, prepared.token).error().code, "storage.conflict");
  fs::remove(root_ / name);
  fs::remove_all(root_ / "_staging");
  EXPECT_EQ(sink->Commit(1, prepared.token).error().code, "storage.staged_missing");
  EXPECT_FALSE(sink->Commit(1, "{}").ok());
  EXPECT_FALSE(sink->Commit(1, "nonsense").ok());
}

TEST_F(FilesSinkTest, ProbeCountsFilesOfOtherCheckpoints) {
  auto sink = MustMake({});
  ASSERT_TRUE(sink->Commit(1, WriteEpoch(*sink, 1, {1, 1}, Rows(0, 10)).token).ok());
  context_.checkpoint_id = "ffffffffffffffffffffffffffffffff";
  testing::internal::CaptureStderr();
  MustMake({});
  std::string log = testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find("files=1"), std::string::npos) << log;
  EXPECT_NE(log.find("01234567"), std::string::npos) << log;
  EXPECT_NE(log.find("find '"), std::string::npos) << log;
  context_.checkpoint_id = "0123456789abcdef0123456789abcdef";
  testing::internal::CaptureStderr();
  MustMake({});
  EXPECT_EQ(testing::internal::GetCapturedStderr().find("other checkpoints; this job"),
            std::string::npos);
}

TEST_F(FilesSinkTest, OptionsOfFormatsAreCheckedByTheirFormat) {
  auto code = [&](std::vector<std::pair<std::string, std::string>> pairs) {
    auto sink = Make(std::move(pairs));
    return sink.ok() ? "" : sink.error().code + ": " + sink.error().message;
  };
  EXPECT_EQ(code({{"compression", "zstd"}, {"blockSize", "1 MiB"}}), "");
  EXPECT_EQ(code({{"format", "json"}, {"compression", "gzip"}}), "");
  EXPECT_NE(code({{"format", "json"}, {"compression", "brotli"}}).find("brotli"),
            std::string::npos);
  EXPECT_NE(code({{"compression", "bzip2"}}).find("format parquet"), std::string::npos);
  EXPECT_NE(code({{"compression", "lzo"}}).find("lzo"), std::string::npos);
  EXPECT_NE(
      code({{"format", "json"}, {"blockSize", "1"}}).find("'blockSize' is for format parquet"),
      std::string::npos);
  EXPECT_NE(code({{"format", "orc"}}), "");
  EXPECT_NE(code({{"partitionKeys", "town"}}).find("files.partition_key"), std::string::npos);
  EXPECT_FALSE(fs::exists(root_)) << "making a sink touches no disk";
  root_ = "gs://bucket/x";
  EXPECT_NE(code({}).find("storage.scheme"), std::string::npos);
  root_ = "s3://b/x";
  EXPECT_NE(code({}).find("storage.location"), std::string::npos);
}

TEST_F(FilesSinkTest, ATargetAheadOfTheCheckpointIsRefused) {
  auto sink = MustMake({});
  auto writer = MustOpen(*sink, 12, {3, 1});
  ASSERT_TRUE(writer->Write(Rows(0, 10)).ok());
  Prepared prepared = MustPrepare(*writer);
  ASSERT_TRUE(sink->Commit(12, prepared.token).ok());
  EXPECT_TRUE(sink->Probe(12).ok());
  auto probed = sink->Probe(11);
  ASSERT_FALSE(probed.ok());
  EXPECT_EQ(probed.error().code, "checkpoint.older_than_target");
  EXPECT_EQ(probed.error().blame, Blame::kUser);
  EXPECT_NE(probed.error().message.find(Visible().front()), std::string::npos);
}

TEST_F(FilesSinkTest, AnUnwritableTargetIsRefusedByName) {
  fs::create_directories(root_.parent_path());
  std::ofstream(root_) << "a file";
  auto sink = Make({});
  ASSERT_TRUE(sink.ok());
  auto probed = (*sink)->Probe(kDecided);
  ASSERT_FALSE(probed.ok());
  EXPECT_EQ(probed.error().blame, Blame::kUser);
  EXPECT_NE(probed.error().message.find(root_.string()), std::string::npos);
}

}  // namespace
}  // namespace sluice
