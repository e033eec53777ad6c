/// Whole jobs on a disk whose power is cut: log, sink and dead letters, recovered on what is left.
///
/// SLUICE_POWER_CUTS is the number of jobs (default 200), SLUICE_POWER_CUT_SEED the first one's
/// seed (default 1). A seed chooses where to cut and what survives; threads still run as they like,
/// so a seed that failed may need a few runs (SLUICE_POWER_CUT_RUNS) to fail again. What was left
/// of a job that failed stays in a folder that the failure names, with the changes of each life.
#include <arrow/builder.h>
#include <arrow/type.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "encode/json/json_encoder.h"
#include "engine/checkpoint_log.h"
#include "engine/dead_letters.h"
#include "engine/pipeline.h"
#include "sink/files/files_sink.h"
#include "storage/local/disk.h"
#include "storage/local/local_storage.h"
#include "storage/testing/simulated_disk.h"
#include "test_parts.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;
using testing_parts::Topic;

constexpr int kMessages = 120;  ///< Of each split.
constexpr int kCuts = 3;        ///< Lives of a job that end in a cut, at most.
constexpr int kFailed = 9;
const std::vector<SplitId> kSplits = {"a", "b"};

std::string Message(const SplitId& split, int i) {
  return (i % 10 == 7 ? "bad " : "") + split + "-" + std::to_string(i);
}

/// Columns `value`, which is the message, and `city`, by its last digit; "bad ..." is a reject.
class CityDecoder final : public Decoder {
 public:
  const SchemaPtr& schema() const override { return schema_; }
  Result<DecodedRows> Decode(const std::vector<Payload>& payloads) override {
    DecodedRows out;
    arrow::StringBuilder values;
    arrow::StringBuilder cities;
    for (const Payload& payload : payloads) {
      std::string text(payload.data, payload.size);
      if (text.starts_with("bad")) {
        Reject reject;
        reject.record = payload.record;
        reject.code = "test.bad";
        reject.reason = "the message says so";
        out.rejects.push_back(std::move(reject));
        continue;
      }
      if (!values.Append(text).ok() || !cities.Append(text.back() < '5' ? "low" : "high").ok()) {
        return BugError("no memory");
      }
      out.record_of_row.push_back(payload.record);
    }
    const std::int64_t rows = values.length();  // Finish makes it 0.
    out.rows = arrow::RecordBatch::Make(
        schema_, rows, {values.Finish().ValueOrDie(), cities.Finish().ValueOrDie()});
    return out;
  }

 private:
  SchemaPtr schema_ =
      arrow::schema({arrow::field("value", arrow::utf8()), arrow::field("city", arrow::utf8())});
};

Result<std::shared_ptr<Sink>> MakeFilesSink(
    const std::string& checkpoint_id, const std::string& name, SchemaPtr schema,
    std::vector<std::pair<std::string, std::string>> options) {
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
  SinkContext context;
  context.name = name;
  context.checkpoint_id = checkpoint_id;
  options.emplace_back("format", "json");
  TRY(Options parsed, ParseOptions(entry.options, RawOptionsFromPairs(options), name));
  TRY(std::shared_ptr<Sink> sink, entry.make(parsed, std::move(schema), context));
  return sink;
}

