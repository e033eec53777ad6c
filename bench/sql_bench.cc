/// Cost per record of SQL steps over the click events: row by row, open for the epoch, and past
/// SQL. Prints nanoseconds of CPU per input record. `sql_bench [RECORDS]`, default 2,000,000.

#include <arrow/api.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "transform/sql/sql_engine.h"

namespace sluice {
namespace {

constexpr std::int64_t kBatch = 16 * 1024;

InputSchema Clicks() {
  return {
      "clicks",
      *ParseDdl("event_id string, ts timestamp, user_id bigint, session string, event string, "
                "price double, quantity int, city string, geo struct<lat:double,lon:double>, ua "
                "string, tags array<string>, ok boolean")};
}

template <typename B, typename T>
void Add(arrow::ArrayBuilder* builder, T value) {
  if (!static_cast<B*>(builder)->Append(value).ok()) std::abort();
}

std::shared_ptr<arrow::RecordBatch> Events(const SchemaPtr& schema) {
  auto batch = *arrow::RecordBatchBuilder::Make(schema, arrow::default_memory_pool(), kBatch);
  const char* events[] = {"view", "cart", "buy", "pay"};
  const char* cities[] = {"Riga", "Oslo", "Bern", "Rome", "Kyiv", "Bonn", "Cork", "Linz"};
  for (std::int64_t i = 0; i < kBatch; ++i) {
    char id[17];
    std::snprintf(id, sizeof(id), "%016llx", static_cast<unsigned long long>(i) * 2654435761u);
    Add<arrow::StringBuilder>(batch->GetField(0), std::string(id));
    Add<arrow::TimestampBuilder>(batch->GetField(1), 1'700'000'000'000'000 + i * 1000);
    Add<arrow::Int64Builder>(batch->GetField(2), i % 100'003);
    Add<arrow::StringBuilder>(batch->GetField(3), std::string(id) + "-session");
    Add<arrow::StringBuilder>(batch->GetField(4),
                              std::string(events[i * 7 % 10 < 6 ? 0 : 1 + i % 3]));
    Add<arrow::DoubleBuilder>(batch->GetField(5), static_cast<double>(i % 1000) / 10);
    Add<arrow::Int32Builder>(batch->GetField(6), static_cast<std::int32_t>(i % 9));
    Add<arrow::StringBuilder>(batch->GetField(7), std::string(cities[i % 8]));
    auto* geo = static_cast<arrow::StructBuilder*>(batch->GetField(8));
    if (!geo->Append().ok()) std::abort();
    Add<arrow::DoubleBuilder>(geo->field_builder(0), 56.9);
    Add<arrow::DoubleBuilder>(geo->field_builder(1), 24.1);
    Add<arrow::StringBuilder>(batch->GetField(9),
                              std::string("Mozilla/5.0 (X11; Linux x86_64) Firefox/128"));
    auto* tags = static_cast<arrow::ListBuilder*>(batch->GetField(10));
    if (!tags->Append().ok()) std::abort();
    Add<arrow::StringBuilder>(tags->value_builder(), std::string("summer"));
    Add<arrow::StringBuilder>(tags->value_builder(), std::string("sale"));
    Add<arrow::BooleanBuilder>(batch->GetField(11), i % 2 == 0);
  }
  return *batch->Flush();
}

class Repeat : public BatchStream {
 public:
  Repeat(std::shared_ptr<arrow::RecordBatch> batch, std::int64_t times)
      : batch_(std::move(batch)), left_(times) {}
  Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
    if (left_-- <= 0) return std::shared_ptr<arrow::RecordBatch>();
    return batch_;
  }

 private:
  std::shared_ptr<arrow::RecordBatch> batch_;
  std::int64_t left_;
};

double CpuNanos() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

Result<void> Measure(const std::shared_ptr<SqlEngine>& engine, const char* sql,
                     std::int64_t records) {
  const InputSchema input = Clicks();
  const auto batch = Events(input.schema);
  const std::int64_t batches = records / kBatch;
  TRY(auto step, MakeSqlTransform(engine, sql, {input}));
  std::int64_t out = 0;
  double start = 0;
  if (step->row_by_row()) {
    TRY(auto query, step->OpenRow());
    TRY(auto warm, query->Apply(batch, 0));
    start = CpuNanos();
    for (std::int64_t i = 0; i < batches; ++i) {
      TRY(auto rows, query->Apply(batch, 0));
      out += rows.rows->num_rows();
    }
  } else {
    std::vector<std::shared_ptr<BatchStream>> streams;
    for (std::size_t i = 0; i < step->scans().size(); ++i) {
      streams.push_back(std::make_shared<Repeat>(batch, batches));
    }
    start = CpuNanos();
    TRY(auto query, step->OpenEpoch(std::move(streams), 0));
    while (true) {
      TRY(auto rows, query->Next());
      if (rows == nullptr) break;
      out += rows->num_rows();
    }
  }
  const double nanos = (CpuNanos() - start) / static_cast<double>(batches * kBatch);
  std::printf("%8.1f ns/record  %9lld rows out  %s\n                  %s\n", nanos,
              static_cast<long long>(out), sql, step->plan().c_str());
  return {};
}

}  // namespace
}  // namespace sluice

int main(int argc, char** argv) {
  const std::int64_t records = argc > 1 ? std::atoll(argv[1]) : 2'000'000;
  auto engine = sluice::SqlEngine::Make({});
  if (!engine.ok()) {
    std::fprintf(stderr, "%s\n", sluice::ToString(engine.error()).c_str());
    return 1;
  }
  for (const char* sql : {
           "SELECT *, price * quantity AS total FROM clicks WHERE event <> 'view'",
           "SELECT *, price * quantity AS total FROM clicks",
           "SELECT x.*, price * quantity AS total FROM (SELECT * FROM clicks) x WHERE event <> "
           "'view'",
           "SELECT event_id, price * quantity AS total FROM clicks WHERE event <> 'view'",
           "SELECT event_id AS id, city, geo FROM clicks",
           "SELECT unnest(tags) AS tag, event_id FROM clicks",
           "SELECT city, count(*) AS n, sum(price) AS s FROM clicks GROUP BY city",
           "SELECT * FROM clicks UNION ALL SELECT * FROM clicks",
       }) {
    auto done = sluice::Measure(*engine, sql, records);
    if (!done.ok()) {
      std::fprintf(stderr, "%s: %s\n", sql, sluice::ToString(done.error()).c_str());
      return 1;
    }
  }
  return 0;
}
