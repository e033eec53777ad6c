#include "engine/pipeline.h"

#include <arrow/array/array_primitive.h>
#include <arrow/array/util.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <future>
#include <thread>

#include "engine/checkpoint_log.h"
#include "storage/local/local_storage.h"
#include "test_parts.h"

namespace sluice {
namespace {

using testing_parts::Table;
using testing_parts::Topic;
using testing_parts::TopicSourceOptions;

/// A job over one topic and one table, in a checkpoint folder of its own, run again and again.
class PipelineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/sluice-engine-XXXXXX";
    folder_ = mkdtemp(name);
    topic_ = std::make_shared<Topic>();
    table_ = std::make_shared<Table>();
    dead_ = std::make_shared<Table>();
    spec_.job = "test";
    spec_.window_micros = 20'000;
    spec_.lease_timeout_micros = 300'000;
    spec_.spool_directory = folder_ + "/spool";
    spec_.split_refresh_micros = 50'000;
    spec_.readers_per_source = 2;
    spec_.until_caught_up = true;
    spec_.metrics = &metrics_;
    spec_.row_to_text = [](const arrow::RecordBatch&, std::int64_t) { return std::string("{}"); };
    spec_.make_recorded_sink = [](const auto&, const auto&, const auto&,
                                  const auto&) -> Result<std::shared_ptr<Sink>> {
      return BugError("no sink was changed");
    };
    AddSource("in");
    AddSink("out", "in");
    spec_.dead_letters = testing_parts::MakeTableSink(dead_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void AddSource(const std::string& name) {
    PipelineSource source;
    source.name = name;
    source.open = [this] { return testing_parts::MakeTopicSource(topic_, options_); };
    source.make_decoder = testing_parts::MakeValueDecoder;
    source.schema = testing_parts::ValueSchema();
    spec_.sources.push_back(std::move(source));
  }
  void AddSink(const std::string& name, const std::string& from) {
    spec_.sinks.push_back({name, "table", from, "{}", testing_parts::MakeTableSink(table_)});
  }
  void Fill(const SplitId& split, int from, int to) {
    for (int i = from; i < to; ++i) topic_->Append(split, split + "-" + std::to_string(i));
  }
  static std::multiset<std::string> Expected(const std::vector<SplitId>& splits, int from, int to) {
    std::multiset<std::string> rows;
    for (const auto& split : splits) {
      for (int i = from; i < to; ++i) rows.insert(split + "-" + std::to_string(i));
    }
    return rows;
  }

  /// One life of the job.
  Result<Progress> Run() {
    TRY(auto storage, OpenLocalStorage(folder_ + "/checkpoint", true, LocalAccess::kOwnerOnly));
    LogOptions options;
    options.job = spec_.job;
    options.lease_micros = spec_.lease_timeout_micros;
    TRY(auto log, CheckpointLog::Open(storage.get(), options));
    auto ran = RunPipeline(spec_, log.get(), stop_, [](const Progress&) {});
    log->Close();
    return ran;
  }
  LogContents Contents() {
    auto storage = OpenLocalStorage(folder_ + "/checkpoint", false, LocalAccess::kOwnerOnly);
    return **ReadLog(storage->get());
  }

  std::string folder_;
  std::shared_ptr<Topic> topic_;
  std::shared_ptr<Table> table_, dead_;
  TopicSourceOptions options_;
  Metrics metrics_;
  PipelineSpec spec_;
  StopRequest stop_{0};
};

TEST_F(PipelineTest, EveryRowArrivesOnceOverSeveralLives) {
  Fill("a", 0, 1000);
  Fill("b", 0, 1000);
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(table_->Rows(), Expected({"a", "b"}, 0, 1000));
  Fill("a", 1000, 1500);
  Fill("b", 1000, 1500);
  ASSERT_TRUE(Run().ok());
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(table_->Rows(), Expected({"a", "b"}, 0, 1500));
}

/// Gives `rows` rows, or the errors that it has left.
class LookedUpTable : public sluice::Table {
 public:
  class Reader : public TableReader {
   public:
    Reader(SchemaPtr schema, int rows) : schema_(std::move(schema)), rows_(rows) {}
    Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
      if (rows_-- == 0) return std::shared_ptr<arrow::RecordBatch>();
      return arrow::RecordBatch::Make(
          schema_, 1, {arrow::MakeArrayOfNull(schema_->field(0)->type(), 1).ValueOrDie()});
    }