/// One life of the job, in `folder`. With `carries` the rows of its epochs wait for one another.
Result<void> Live(const std::string& folder, bool carries) {
  auto topic = std::make_shared<Topic>();
  for (const SplitId& split : kSplits) {
    for (int i = 0; i < kMessages; ++i) topic->Append(split, Message(split, i));
  }
  TRY(auto storage, OpenLocalStorage(folder + "/checkpoint", true, LocalAccess::kOwnerOnly));
  LogOptions log_options;
  log_options.job = "test";
  log_options.lease_micros = 20'000;  // Of a heartbeat that the cut tore.
  TRY(auto log, CheckpointLog::Open(storage.get(), log_options));

  Metrics metrics;
  PipelineSpec spec;
  spec.job = "test";
  spec.window_micros = 2'000;
  spec.lease_timeout_micros = log_options.lease_micros;
  spec.spool_directory = folder + "/checkpoint/spool";
  spec.readers_per_source = 2;
  spec.min_epochs_to_retain = 3;
  spec.until_caught_up = true;
  spec.metrics = &metrics;
  spec.row_to_text = [](const arrow::RecordBatch&, std::int64_t) { return std::string("{}"); };
  auto make_lake = [&, id = log->checkpoint_id()](SchemaPtr schema) {
    return MakeFilesSink(id, "lake", std::move(schema),
                         {{"path", folder + "/lake"},
                          {"partitionKeys", "city"},
                          {"maxDelay", carries ? "1 hour" : "0"}});
  };
  spec.make_recorded_sink = [&](const auto&, const auto&, const auto&, SchemaPtr schema) {
    return make_lake(std::move(schema));
  };
  PipelineSource source;
  source.name = "in";
  source.open = [topic] { return testing_parts::MakeTopicSource(topic, {}); };
  source.make_decoder = []() -> Result<std::unique_ptr<BatchDecoder>> {
    TRY(std::unique_ptr<BatchDecoder> decoder,
        MessageDecoder::Make(std::make_unique<CityDecoder>(), {}, DecodeLimits{}));
    return decoder;
  };
  source.schema = CityDecoder().schema();
  source.max_offsets_per_trigger = 30;
  spec.sources.push_back(std::move(source));
  TRY(auto lake, make_lake(CityDecoder().schema()));
  spec.sinks.push_back({"lake", "files", "in", "{}", std::move(lake)});
  TRY(spec.dead_letters, MakeFilesSink(log->checkpoint_id(), "dead letters", DeadLetterSchema(),
                                       {{"path", folder + "/dead"}}));
  const StopRequest stop{0};
  TRY(RunPipeline(spec, log.get(), stop, [](const Progress&) {}));
  log->Close();
  return {};
}

/// What follows `key` in each line of the files that a plain listing of `folder` shows.
std::multiset<std::string> Listed(const fs::path& folder, const std::string& key) {
  std::multiset<std::string> values;
  if (!fs::exists(folder)) return values;
  for (auto entry = fs::recursive_directory_iterator(folder);
       entry != fs::recursive_directory_iterator(); ++entry) {
    const char first = entry->path().filename().string()[0];
    if (first == '_' || first == '.') {
      entry.disable_recursion_pending();
      continue;
    }
    if (!entry->is_regular_file()) continue;
    std::ifstream in(entry->path());
    for (std::string line; std::getline(in, line);) {
      std::size_t begin = line.find(key);
      std::size_t end = begin == line.npos ? line.npos : line.find('"', begin + key.size());
      values.insert(end == line.npos || line.back() != '}'
                        ? "torn line in " + entry->path().string()
                        : line.substr(begin + key.size(), end - begin - key.size()));
    }
  }
  return values;
}

std::string Difference(const std::multiset<std::string>& found,
                       const std::multiset<std::string>& wanted) {
  std::string text;
  for (const std::string& value : std::set<std::string>(wanted.begin(), wanted.end())) {
    if (!found.contains(value)) text += " lost " + value;
  }
  for (const std::string& value : std::set<std::string>(found.begin(), found.end())) {
    if (found.count(value) > wanted.count(value)) text += " too often " + value;
  }
  return text;
}

/// A job from its first life to its last, in a folder of its own.
class CutJob {
 public:
  explicit CutJob(std::uint64_t seed) : random_(seed), carries_(seed % 2 == 1) {
    std::string pattern = (fs::temp_directory_path() / "power_cuts_XXXXXX").string();
    base_ = ::mkdtemp(pattern.data());
    for (const SplitId& split : kSplits) {
      for (int i = 0; i < kMessages; ++i) {
        std::string message = Message(split, i);
        (message.starts_with("bad") ? letters_ : rows_).insert(std::move(message));
      }
    }
  }

