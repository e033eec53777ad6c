/// CPU time and bytes of one Parquet row, for rows like the demo's (13 columns, click events with a
/// total): our encoder as the files sink drives it, beside Arrow's own writer fed by hand with its
/// defaults and with our settings. Nothing is written to a disk. Run it by hand; figures are the
/// best of five rounds.
#include <arrow/builder.h>
#include <arrow/io/interfaces.h>
#include <arrow/record_batch.h>
#include <arrow/table.h>
#include <parquet/arrow/writer.h>
#include <parquet/properties.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "encode/parquet/parquet_encoder.h"

namespace {

using arrow::RecordBatchVector;

constexpr int kBatches = 40;
constexpr int kRowsPerBatch = 16'384;
constexpr int kBatchesPerGroup = 8;
constexpr int kRounds = 5;

double CpuSeconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

void Check(const arrow::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  std::exit(1);
}

template <typename T>
T Check(sluice::Result<T> result) {
  if (!result.ok()) {
    std::fprintf(stderr, "%s\n", result.error().message.c_str());
    std::exit(1);
  }
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

std::shared_ptr<arrow::Schema> RowSchema() {
  using namespace arrow;  // NOLINT
  return schema({field("event_id", utf8()), field("ts", timestamp(TimeUnit::MICRO, "UTC")),
                 field("user_id", int64()), field("session", utf8()), field("event", utf8()),
                 field("price", float64()), field("quantity", int32()), field("city", utf8()),
                 field("geo", struct_({field("lat", float64()), field("lon", float64())})),
                 field("ua", utf8()), field("tags", list(field("element", utf8()))),
                 field("ok", boolean()), field("total", float64())});
}

std::shared_ptr<arrow::RecordBatch> MakeBatch(std::mt19937_64* random, std::int64_t first) {
  static const char* const kEvents[] = {"cart", "cart", "cart", "buy", "buy", "pay"};
  static const char* const kCities[] = {"Berlin", "Paris",  "London", "Madrid",
                                        "Rome",   "Vienna", "Oslo",   "Lisbon"};
  static const char* const kAgents[] = {"App/4.2 Android", "App/4.2 iOS", "Edge/126 Windows",
                                        "Firefox/127 Linux"};
  static const char* const kTags[] = {"garden", "office", "sale", "new", "toys", "books"};
  auto pick = [&](std::uint64_t n) { return (*random)() % n; };
  auto* pool = arrow::default_memory_pool();
  arrow::StringBuilder id, session, event, city, agent;
  arrow::TimestampBuilder ts(arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"), pool);
  arrow::Int64Builder user;
  arrow::DoubleBuilder price, total;
  arrow::Int32Builder quantity;
  arrow::BooleanBuilder ok;
  auto lat = std::make_shared<arrow::DoubleBuilder>();
  auto lon = std::make_shared<arrow::DoubleBuilder>();
  arrow::StructBuilder geo(RowSchema()->field(8)->type(), pool, {lat, lon});
  auto tag = std::make_shared<arrow::StringBuilder>();
  arrow::ListBuilder tags(pool, tag, RowSchema()->field(10)->type());
  for (int row = 0; row < kRowsPerBatch; ++row) {
    char text[24];
    std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>((*random)()));
    Check(id.Append(text));
    Check(ts.Append(1'767'225'600'000'000 + (first + row) * 3333 / 1000 * 1000));
    std::uint64_t who = pick(2) ? pick(20'000) : pick(200'000);
    Check(user.Append(static_cast<std::int64_t>(who)));
    std::snprintf(text, sizeof text, "s%08llx",
                  static_cast<unsigned long long>(who * 2654435761u & 0xffffffffu));
    Check(session.Append(text));
    Check(event.Append(kEvents[pick(6)]));
    double cents = static_cast<double>(pick(300) * pick(100));
    int count = static_cast<int>(pick(3) ? 1 : 1 + pick(5));
    Check(price.Append(cents / 100));
    Check(total.Append(cents / 100 * count));
    Check(quantity.Append(count));
    std::uint64_t place = pick(8);
    Check(city.Append(kCities[place]));
    Check(geo.Append());
    Check(lat->Append(40 + static_cast<double>(place * 20'000 + pick(1024)) / 10'000));
    Check(lon->Append(static_cast<double>(place * 20'000 + pick(1024)) / 10'000));
    Check(agent.Append(kAgents[pick(4)]));
    Check(tags.Append());
    Check(tag->Append(kTags[pick(6)]));
    Check(tag->Append(kTags[pick(6)]));
    Check(ok.Append(pick(50) != 0));
  }
  arrow::ArrayVector columns(13);
  arrow::ArrayBuilder* builders[] = {&id,   &ts,  &user,  &session, &event, &price, &quantity,
                                     &city, &geo, &agent, &tags,    &ok,    &total};
  for (std::size_t i = 0; i < 13; ++i) Check(builders[i]->Finish(&columns[i]));
  return arrow::RecordBatch::Make(RowSchema(), kRowsPerBatch, columns);
}

class CountingSink final : public sluice::ByteSink, public arrow::io::OutputStream {
 public:
  sluice::Result<void> Append(std::string_view bytes) override {
    size += static_cast<std::int64_t>(bytes.size());
    return {};
  }
  arrow::Status Write(const void*, std::int64_t bytes) override {
    size += bytes;
    return arrow::Status::OK();
  }
  arrow::Status Close() override { return arrow::Status::OK(); }
  bool closed() const override { return false; }
  arrow::Result<std::int64_t> Tell() const override { return size; }
  std::int64_t size = 0;
};

std::int64_t RunOurs(const RecordBatchVector& batches,
                     const std::vector<std::pair<std::string, std::string>>& pairs) {
  auto entry = sluice::ParquetEncoderEntry();
  auto options =
      Check(sluice::ParseOptions(entry.options, sluice::RawOptionsFromPairs(pairs), "bench"));
  CountingSink out;
  auto encoder = Check(entry.make(options, RowSchema(), &out));
  for (const auto& batch : batches) {
    Check(encoder->Write(batch));
    if (encoder->buffered() >= 6u << 20) Check(encoder->Flush());
  }
  Check(encoder->Finish());
  return out.size;
}

std::int64_t RunArrow(const RecordBatchVector& batches, bool our_settings, bool buffered) {
  parquet::WriterProperties::Builder builder;
  builder.compression(parquet::Compression::SNAPPY);
  if (our_settings) {
    builder.write_batch_size(4096)->dictionary_pagesize_limit(32'768);
    builder.set_size_statistics_level(parquet::SizeStatisticsLevel::None);
  }
  auto out = std::make_shared<CountingSink>();
  auto writer = parquet::arrow::FileWriter::Open(*RowSchema(), arrow::default_memory_pool(), out,
                                                 builder.build())
                    .ValueOrDie();
  for (std::size_t i = 0; i < batches.size(); i += kBatchesPerGroup) {
    RecordBatchVector group(batches.begin() + static_cast<std::ptrdiff_t>(i),
                            batches.begin() + static_cast<std::ptrdiff_t>(
                                                  std::min(batches.size(), i + kBatchesPerGroup)));
    if (buffered) {
      Check(writer->NewBufferedRowGroup());
      for (const auto& batch : group) Check(writer->WriteRecordBatch(*batch));
    } else {
      Check(writer->WriteTable(*arrow::Table::FromRecordBatches(group).ValueOrDie(), 1 << 20));
    }
  }
  Check(writer->Close());
  return out->size;
}

}  // namespace

int main() {
  std::mt19937_64 random(1);
  RecordBatchVector batches;
  for (int i = 0; i < kBatches; ++i)
    batches.push_back(MakeBatch(&random, std::int64_t{i} * kRowsPerBatch));
  RecordBatchVector small;
  for (const auto& batch : batches) {
    for (int from = 0; from < kRowsPerBatch; from += 2048)
      small.push_back(batch->Slice(from, 2048));
  }
  struct Case {
    const char* name;
    std::function<std::int64_t()> run;
    double best = 1e9;
    std::int64_t size = 0;
  };
  std::vector<Case> cases = {
      {"sluice", [&] { return RunOurs(batches, {}); }},
      {"sluice, batches of 2,048 rows", [&] { return RunOurs(small, {}); }},
      {"sluice, zstd",
       [&] {
         return RunOurs(batches, {{"compression", "zstd"}});
       }},
      {"sluice, uncompressed",
       [&] {
         return RunOurs(batches, {{"compression", "none"}});
       }},
      {"sluice, dictionaryPageSize 1 MiB",
       [&] {
         return RunOurs(batches, {{"dictionaryPageSize", "1 MiB"}});
       }},
      {"Arrow by hand, our settings", [&] { return RunArrow(batches, true, false); }},
      {"Arrow by hand, our settings, buffered", [&] { return RunArrow(batches, true, true); }},
      {"Arrow by hand, its defaults", [&] { return RunArrow(batches, false, false); }},
      {"Arrow by hand, its defaults, buffered", [&] { return RunArrow(batches, false, true); }},
  };
  for (int round = 0; round < kRounds; ++round) {
    for (Case& one : cases) {
      double before = CpuSeconds();
      one.size = one.run();
      one.best = std::min(one.best, CpuSeconds() - before);
    }
  }
  constexpr double kRows = double{kBatches} * kRowsPerBatch;
  for (const Case& one : cases) {
    std::printf("%-40s %.3f us CPU/row  %5.1f bytes/row\n", one.name, one.best / kRows * 1e6,
                static_cast<double>(one.size) / kRows);
  }
  return 0;
}
