#include "test_parts.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/type.h>

#include <chrono>
#include <optional>
#include <utility>

#include "record/arrow_error.h"

namespace sluice::testing_parts {
namespace {

class TopicBatch final : public RawBatch {
 public:
  std::vector<std::string> texts;
  std::string Origin(std::size_t record) const override {
    return "{\"split\":\"" + ranges[records[record].range].split +
           "\",\"offset\":" + std::to_string(records[record].sequence) + "}";
  }
};

class TopicReader final : public SplitReader {
 public:
  TopicReader(std::shared_ptr<Topic> topic, TopicSourceOptions options,
              const std::vector<SplitStart>& starts)
      : topic_(std::move(topic)), options_(std::move(options)) {
    for (const auto& start : starts) at_[start.id] = std::stoul(start.position);
  }

  Result<std::unique_ptr<RawBatch>> Read(const ReadLimits& limits) override {
    for (auto& [split, at] : at_) {
      std::size_t count = std::min(limits.records, options_.records_per_read);
      std::size_t from = at;
      if (auto again = again_.find(split); again != again_.end()) {
        from = again->second;
        count = at - from;
        again_.erase(again);
      }
      if (options_.before_read) TRY(options_.before_read(split, from));
      auto batch = std::make_unique<TopicBatch>();
      batch->texts = topic_->Read(split, from, count);
      if (batch->texts.empty()) continue;
      for (const std::string& text : batch->texts) {
        RawRecord record;
        record.data = text.data();
        record.size = text.size();
        record.sequence = static_cast<std::int64_t>(from + batch->records.size());
        batch->bytes += text.size();
        batch->records.push_back(record);
      }
      std::size_t to = from + batch->texts.size();
      batch->ranges.push_back({split, std::to_string(from), std::to_string(to)});
      if (options_.deliver_twice && from == at) again_[split] = from;
      at = to;
      return std::unique_ptr<RawBatch>(std::move(batch));
    }
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, std::chrono::milliseconds(2));
    return std::unique_ptr<RawBatch>();
  }
  Result<void> Seek(const SplitId& split, const Position& position) override {
    at_[split] = std::stoul(position);
    again_.erase(split);
    return {};
  }
  Result<void> Add(const SplitStart& start) override {
    at_[start.id] = std::stoul(start.position);
    return {};
  }
  void Wake() override { wake_.notify_all(); }

 private:
  std::shared_ptr<Topic> topic_;
  TopicSourceOptions options_;
  std::map<SplitId, std::size_t> at_;
  std::map<SplitId, std::size_t> again_;
  std::mutex mutex_;
  std::condition_variable wake_;
};

class TopicSource final : public Source {
 public:
  TopicSource(std::shared_ptr<Topic> topic, TopicSourceOptions options)
      : topic_(std::move(topic)), options_(std::move(options)) {}
  const std::vector<std::shared_ptr<arrow::Field>>& extra_fields() const override { return none_; }
  Result<std::vector<Split>> ListSplits() override {
    std::vector<Split> splits;
    for (const auto& id : topic_->splits()) {
      if (!options_.hidden.contains(id)) splits.push_back({id, ""});
    }
    return splits;
  }
  Result<std::vector<Missing>> JudgeMissing(const std::vector<SplitStart>& starts) override {
    std::vector<Missing> judged;
    for (const SplitStart& start : starts) {
      judged.push_back(Missing::kNotNamed);
      if (!options_.missing) continue;
      TRY(judged.back(), options_.missing(start));
    }
    return judged;
  }
  Result<std::vector<SplitStart>> ResolveStart(const std::vector<Split>& splits,
                                               bool first) override {
    std::vector<SplitStart> starts;
    for (const auto& split : splits) {
      std::size_t at = first && options_.from_latest ? topic_->size(split.id) : 0;
      starts.push_back({split.id, std::to_string(at), ""});
    }
    return starts;
  }
  Result<Verified> Verify(const std::vector<SplitStart>& starts) override {
    return Verified{starts, {}};
  }
  Result<std::map<SplitId, Position>> Ends(const std::vector<SplitId>& splits) override {
    std::map<SplitId, Position> ends;
    for (const auto& split : splits) ends[split] = std::to_string(topic_->size(split));
    return ends;
  }
  Result<std::unique_ptr<SplitReader>> OpenReader(const std::vector<SplitStart>& starts) override {
    return std::unique_ptr<SplitReader>(std::make_unique<TopicReader>(topic_, options_, starts));
  }
  int ComparePositions(const Position& a, const Position& b) const override {
    return static_cast<int>(std::stol(a) - std::stol(b));
  }
  std::int64_t Distance(const Position& from, const Position& to) const override {
    return std::max<std::int64_t>(0, std::stol(to) - std::stol(from));
  }
  void Committed(const std::vector<SplitStart>&) override {}

