// Records per CPU-second of the CSV decoder over click events, one a message, in batches of the
// size a source delivers; beside it DuckDB's read_csv over the same rows in one file, on one
// thread: csv_decode_bench [RECORDS] [ROUNDS] [--ours].
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <duckdb.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "click_event.h"
#include "decode/csv/csv_format.h"
#include "record/schema.h"

namespace {

using sluice_bench::ThreadCpuSeconds;

struct Rows {
  std::string bytes;
  std::vector<std::size_t> starts;  ///< One more than rows; each row with its line end.
};

Rows MakeRows(std::size_t records, bool quoted) {
  std::mt19937_64 random(7);
  Rows rows;
  for (std::size_t i = 0; i < records; ++i) {
    rows.starts.push_back(rows.bytes.size());
    rows.bytes += sluice_bench::ToCsv(sluice_bench::MakeClickEvent(random), quoted) + "\n";
  }
  rows.starts.push_back(rows.bytes.size());
  return rows;
}

/// Best of the rounds, in records per CPU-second; 0 if anything went wrong.
double Decode(const Rows& rows, std::size_t in_message, int rounds) {
  constexpr std::size_t kBatch = 4096;
  const std::size_t records = rows.starts.size() - 1;
  auto decoder = sluice::MakeCsvDecoder(*sluice::ParseDdl(sluice_bench::kCsvSchema), {},
                                        arrow::default_memory_pool());
  if (!decoder.ok()) return 0;
  double best = 0;
  std::vector<sluice::Payload> payloads;
  for (int round = 0; round < rounds; ++round) {
    const double begin = ThreadCpuSeconds();
    std::size_t decoded = 0;
    for (std::size_t i = 0; i < records;) {
      payloads.clear();
      for (std::size_t n = 0; i < records && n < kBatch; n += in_message) {
        const std::size_t next = std::min(i + in_message, records);
        payloads.push_back({rows.bytes.data() + rows.starts[i], rows.starts[next] - rows.starts[i],
                            static_cast<std::uint32_t>(payloads.size())});
        i = next;
      }
      auto batch = (*decoder)->Decode(payloads);
      if (!batch.ok() || !batch->rejects.empty()) return 0;
      decoded += static_cast<std::size_t>(batch->rows->num_rows());
    }
    if (decoded != records) return 0;
    best = std::max(best, static_cast<double>(records) / (ThreadCpuSeconds() - begin));
  }
  return best;
}

/// The same of DuckDB, into its own columns.
double ReadWithDuckDb(const Rows& rows, int rounds) {
  char path[] = "/tmp/csv_decode_bench_XXXXXX";
  const int file = mkstemp(path);
  if (file < 0) return 0;
  const bool written =
      write(file, rows.bytes.data(), rows.bytes.size()) == static_cast<ssize_t>(rows.bytes.size());
  close(file);
  duckdb_database database = nullptr;
  duckdb_connection connection = nullptr;
  double best = 0;
  if (written && duckdb_open(nullptr, &database) == DuckDBSuccess &&
      duckdb_connect(database, &connection) == DuckDBSuccess) {
    duckdb_query(connection, "SET threads = 1", nullptr);
    const std::string sql =
        std::string("SELECT * FROM read_csv('") + path +
        "', auto_detect = false, header = false, delim = ',', quote = '\"', columns = {event_id: "
        "'VARCHAR', ts: 'TIMESTAMP', user_id: 'BIGINT', session: 'VARCHAR', event: 'VARCHAR', "
        "price: "
        "'DOUBLE', quantity: 'INTEGER', city: 'VARCHAR', lat: 'DOUBLE', lon: 'DOUBLE', ua: "
        "'VARCHAR', "
        "tags: 'VARCHAR', ok: 'BOOLEAN'})";
    for (int round = 0; round < rounds; ++round) {
      duckdb_result result;
      // One thread: the caller's own.
      const double begin = ThreadCpuSeconds();
      const bool good = duckdb_query(connection, sql.c_str(), &result) == DuckDBSuccess;
      const double seconds = ThreadCpuSeconds() - begin;
      const std::size_t count = good ? duckdb_row_count(&result) : 0;
      if (!good) std::fprintf(stderr, "%s\n", duckdb_result_error(&result));
      duckdb_destroy_result(&result);
      if (count != rows.starts.size() - 1) {
        best = 0;
        break;
      }
      best = std::max(best, static_cast<double>(count) / seconds);
    }
  }
  duckdb_disconnect(&connection);
  duckdb_close(&database);
  unlink(path);
  return best;
}

void Print(const char* what, double rate, double bytes) {
  std::printf("  %-34s %12.0f %8.3f us %8.0f MB/s\n", what, rate, 1e6 / rate, rate * bytes / 1e6);
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t records = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 200'000;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 20;
  const bool only_ours = argc > 3 && std::strcmp(argv[3], "--ours") == 0;
  std::printf("stage 1: %s; best of %d rounds, records per CPU-second\n",
              sluice::CsvIndexers().front().name, rounds);
  for (const bool quoted : {false, true}) {
    const Rows rows = MakeRows(records, quoted);
    const double bytes = static_cast<double>(rows.bytes.size()) / static_cast<double>(records);
    std::printf("%s, %.0f bytes a row\n", quoted ? "texts in quotes" : "no quotes", bytes);
    const double single = Decode(rows, 1, rounds);
    const double many = Decode(rows, 256, rounds);
    if (single == 0 || many == 0) return 1;
    Print("sluice, a row a message", single, bytes);
    Print("sluice, 256 rows a message", many, bytes);
    if (only_ours) continue;
    const double duckdb = ReadWithDuckDb(rows, std::max(rounds / 4, 1));
    if (duckdb == 0) return 1;
    Print("DuckDB read_csv, one file", duckdb, bytes);
  }
  return 0;
}