  /// What went wrong; "" if nothing did, and then nothing is left behind.
  std::string Run() {
    fs::create_directories(disk());
    for (int life = 0;; ++life) {
      // The first life may get far; recoveries are cut while they are about it.
      const std::uint64_t range = life == 0 ? 900 : 150;
      const std::int64_t cut = life < kCuts ? static_cast<std::int64_t>(1 + random_() % range) : 0;
      const int status = RunLife(life, cut);
      if (status == kFailed) return Failure("life " + std::to_string(life) + " failed: " + error_);
      if (status != 0 && status != SimulatedDisk::kPowerCut) {
        return Failure("life " + std::to_string(life) + " ended with " + std::to_string(status));
      }
      // Also after the end: what the job showed must be on the disk by then.
      fs::rename(disk(), base_ / ("before-cut-" + std::to_string(life)));
      fs::rename(base_ / "image", disk());
      const bool ended = status == 0;
      cuts_ += !ended;
      std::string wrong = Difference(rows(), rows_) + Difference(letters(), letters_);
      if (wrong.find(" too often ") != wrong.npos || (ended && !wrong.empty())) {
        return Failure("after life " + std::to_string(life) + ":" + wrong);
      }
      if (ended) break;
    }
    fs::remove_all(base_);
    return "";
  }
  int cuts() const { return cuts_; }

 private:
  fs::path disk() const { return base_ / "disk"; }
  std::multiset<std::string> rows() const { return Listed(disk() / "lake", "{\"value\":\""); }
  std::multiset<std::string> letters() const { return Listed(disk() / "dead", "\"bytes\":\""); }
  std::string Failure(const std::string& what) const {
    return what + "\nwhat is left: " + base_.string();
  }

  int RunLife(int life, std::int64_t cut) {
    const std::uint64_t seed = random_();
    const std::string image = (base_ / "image").string();
    const fs::path error = base_ / "error";
    ::pid_t child = ::fork();
    if (child == 0) {
      const std::string log = (base_ / ("log-" + std::to_string(life))).string();
      if (std::freopen(log.c_str(), "w", stderr) == nullptr) ::_exit(126);
      SimulatedDisk disk_of_life(disk().string());
      disk_of_life.CutAt(cut, seed, image);
      ReplaceDisk(&disk_of_life);
      if (auto lived = Live(disk().string(), carries_); !lived.ok()) {
        std::ofstream(error) << ToString(lived.error());
        ::_exit(kFailed);
      }
      disk_of_life.WriteImage(seed, image);
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    std::ifstream in(error);
    error_.assign(std::istreambuf_iterator<char>(in), {});
    if (fs::exists(image + ".journal")) {
      fs::rename(image + ".journal", base_ / ("journal-" + std::to_string(life)));
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

  std::mt19937_64 random_;
  const bool carries_;
  fs::path base_;
  std::multiset<std::string> rows_, letters_;
  std::string error_;
  int cuts_ = 0;
};

std::uint64_t Number(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TEST(PowerCuts, EachRowIsThereOnce) {
  const std::uint64_t jobs = Number("SLUICE_POWER_CUTS", 200);
  const std::uint64_t first = Number("SLUICE_POWER_CUT_SEED", 1);
  const std::uint64_t runs = Number("SLUICE_POWER_CUT_RUNS", 1);
  int cuts = 0;
  for (std::uint64_t seed = first; seed < first + jobs; ++seed) {
    for (std::uint64_t run = 0; run < runs; ++run) {
      CutJob job(seed);
      const std::string wrong = job.Run();
      cuts += job.cuts();
      ASSERT_TRUE(wrong.empty()) << "seed " << seed << ": " << wrong
                                 << "\nto run it again: ./dev powercuts --seed " << seed;
    }
  }
  std::printf("%llu jobs, %d power cuts\n", static_cast<unsigned long long>(jobs * runs), cuts);
  if (jobs >= 20) {
    EXPECT_GT(cuts, static_cast<int>(jobs)) << "more than one a job";
  }
}

}  // namespace
}  // namespace sluice