 private:
  std::shared_ptr<Topic> topic_;
  TopicSourceOptions options_;
  std::vector<std::shared_ptr<arrow::Field>> none_;
};

std::shared_ptr<arrow::RecordBatch> Values(const std::vector<std::string>& values) {
  arrow::StringBuilder builder;
  if (!builder.AppendValues(values).ok()) std::abort();
  return arrow::RecordBatch::Make(ValueSchema(), static_cast<std::int64_t>(values.size()),
                                  {builder.Finish().ValueOrDie()});
}

std::string Value(const arrow::RecordBatch& rows, std::int64_t row) {
  return std::static_pointer_cast<arrow::StringArray>(rows.column(0))->GetString(row);
}

class ValueDecoder final : public Decoder {
 public:
  const SchemaPtr& schema() const override { return schema_; }
  Result<DecodedRows> Decode(const std::vector<Payload>& payloads) override {
    DecodedRows out;
    std::vector<std::string> values;
    for (const Payload& payload : payloads) {
      std::string text(payload.data, payload.size);
      if (text.rfind("bad", 0) == 0) {
        Reject reject;
        reject.record = payload.record;
        reject.code = "test.bad";
        reject.reason = "the message says so";
        out.rejects.push_back(std::move(reject));
        continue;
      }
      values.push_back(std::move(text));
      out.record_of_row.push_back(payload.record);
    }
    out.rows = Values(values);
    return out;
  }

 private:
  SchemaPtr schema_ = ValueSchema();
};

class RowStep final : public Transform {
 public:
  RowStep(std::string input, std::optional<StepFault> fault)
      : inputs_{std::move(input)}, fault_(fault) {}
  const std::vector<std::string>& inputs() const override { return inputs_; }
  const SchemaPtr& output_schema() const override { return schema_; }
  bool row_by_row() const override { return true; }
  bool may_multiply() const override { return false; }
  std::string plan() const override { return "a test's row step"; }
  const std::vector<Scan>& scans() const override { return scans_; }
  Result<std::unique_ptr<EpochQuery>> OpenEpoch(std::vector<std::shared_ptr<BatchStream>>,
                                                std::int64_t) override {
    return BugError("a row step is not opened for an epoch");
  }
  Result<std::unique_ptr<RowTransform>> OpenRow() override {
    class Row final : public RowTransform {
     public:
      explicit Row(std::optional<StepFault> fault) : fault_(fault) {}
      Result<RowOutput> Apply(const std::shared_ptr<arrow::RecordBatch>& rows,
                              std::int64_t) override {
        RowOutput out;
        std::vector<std::string> values;
        for (std::int64_t i = 0; i < rows->num_rows(); ++i) {
          std::string value = Value(*rows, i);
          if (value.rfind("drop", 0) == 0) continue;
          if (value.rfind("fail", 0) == 0) {
            out.failures.push_back({i, "test.fail", "value", "the value says so"});
            continue;
          }
          values.push_back(value);
          out.row_of_output.push_back(i);
        }
        out.rows = Values(values);
        if (fault_.has_value() && rows->num_rows() > 1) Break(rows->num_rows(), &out);
        return out;
      }

     private:
      void Break(std::int64_t in, RowOutput* out) const {
        auto& row_of_output = out->row_of_output;
        switch (*fault_) {
          case StepFault::kDoubled:
            row_of_output[1] = row_of_output[0];
            break;
          case StepFault::kUnordered:
            std::swap(row_of_output[0], row_of_output[1]);
            break;
          case StepFault::kMadeUp:
            row_of_output.back() = in;
            break;
          case StepFault::kUncounted:
            row_of_output.pop_back();
            break;
          case StepFault::kOutAndDead:
            out->failures.push_back({1, "test.fail", "value", "though it came out"});
            break;
          case StepFault::kDeadUnknown:
            out->failures.push_back({in, "test.fail", "value", "though it never came in"});
            break;
        }
      }

      std::optional<StepFault> fault_;
    };
    return std::unique_ptr<RowTransform>(std::make_unique<Row>(fault_));
  }