   private:
    SchemaPtr schema_;
    int rows_;
  };

  const SchemaPtr& schema() const override { return schema_; }
  std::string location() const override { return "here"; }
  Result<std::unique_ptr<TableReader>> Read(Stopped) const override {
    ++reads;
    if (!errors.empty()) {
      Error error = errors.back();
      errors.pop_back();
      return error;
    }
    return std::unique_ptr<TableReader>(std::make_unique<Reader>(schema_, rows));
  }

  int rows = 0;
  mutable std::atomic<int> reads{0};
  mutable std::vector<Error> errors;

 private:
  SchemaPtr schema_ = testing_parts::ValueSchema();
};

TEST_F(PipelineTest, ATableIsReadAfreshForEachEpoch) {
  auto users = std::make_shared<LookedUpTable>();
  users->rows = 2;
  spec_.tables.push_back({"users", users});
  spec_.steps.push_back({"both", testing_parts::MakeCountStep({"in", "users"})});
  spec_.sinks[0].from = "both";
  Fill("a", 0, 10);
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(table_->Rows(), (std::multiset<std::string>{"10+2"}));
  EXPECT_EQ(users->reads, 1);
  users->rows = 5;
  Fill("a", 10, 11);
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(table_->Rows(), (std::multiset<std::string>{"10+2", "1+5"}));
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(users->reads, 2) << "nothing came, so nothing is looked up";
  EXPECT_NE(metrics_.ToText().find("sluice_table_rows_total{table=\"users\"} 7"),
            std::string::npos);
}

TEST_F(PipelineTest, ATableThatIsAwayIsTriedAgain) {
  auto users = std::make_shared<LookedUpTable>();
  users->rows = 2;
  users->errors.assign(2, RemoteError("table.unavailable", "the database is away"));
  spec_.tables.push_back({"users", users});
  spec_.steps.push_back({"both", testing_parts::MakeCountStep({"in", "users"})});
  spec_.sinks[0].from = "both";
  Fill("a", 0, 10);
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(table_->Rows(), (std::multiset<std::string>{"10+2"}));
  EXPECT_EQ(users->reads, 3);

  users->errors.assign(1, UserError("table.login", "the password is wrong"));
  Fill("a", 10, 12);
  auto failed = Run();
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(ExitCode(failed.error()), 2);
  EXPECT_NE(failed.error().message.find("table users: the password is wrong"), std::string::npos);
  EXPECT_EQ(table_->Rows().size(), 1u);
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(table_->Rows(), (std::multiset<std::string>{"10+2", "2+2"}));
}

TEST_F(PipelineTest, NothingNewWritesNothing) {
  Fill("a", 0, 10);
  ASSERT_TRUE(Run().ok());
  auto decisions = Contents().decisions.size();
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(Contents().decisions.size(), decisions);
}

TEST_F(PipelineTest, StopBeforeTheReadersRanIsHeard) {
  spec_.until_caught_up = false;
  Fill("a", 0, 10);
  stop_ = 1;
  for (int life = 0; life < 50; ++life) ASSERT_TRUE(Run().ok());
  stop_ = 0;
  spec_.until_caught_up = true;
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(table_->Rows(), Expected({"a"}, 0, 10));
}

TEST_F(PipelineTest, SweepIsToldOnlyOfWhatWasStaged) {
  Fill("a", 0, 10);
  ASSERT_TRUE(Run().ok());
  ASSERT_TRUE(Contents().last_decision()->dead_letters.token.empty());
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(table_->KeptBySweep().size(), 1u);
  EXPECT_TRUE(dead_->KeptBySweep().empty());
}

TEST_F(PipelineTest, RangesDeliveredTwiceAreTakenOnce) {
  options_.deliver_twice = true;
  options_.records_per_read = 7;
  Fill("a", 0, 500);
  Fill("b", 0, 300);
  ASSERT_TRUE(Run().ok());
  auto expected = Expected({"a"}, 0, 500);
  expected.merge(Expected({"b"}, 0, 300));
  EXPECT_EQ(table_->Rows(), expected);
}

TEST_F(PipelineTest, ACapIsARate) {
  spec_.sources[0].max_offsets_per_trigger = 100;
  spec_.window_micros = 50'000;
  Fill("a", 0, 300);
  Fill("b", 0, 200);
  auto began = std::chrono::steady_clock::now();
  ASSERT_TRUE(Run().ok());
  EXPECT_GE(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(190));
  EXPECT_EQ(table_->Rows().size(), 500u);
  for (const auto& decision : Contents().decisions) {
    for (const auto& count : decision.counts) {
      if (count.name != "source in delivered") continue;
      EXPECT_LE(count.value, 100);
    }
  }
}

TEST_F(PipelineTest, ACapIsReachedOnceATick) {
  spec_.sources[0].max_offsets_per_trigger = 10;
  spec_.window_micros = 40'000;
  Fill("a", 0, 300);
  auto began = std::chrono::steady_clock::now();
  ASSERT_TRUE(Run().ok());
  // Thirty epochs: the first at once, the others each at a tick of its own.
  EXPECT_GE(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(29 * 40 - 5));
  EXPECT_EQ(table_->Rows().size(), 300u);
}

TEST_F(PipelineTest, ANewSplitIsReadFromItsBeginning) {
  spec_.until_caught_up = false;
  options_.from_latest = true;
  topic_->AddSplit("a");
  auto run = std::async(std::launch::async, [this] { return Run(); });
  while (metrics_.ToText().find("sluice_lag_records{source=\"in\",split=\"a\"} 0") ==
         std::string::npos) {
    std::this_thread::yield();
  }
  Fill("a", 0, 10);
  Fill("b", 0, 10);
  table_->WaitForRows(20);
  stop_ = 1;
  ASSERT_TRUE(run.get().ok());
  EXPECT_EQ(table_->Rows(), Expected({"a", "b"}, 0, 10));
}

TEST_F(PipelineTest, RejectsGoToTheDeadLettersOfTheSameDecision) {
  Fill("a", 0, 10);
  topic_->Append("a", "bad one");
  topic_->Append("a", "");
  topic_->Append("a", "refuse");
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(table_->Rows(), Expected({"a"}, 0, 10));
  EXPECT_EQ(dead_->Rows().size(), 3u);
  EXPECT_EQ(Contents().decisions.back().dead_letters.rows, 3);
}

TEST_F(PipelineTest, DeadLettersOfAllKindsHaveTheEpochsNow) {
  std::vector<std::string> times;
  dead_->on_write = [&times](const arrow::RecordBatch& rows) {
    const auto& column = static_cast<const arrow::TimestampArray&>(*rows.GetColumnByName("time"));
    for (std::int64_t i = 0; i < rows.num_rows(); ++i) {
      times.push_back(FormatTimestamp(column.Value(i)));
    }
  };
  spec_.steps.push_back({"clean", testing_parts::MakeRowStep("in")});
  spec_.sinks[0].from = "clean";
  for (const char* text : {"bad one", "fail it", "refuse", "x"}) topic_->Append("a", text);
  ASSERT_TRUE(Run().ok());
  const std::string now = Contents().decisions.back().now;
  EXPECT_EQ(times, (std::vector<std::string>{now, now, now}));
}

TEST_F(PipelineTest, RejectsAreSaidInTheLog) {
  // A source and a sink of names of their own, since a name is warned about once a minute.
  spec_.sources[0].name = "source_that_refuses";
  spec_.steps.push_back({"step_that_refuses", testing_parts::MakeRowStep("source_that_refuses")});
  spec_.sinks[0].name = "sink_that_refuses";
  spec_.sinks[0].from = "step_that_refuses";
  spec_.dead_letter_location = "/the/dead-letters";
  for (const char* text : {"bad one", "fail it", "fail it", "refuse"}) topic_->Append("a", text);
  testing::internal::CaptureStderr();
  ASSERT_TRUE(Run().ok());
  const std::string log = testing::internal::GetCapturedStderr();
  for (const char* part :
       {"warn a source refused rows source=source_that_refuses epoch=1 refused=1 of=4 share=\"25 "
        "%\"",
        "warn a step refused rows step=step_that_refuses epoch=1 refused=2 of=3 share=\"66.7 %\"",
        "warn a sink refused rows sink=sink_that_refuses epoch=1 refused=1 of=1 share=\"100 %\"",
        "first=\"value: the table does not take it [test.refused]\"",
        "dead_letters=/the/dead-letters"}) {
    EXPECT_NE(log.find(part), std::string::npos) << part << "\n" << log;
  }
}

TEST_F(PipelineTest, ASinkThatHangsHoldsTheEpochAndIsNamed) {
  spec_.max_memory = 32u << 20;  // Small queues.
  spec_.slow_sink_micros = 100'000;
  spec_.sinks[0].name = "sink_that_hangs";
  auto quick = std::make_shared<testing_parts::Table>();
  spec_.sinks.push_back({"quick", "table", "in", "{}", testing_parts::MakeTableSink(quick)});
  std::promise<void> release;
  table_->failures.write = [waited = release.get_future().share()](auto) -> Result<void> {
    waited.wait();
    return {};
  };
  for (int i = 0; i < 4000; ++i) {
    topic_->Append("a", std::to_string(i) + std::string(10'000, 'x'));
  }
  testing::internal::CaptureStderr();
  auto ran = std::async(std::launch::async, [this] { return Run(); });
  auto text = [this](const std::string& name) {
    const std::string all = metrics_.ToText();
    const std::size_t at = all.find("\n" + name + "{sink=\"sink_that_hangs\"} ");
    return at == all.npos ? 0.0 : std::stod(all.substr(all.find("} ", at) + 2));
  };
  while (text("sluice_sink_busy_seconds") < 0.3) std::this_thread::yield();
  EXPECT_TRUE(quick->Rows().empty()) << "the epoch waits for both";
  // 40 MB are to be read, and nobody takes them.
  EXPECT_LT(metrics_.AddCounter("sluice_bytes_total", "", {{"source", "in"}}).Value(), 20e6);
  release.set_value();
  ASSERT_TRUE(ran.get().ok());
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find("a sink takes long"), std::string::npos) << log;
  EXPECT_NE(log.find("sink=sink_that_hangs is=\"taking rows\""), std::string::npos) << log;
  EXPECT_EQ(table_->Rows().size(), 4000u);
  EXPECT_EQ(table_->Rows(), quick->Rows());
}

TEST_F(PipelineTest, ABadRecordUnderFailStopsWithDataError) {
  spec_.sources[0].bad_records = BadRecords::kFail;
  topic_->Append("a", "bad one");
  auto ran = Run();
  ASSERT_FALSE(ran.ok());
  EXPECT_EQ(ExitCode(ran.error()), 3);
  EXPECT_TRUE(table_->Rows().empty());
}

TEST_F(PipelineTest, TooManyBadRecordsStopBeforeTheDecision) {
  spec_.sources[0].max_bad_record_rate = 0.1;
  Fill("a", 0, 5);
  topic_->Append("a", "bad one");
  auto ran = Run();
  ASSERT_FALSE(ran.ok());
  EXPECT_EQ(ran.error().code, "data.bad_record_rate");
  EXPECT_TRUE(table_->Rows().empty());
  EXPECT_TRUE(Contents().decisions.empty());
}

TEST_F(PipelineTest, RowStepsFilterAndRefuse) {
  spec_.steps.push_back({"clean", testing_parts::MakeRowStep("in")});
  spec_.sinks[0].from = "clean";
  for (const char* text : {"x", "drop it", "fail it", "y"}) topic_->Append("a", text);
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(table_->Rows(), (std::multiset<std::string>{"x", "y"}));
  EXPECT_EQ(dead_->Rows().size(), 1u);
}

class BrokenStepTest : public PipelineTest,
                       public ::testing::WithParamInterface<testing_parts::StepFault> {};

TEST_P(BrokenStepTest, AStepThatLosesTrackOfItsRowsStopsTheJob) {
  spec_.steps.push_back({"broken", testing_parts::MakeBrokenStep("in", GetParam())});
  spec_.sinks[0].from = "broken";
  Fill("a", 0, 3);
  auto ran = Run();
  ASSERT_FALSE(ran.ok());
  EXPECT_EQ(ran.error().blame, Blame::kBug);
  EXPECT_TRUE(table_->Rows().empty());
}

using testing_parts::StepFault;
INSTANTIATE_TEST_SUITE_P(Faults, BrokenStepTest,
                         ::testing::Values(StepFault::kDoubled, StepFault::kUnordered,
                                           StepFault::kMadeUp, StepFault::kUncounted,
                                           StepFault::kOutAndDead, StepFault::kDeadUnknown));

TEST_F(PipelineTest, AnOpenStepSeesTheWholeEpochAndItsInputsOverflowToDisk) {
  AddSource("other");
  spec_.window_micros = 60'000'000;
  spec_.max_memory = 32 << 10;  // Queues of 1 KiB: the second input must overflow.
  spec_.steps.push_back({"count", testing_parts::MakeCountStep({"in", "other"})});
  spec_.sinks[0].from = "count";
  Fill("a", 0, 5000);
  auto ran = Run();
  ASSERT_TRUE(ran.ok()) << ToString(ran.error());
  EXPECT_EQ(table_->Rows(), (std::multiset<std::string>{"5000+5000"}));
}

/// Sends whole batches to an entry of a replay: those whose first record begins with "step" to the
/// second.
class SortingDecoder final : public BatchDecoder {
 public:
  Result<void> Decode(const std::shared_ptr<const RawBatch>& raw, const Take& take) override {
    TRY(auto decoder, testing_parts::MakeValueDecoder());
    return decoder->Decode(raw, [&](DecodedBatch batch) {
      batch.entry = raw->records[0].view().starts_with("step") ? 1 : 0;
      return take(std::move(batch));
    });
  }
};

TEST_F(PipelineTest, ARowEntersWhereItsEntrySays) {
  options_.records_per_read = 1;
  PipelineSource& source = spec_.sources[0];
  source.name = "letters";
  source.entries = {{"in", "", source.schema}, {"in for clean", "clean", source.schema}};
  source.make_decoder = []() -> Result<std::unique_ptr<BatchDecoder>> {
    return std::unique_ptr<BatchDecoder>(std::make_unique<SortingDecoder>());
  };
  spec_.steps.push_back({"clean", testing_parts::MakeRowStep("in")});
  spec_.steps.push_back({"count", testing_parts::MakeCountStep({"in"})});
  spec_.sinks[0].from = "clean";
  auto all = std::make_shared<Table>(), counted = std::make_shared<Table>();
  spec_.sinks.push_back({"all", "table", "in", "{}", testing_parts::MakeTableSink(all)});
  spec_.sinks.push_back({"counted", "table", "count", "{}", testing_parts::MakeTableSink(counted)});
  spec_.skip_idle_steps = true;
  topic_->Append("a", "step only");
  auto ran = Run();
  ASSERT_TRUE(ran.ok()) << ToString(ran.error());
  EXPECT_EQ(table_->Rows(), (std::multiset<std::string>{"step only"}));
  EXPECT_TRUE(all->Rows().empty());
  EXPECT_TRUE(counted->Rows().empty()) << "no row reached the count";
  topic_->Append("a", "for everybody");
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(table_->Rows(), (std::multiset<std::string>{"for everybody", "step only"}));
  EXPECT_EQ(all->Rows(), (std::multiset<std::string>{"for everybody"}));
  EXPECT_EQ(counted->Rows(), (std::multiset<std::string>{"1"}));
}

TEST_F(PipelineTest, AFailureBeforeTheDecisionIsReadAgain) {
  std::atomic<int> failures{3};
  table_->failures.write = [&](std::int64_t) -> Result<void> {
    if (failures-- > 0) return RemoteError("test.disk", "the disk is full");
    return {};
  };
  Fill("a", 0, 2000);
  Fill("b", 0, 2000);
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(table_->Rows(), Expected({"a", "b"}, 0, 2000));
}

TEST_F(PipelineTest, AStopThatCannotSealIsAnError) {
  spec_.until_caught_up = false;
  spec_.window_micros = 3'600'000'000;
  table_->failures.prepare = [](std::int64_t) -> Result<void> {
    return RemoteError("test.disk", "the disk is full");
  };
  Fill("a", 0, 10);
  auto run = std::async(std::launch::async, [this] { return Run(); });
  while (metrics_.ToText().find("sluice_lag_records{source=\"in\",split=\"a\"} 0") ==
         std::string::npos) {
    std::this_thread::yield();
  }
  stop_ = 1;
  auto ran = run.get();
  ASSERT_FALSE(ran.ok());
  EXPECT_EQ(ran.error().code, "test.disk");
  EXPECT_EQ(ExitCode(ran.error()), 1);
}

TEST_F(PipelineTest, WhatAFailedSealStagedIsSweptBeforeTheNextAttempt) {
  std::atomic<int> failures{3};
  dead_->failures.prepare = [&](std::int64_t) -> Result<void> {
    if (failures-- > 0) return RemoteError("test.disk", "the disk is full");
    return {};
  };
  Fill("a", 0, 10);
  topic_->Append("a", "bad one");
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(table_->sweeps(), 4) << "one before each attempt";
}

TEST_F(PipelineTest, ACommitThatFailsForAWhileIsRepeatedNotRead) {
  std::atomic<int> failures{2};
  table_->failures.commit = [&](std::int64_t) -> Result<void> {
    if (failures-- > 0) return RemoteError("test.net", "no answer");
    return {};
  };
  Fill("a", 0, 100);
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(table_->Rows(), Expected({"a"}, 0, 100));
}

TEST_F(PipelineTest, ADecidedEpochIsCommittedByTheNextLife) {
  table_->failures.commit = [](std::int64_t) -> Result<void> {
    return Error{Blame::kRemote, Retry::kNo, "test.gone", "the store is gone"};
  };
  Fill("a", 0, 100);
  ASSERT_FALSE(Run().ok());
  EXPECT_TRUE(table_->Rows().empty());
  EXPECT_NE(Contents().uncommitted(), nullptr);
  table_->failures.commit = nullptr;
  options_.before_read = [](const SplitId&, std::size_t offset) -> Result<void> {
    EXPECT_GE(offset, 100u) << "a decided epoch is never read again";
    return {};
  };
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(table_->Rows(), Expected({"a"}, 0, 100));
}

TEST_F(PipelineTest, TheSecondSignalAbandonsTheOpenEpoch) {
  spec_.until_caught_up = false;
  spec_.window_micros = 3600'000'000ll;
  Fill("a", 0, 100);
  auto run = std::async(std::launch::async, [this] { return Run(); });
  while (metrics_.ToText().find("sluice_records_total{source=\"in\"} 100") == std::string::npos) {
    std::this_thread::yield();
  }
  stop_ = 2;
  ASSERT_TRUE(run.get().ok());
  EXPECT_TRUE(table_->Rows().empty());
  stop_ = 0;
  spec_.until_caught_up = true;
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(table_->Rows(), Expected({"a"}, 0, 100));
}

TEST_F(PipelineTest, OneThatWasTakenOverDecidesNothingMore) {
  spec_.until_caught_up = false;
  spec_.window_micros = 3600'000'000ll;
  Fill("a", 0, 100);
  auto old = std::async(std::launch::async, [this] { return Run(); });
  while (metrics_.ToText().find("sluice_records_total{source=\"in\"} 100") == std::string::npos) {
    std::this_thread::yield();
  }
  // Another process would wait for the lease; here the slot is created under the old one's feet.
  auto storage = OpenLocalStorage(folder_ + "/checkpoint", false, LocalAccess::kOwnerOnly);
  LogContents contents = Contents();
  std::string slot = FormatSlot({contents.checkpoint_id, contents.last_slot + 1, "takeover",
                                 ToJson(TakeoverRecord{"elsewhere", 1, "now", "w"})});
  char name[64];
  std::snprintf(name, sizeof name, "/slot-%012lld", static_cast<long long>(contents.last_slot + 1));
  ASSERT_TRUE((*storage)->PutNew(contents.checkpoint_id + name, slot).ok());
  stop_ = 1;
  auto ran = old.get();
  ASSERT_FALSE(ran.ok());
  EXPECT_EQ(ExitCode(ran.error()), 4);
  EXPECT_TRUE(table_->Rows().empty());
}

TEST_F(PipelineTest, ADeletedCheckpointUnderARunningWriterStopsIt) {
  spec_.until_caught_up = false;
  spec_.window_micros = 3600'000'000ll;
  Fill("a", 0, 100);
  auto old = std::async(std::launch::async, [this] { return Run(); });
  while (metrics_.ToText().find("sluice_records_total{source=\"in\"} 100") == std::string::npos) {
    std::this_thread::yield();
  }
  // The heartbeat may put a file back while the folder is being removed.
  std::error_code ignored;
  while (std::filesystem::exists(folder_ + "/checkpoint")) {
    std::filesystem::remove_all(folder_ + "/checkpoint", ignored);
  }
  stop_ = 1;
  auto ran = old.get();
  ASSERT_FALSE(ran.ok());
  EXPECT_EQ(ExitCode(ran.error()), 4) << ToString(ran.error());
  EXPECT_TRUE(table_->Rows().empty());
}

TEST_F(PipelineTest, ARemovedSourceOrSinkIsRefusedUnlessDropped) {
  AddSource("old");
  AddSink("second", "old");
  Fill("a", 0, 10);
  ASSERT_TRUE(Run().ok());
  spec_.sources.pop_back();
  spec_.sinks.pop_back();
  auto ran = Run();
  ASSERT_FALSE(ran.ok());
  EXPECT_EQ(ran.error().code, "checkpoint.removed_source");
  EXPECT_NE(ran.error().message.find("--drop old"), std::string::npos);
  spec_.drop = {"old"};
  ran = Run();
  ASSERT_FALSE(ran.ok());
  EXPECT_EQ(ran.error().code, "checkpoint.removed_sink");
  spec_.drop = {"old", "second"};
  Fill("a", 10, 20);
  ASSERT_TRUE(Run().ok());
  EXPECT_TRUE(Run().ok()) << "the same command may be given again";
  spec_.drop = {};
  EXPECT_TRUE(Run().ok()) << "the next decision no longer names them";
}

TEST_F(PipelineTest, WhatTheJobStillHasIsNotDropped) {
  Fill("a", 0, 10);
  spec_.drop = {"in"};
  auto ran = Run();
  ASSERT_FALSE(ran.ok());
  EXPECT_EQ(ran.error().code, "job.drop");
  EXPECT_EQ(ExitCode(ran.error()), 2);
  EXPECT_TRUE(table_->Rows().empty());
}

TEST_F(PipelineTest, ASplitThatTheSourceNoLongerNamesNeedsDrop) {
  Fill("a/0", 0, 10);
  Fill("b/0", 0, 10);
  Fill("b/1", 0, 10);
  ASSERT_TRUE(Run().ok());
  Fill("a/0", 10, 20);
  Fill("b/0", 10, 20);
  options_.hidden = {"b/0", "b/1"};
  auto ran = Run();
  ASSERT_FALSE(ran.ok());
  EXPECT_EQ(ran.error().code, "checkpoint.removed_split");
  EXPECT_EQ(ExitCode(ran.error()), 2);
  for (const char* said : {"b/0 (read up to 10), b/1 (read up to 10)", "'in'", "--drop in/b,"}) {
    EXPECT_NE(ran.error().message.find(said), std::string::npos) << ran.error().message;
  }
  EXPECT_EQ(table_->Rows().size(), 30u) << "nothing is read before that is settled";
  spec_.drop = {"in/b"};
  ASSERT_TRUE(Run().ok());
  ASSERT_TRUE(Run().ok()) << "the same command may be given again";
  spec_.drop = {};
  ASSERT_TRUE(Run().ok()) << "the next decision no longer names them";
  auto expected = Expected({"a/0"}, 0, 20);
  expected.merge(Expected({"b/0", "b/1"}, 0, 10));
  EXPECT_EQ(table_->Rows(), expected);
}

TEST_F(PipelineTest, OneSplitCanBeDropped) {
  for (const char* split : {"t/0", "t/1", "t/2"}) Fill(split, 0, 10);
  ASSERT_TRUE(Run().ok());
  options_.hidden = {"t/2"};
  spec_.drop = {"in/t/2", "in/t/1"};
  Fill("t/1", 10, 20);
  ASSERT_TRUE(Run().ok());
  auto expected = Expected({"t/0", "t/1", "t/2"}, 0, 10);
  expected.merge(Expected({"t/1"}, 10, 20));
  EXPECT_EQ(table_->Rows(), expected) << "what is still read is not given up";
}

TEST_F(PipelineTest, ASourceOfNewSplitsOnlyStartsByItsOptions) {
  options_.from_latest = true;
  topic_->AddSplit("a");
  ASSERT_TRUE(Run().ok());
  Fill("a", 0, 10);
  Fill("b", 0, 10);
  options_.hidden = {"a"};
  spec_.drop = {"in/a"};
  ASSERT_TRUE(Run().ok());
  EXPECT_TRUE(table_->Rows().empty()) << "it starts at the latest";
  Fill("b", 10, 20);
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(table_->Rows(), Expected({"b"}, 10, 20));
}

TEST_F(PipelineTest, ADeletedSplitIsForgottenWhereTheJobAllowsLoss) {
  options_.from_latest = true;
  topic_->AddSplit("a");
  topic_->AddSplit("b");
  ASSERT_TRUE(Run().ok());
  Fill("a", 0, 10);
  Fill("b", 0, 10);
  options_.hidden = {"b"};
  options_.missing = [](const SplitStart&) -> Result<Missing> {
    return RemoteError("test.deleted", "", Retry::kNo);
  };
  auto ran = Run();
  ASSERT_FALSE(ran.ok());
  EXPECT_EQ(ran.error().code, "test.deleted");
  options_.missing = [](const SplitStart&) -> Result<Missing> { return Missing::kGone; };
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(table_->Rows(), Expected({"a"}, 0, 10));
  EXPECT_EQ(Contents().last_decision()->positions.size(), 1u) << "no longer named";
  // Once all that it knew are gone, what appears is new to the job all the same.
  Fill("c", 0, 10);
  options_.hidden = {"a", "b"};
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(table_->Rows(), Expected({"a", "c"}, 0, 10));
}

TEST_F(PipelineTest, TheCheckpointOfAnotherJobIsRefused) {
  Fill("a", 0, 10);
  ASSERT_TRUE(Run().ok());
  spec_.job = "another";
  auto ran = Run();
  ASSERT_FALSE(ran.ok());
  EXPECT_EQ(ran.error().code, "checkpoint.foreign");
  EXPECT_EQ(ExitCode(ran.error()), 2);
}

TEST_F(PipelineTest, ManyEpochsLeaveASmallLog) {
  spec_.min_epochs_to_retain = 5;
  spec_.sources[0].max_offsets_per_trigger = 1;
  spec_.window_micros = 1'000;
  Fill("a", 0, 60);
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(table_->Rows().size(), 60u);
  LogContents contents = Contents();
  EXPECT_LE(contents.decisions.size(), 6u);
  EXPECT_LE(contents.entries.size(), 14u);
  Fill("a", 60, 70);
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(table_->Rows().size(), 70u);
}

}  // namespace
}  // namespace sluice