 private:
  std::vector<std::string> inputs_;
  SchemaPtr schema_ = ValueSchema();
  std::vector<Scan> scans_;
  std::optional<StepFault> fault_;
};

class CountStep final : public Transform {
 public:
  explicit CountStep(std::vector<std::string> inputs) : inputs_(std::move(inputs)) {
    for (std::size_t i = 0; i < inputs_.size(); ++i) scans_.push_back({i});
  }
  const std::vector<std::string>& inputs() const override { return inputs_; }
  const SchemaPtr& output_schema() const override { return schema_; }
  bool row_by_row() const override { return false; }
  bool may_multiply() const override { return false; }
  std::string plan() const override { return "a test's open step"; }
  const std::vector<Scan>& scans() const override { return scans_; }
  Result<std::unique_ptr<RowTransform>> OpenRow() override {
    return BugError("an open step does not work row by row");
  }
  Result<std::unique_ptr<EpochQuery>> OpenEpoch(std::vector<std::shared_ptr<BatchStream>> streams,
                                                std::int64_t) override {
    class Query final : public EpochQuery {
     public:
      explicit Query(std::vector<std::shared_ptr<BatchStream>> streams)
          : streams_(std::move(streams)) {}
      Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
        if (done_) return std::shared_ptr<arrow::RecordBatch>();
        done_ = true;
        std::string text;
        // One input to its end after the other, as a join's build side is.
        for (auto& stream : streams_) {
          std::int64_t rows = 0;
          while (true) {
            TRY(auto batch, stream->Next());
            if (batch == nullptr) break;
            rows += batch->num_rows();
          }
          text += (text.empty() ? "" : "+") + std::to_string(rows);
        }
        return Values({text});
      }

     private:
      std::vector<std::shared_ptr<BatchStream>> streams_;
      bool done_ = false;
    };
    return std::unique_ptr<EpochQuery>(std::make_unique<Query>(std::move(streams)));
  }

 private:
  std::vector<std::string> inputs_;
  std::vector<Scan> scans_;
  SchemaPtr schema_ = ValueSchema();
};

}  // namespace

void Topic::Append(const SplitId& split, const std::string& message) {
  std::lock_guard lock(mutex_);
  messages_[split].push_back(message);
}
void Topic::AddSplit(const SplitId& split) {
  std::lock_guard lock(mutex_);
  messages_[split];
}
std::vector<SplitId> Topic::splits() const {
  std::lock_guard lock(mutex_);
  std::vector<SplitId> out;
  for (const auto& [split, messages] : messages_) out.push_back(split);
  return out;
}
std::vector<std::string> Topic::Read(const SplitId& split, std::size_t from,
                                     std::size_t count) const {
  std::lock_guard lock(mutex_);
  const auto& all = messages_.at(split);
  if (from >= all.size()) return {};
  auto first = all.begin() + static_cast<std::ptrdiff_t>(from);
  return {first, first + static_cast<std::ptrdiff_t>(std::min(count, all.size() - from))};
}
std::size_t Topic::size(const SplitId& split) const {
  std::lock_guard lock(mutex_);
  return messages_.at(split).size();
}

std::unique_ptr<Source> MakeTopicSource(std::shared_ptr<Topic> topic, TopicSourceOptions options) {
  return std::make_unique<TopicSource>(std::move(topic), std::move(options));
}

SchemaPtr ValueSchema() {
  static const SchemaPtr schema = arrow::schema({arrow::field("value", arrow::utf8())});
  return schema;
}

Result<std::unique_ptr<BatchDecoder>> MakeValueDecoder() {
  TRY(std::unique_ptr<BatchDecoder> decoder,
      MessageDecoder::Make(std::make_unique<ValueDecoder>(), {}, DecodeLimits{}));
  return decoder;
}

std::multiset<std::string> Table::Rows() const {
  std::lock_guard lock(mutex_);
  std::multiset<std::string> rows;
  for (const auto& [epoch, values] : visible_) rows.insert(values.begin(), values.end());
  return rows;
}
int Table::sweeps() const {
  std::lock_guard lock(mutex_);
  return sweeps_;
}
std::set<std::string> Table::KeptBySweep() const {
  std::lock_guard lock(mutex_);
  return kept_;
}

std::vector<std::int64_t> Table::Epochs() const {
  std::lock_guard lock(mutex_);
  std::vector<std::int64_t> epochs;
  for (const auto& [epoch, values] : visible_) epochs.push_back(epoch);
  return epochs;
}
void Table::WaitForRows(std::size_t count) const {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::seconds(30), [&] {
    std::size_t rows = 0;
    for (const auto& [epoch, values] : visible_) rows += values.size();
    return rows >= count;
  });
}

class TableWriter final : public SinkWriter {
 public:
  TableWriter(std::shared_ptr<Table> table, std::int64_t epoch, std::string key)
      : table_(std::move(table)), epoch_(epoch), key_(std::move(key)) {}
  Result<std::vector<SinkRefusal>> Write(const std::shared_ptr<arrow::RecordBatch>& rows) override {
    if (table_->failures.write) TRY(table_->failures.write(epoch_));
    if (table_->on_write) table_->on_write(*rows);
    std::vector<SinkRefusal> refused;
    for (std::int64_t i = 0; i < rows->num_rows(); ++i) {
      bool null = rows->column(0)->IsNull(i);
      std::string value =
          null || rows->column(0)->type_id() != arrow::Type::STRING ? "row" : Value(*rows, i);
      if (value == "refuse") {
        refused.push_back({i, "test.refused", "value", "the table does not take it"});
      } else {
        rows_.push_back(std::move(value));
      }
    }
    return refused;
  }
  Result<Prepared> Prepare() override {
    if (table_->failures.prepare) TRY(table_->failures.prepare(epoch_));
    std::lock_guard lock(table_->mutex_);
    table_->staged_[key_] = rows_;
    return Prepared{key_, static_cast<std::int64_t>(rows_.size()), 0, 1};
  }
  std::int64_t bytes_staged() const override { return 0; }
  std::size_t memory() const override { return 0; }

 private:
  std::shared_ptr<Table> table_;
  std::int64_t epoch_;
  std::string key_;
  std::vector<std::string> rows_;
};

class TableSink final : public Sink {
 public:
  explicit TableSink(std::shared_ptr<Table> table) : table_(std::move(table)) {}
  Result<void> Probe(std::int64_t) override { return {}; }
  Result<std::unique_ptr<SinkWriter>> Open(std::int64_t epoch, const AttemptId& attempt) override {
    return std::unique_ptr<SinkWriter>(std::make_unique<TableWriter>(
        table_, epoch, std::to_string(epoch) + "/" + attempt.ToString()));
  }
  Result<void> Commit(std::int64_t epoch, const std::string& token) override {
    if (table_->failures.commit) TRY(table_->failures.commit(epoch));
    {
      std::lock_guard lock(table_->mutex_);
      table_->visible_[epoch] = table_->staged_.at(token);
    }
    table_->changed_.notify_all();
    return {};
  }
  Result<void> Forget(std::int64_t, const std::string&) override { return {}; }
  Result<void> Sweep(const AttemptId&, const std::vector<std::string>& keep) override {
    std::lock_guard lock(table_->mutex_);
    ++table_->sweeps_;
    table_->kept_.insert(keep.begin(), keep.end());
    return {};
  }

 private:
  std::shared_ptr<Table> table_;
};

std::shared_ptr<Sink> MakeTableSink(std::shared_ptr<Table> table) {
  return std::make_shared<TableSink>(std::move(table));
}
std::shared_ptr<Transform> MakeCountStep(std::vector<std::string> inputs) {
  return std::make_shared<CountStep>(std::move(inputs));
}
std::shared_ptr<Transform> MakeRowStep(std::string input) {
  return std::make_shared<RowStep>(std::move(input), std::nullopt);
}
std::shared_ptr<Transform> MakeBrokenStep(std::string input, StepFault fault) {
  return std::make_shared<RowStep>(std::move(input), fault);
}

}  // namespace sluice::testing_parts
