#include "cli/demo_command.h"

#include <arrow/array.h>
#include <arrow/scalar.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <system_error>
#include <vector>

#include "cli/click_events.h"
#include "cli/click_feed.h"
#include "cli/demo_broker.h"
#include "cli/live_line.h"
#include "cli/table_files.h"
#include "core/clock.h"
#include "core/logging.h"
#include "core/metrics.h"
#include "core/text_table.h"
#include "core/units.h"
#include "engine/checkpoint_log.h"
#include "job/checkpoint_storage.h"
#include "job/pipeline_builder.h"
#include "job/plan.h"
#include "record/arrow_error.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

constexpr char kTopic[] = "clicks";
constexpr int kPartitions = 4;
constexpr std::int64_t kFirstRows = 5;
constexpr std::size_t kCellWidth = 32;
// Without a terminal there is no live line, but a line now and then.
constexpr std::int64_t kLineMicros = 2'000'000;

// Touched by the signal handler: lock-free atomics only.
StopRequest stop_request{0};
std::atomic<bool> interrupted{false};

extern "C" void OnDemoSignal(int) {
  interrupted = true;
  const int asked = stop_request.load();
  if (asked < 2) stop_request.store(asked + 1);
}

void InstallSignalHandlers() {
  struct sigaction action {};
  action.sa_handler = OnDemoSignal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

/// Where the demo works. A temporary folder goes with it.
class DemoFolder {
 public:
  ~DemoFolder() {
    std::error_code ignored;
    if (temporary_) fs::remove_all(path_, ignored);
  }
  Result<void> Make(const std::string& keep) {
    std::error_code error;
    if (keep.empty()) {
      std::string pattern = (fs::temp_directory_path() / "sluice-demo-XXXXXX").string();
      if (mkdtemp(pattern.data()) == nullptr) {
        return UserError("demo.folder", "no folder can be made in " +
                                            fs::temp_directory_path().string() +
                                            "; give one with --keep DIR");
      }
      path_ = pattern;
      temporary_ = true;
      return {};
    }
    path_ = fs::absolute(keep).lexically_normal().string();
    fs::create_directories(path_, error);
    if (!error && !fs::is_empty(path_, error) && !error) {
      return UserError("demo.folder", path_ + " is not empty; give --keep a new folder");
    }
    if (error) return UserError("demo.folder", path_ + ": " + error.message());
    return {};
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  bool temporary_ = false;
};

/// The job of the README (examples/clicks.yaml), with this broker and these folders.
std::string JobText(const std::string& bootstrap, const std::string& folder) {
  return "name: clicks\n"
         "windowSize: 2 seconds            # default 100 seconds\n"
         "checkpointLocation: " +
         folder +
         "/state/clicks\n"
         "sources:\n"
         "  clicks:\n"
         "    type: kafka\n"
         "    bootstrap.servers: " +
         bootstrap +
         "\n"
         "    security.protocol: PLAINTEXT # default SSL, as in Glue\n"
         "    topicName: " +
         std::string(kTopic) +
         "\n"
         "    startingOffsets: earliest\n"
         "    classification: json\n"
         "    schema: " +
         std::string(kClickEventsSchema) +
         "\n"
         "transforms:\n"
         "  - name: sales\n"
         "    sql: SELECT *, price * quantity AS total FROM clicks WHERE event <> 'view'\n"
         "sinks:\n"
         "  lake:\n"
         "    type: files\n"
         "    from: sales                  # default: the last transform\n"
         "    path: " +
         folder +
         "/lake/clicks\n"
         "    format: parquet\n"
         "    compression: snappy\n"
         "    partitionKeys: [city]\n";
}

std::string Seconds(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, seconds < 10 ? "%.2f s" : "%.1f s", seconds);
  return text;
}

std::string Money(double amount) {
  char text[48];
  std::snprintf(text, sizeof text, "%.2f", amount);
  return text;
}

/// What the run told while it ran.
struct Figures {
  Progress end;
  double seconds = 0;
  std::int64_t highest_lag = 0;
  double slowest_commit = 0;  ///< From an epoch's trigger to its rows being visible.
};

Result<Figures> RunJob(const Parts& parts, const std::string& text, const std::string& file,
                       Metrics* metrics, ClickFeed* feed, std::int64_t records, std::ostream& err) {
  TRY(Job job, ParseJob(text, file, parts));
  TRY(std::unique_ptr<Storage> storage, OpenCheckpoint(job, parts, /*create=*/true));
  TRY(Plan made, MakePlan(std::move(job), parts, PlanFor::kRunning));
  auto plan = std::make_shared<const Plan>(std::move(made));
  TRY(storage->Probe(/*staging=*/false));
  LogOptions options;
  options.job = plan->job.name;
  TRY(std::unique_ptr<CheckpointLog> log, CheckpointLog::Open(storage.get(), options));
  PipelineSettings settings;
  settings.checkpoint_id = log->checkpoint_id();
  settings.metrics = metrics;
  TRY(PipelineSpec spec, BuildPipeline(plan, parts, settings));

  Figures figures;
  Gauge& commit = metrics->AddGauge("sluice_commit_seconds", "");
  const std::int64_t started = Clock::System().MonotonicMicros();
  const bool terminal = isatty(STDERR_FILENO) != 0;
  std::int64_t next_line = started + kLineMicros;
  feed->Start();
  Result<Progress> end = [&] {
    LiveLine line;
    return RunPipeline(spec, log.get(), stop_request, [&](const Progress& progress) {
      line.Show(progress);
      const std::int64_t now = Clock::System().MonotonicMicros();
      if (!terminal && now >= next_line) {
        err << ProgressText(progress, static_cast<double>(progress.records) /
                                          (static_cast<double>(now - started) / 1e6))
            << std::endl;
        next_line = now + kLineMicros;
      }
      figures.highest_lag = std::max(figures.highest_lag, progress.lag);
      figures.slowest_commit = std::max(figures.slowest_commit, commit.Value());
      // All of it was read, or no more will come: seal, commit and end.
      if (feed->done() && (progress.records >= records || feed->stopped())) {
        int none = 0;
        stop_request.compare_exchange_strong(none, 1);
      }
    });
  }();
  feed->End();
  log->Close();
  if (feed->error().has_value()) return *feed->error();
  TRY(figures.end, std::move(end));
  figures.slowest_commit = std::max(figures.slowest_commit, commit.Value());
  figures.seconds = static_cast<double>(Clock::System().MonotonicMicros() - started) / 1e6;
  return figures;
}

struct CityTotals {
  std::int64_t rows = 0;
  double total = 0;
};

/// The table as a reader finds it.
struct Lake {
  std::vector<TableFile> parts;
  std::int64_t bytes = 0;
  std::map<std::string, CityTotals> cities;
  std::vector<std::uint64_t> ids;
  TextTable first;
};

Result<Lake> ReadLake(const std::string& folder) {
  const std::vector<std::string> columns = {"event_id", "ts",       "user_id", "event",
                                            "price",    "quantity", "total"};
  Lake lake;
  lake.first.names = columns;
  lake.first.names.push_back("city");
  lake.first.types.assign(lake.first.names.size(), "");
  lake.first.right = {false, false, true, false, true, true, true, false};
  TRY(lake.parts, ListTableFiles(folder));
  for (const TableFile& part : lake.parts) {
    lake.bytes += part.bytes;
    const std::string city = part.partition.substr(part.partition.find('=') + 1);
    TRY(std::shared_ptr<arrow::Table> read, ReadParquetFile(part, columns));
    TRY(std::shared_ptr<arrow::Table> table, read->CombineChunks());
    CityTotals& totals = lake.cities[city];
    totals.rows += table->num_rows();
    if (table->num_rows() == 0) continue;
    const auto& ids = static_cast<const arrow::StringArray&>(*table->column(0)->chunk(0));
    const auto& amounts = static_cast<const arrow::DoubleArray&>(*table->column(6)->chunk(0));
    for (std::int64_t row = 0; row < table->num_rows(); ++row) {
      const std::string_view id = ids.GetView(row);
      std::uint64_t number = 0;
      std::from_chars(id.data(), id.data() + id.size(), number, 16);
      lake.ids.push_back(number);
      totals.total += amounts.Value(row);
      if (static_cast<std::int64_t>(lake.first.rows.size()) == kFirstRows) continue;
      std::vector<std::string> cells;
      for (const auto& column : table->columns()) {
        TRY(std::shared_ptr<arrow::Scalar> cell, column->GetScalar(row));
        cells.push_back(cell->ToString());
      }
      cells.back() = Money(amounts.Value(row));
      cells.push_back(city);
      lake.first.rows.push_back(std::move(cells));
    }
  }
  std::sort(lake.ids.begin(), lake.ids.end());
  return lake;
}

/// Counts dead letters by code, and gives one of each as an example.
struct DeadLetters {
  std::map<std::string, std::int64_t> codes;
  std::map<std::string, std::string> examples;
};

Result<DeadLetters> ReadDeadLetters(const std::string& folder) {
  DeadLetters letters;
  TRY(std::vector<TableFile> files, ListTableFiles(folder));
  for (const TableFile& file : files) {
    std::ifstream lines(file.path);
    for (std::string line; std::getline(lines, line);) {
      const auto letter = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
      if (!letter.is_object())
        return RemoteError("demo.dead_letters", file.path + " is not JSON lines");
      const std::string code = letter.value("code", "?");
      if (letters.codes[code]++ == 0) letters.examples[code] = letter.value("reason", "");
    }
  }
  return letters;
}

/// True if the table holds exactly the events it should.
bool PrintCheck(std::ostream& out, const Lake& lake, std::vector<std::uint64_t> kept) {
  std::sort(kept.begin(), kept.end());
  std::vector<std::uint64_t> missing;
  std::set_difference(kept.begin(), kept.end(), lake.ids.begin(), lake.ids.end(),
                      std::back_inserter(missing));
  std::vector<std::uint64_t> extra;
  std::set_difference(lake.ids.begin(), lake.ids.end(), kept.begin(), kept.end(),
                      std::back_inserter(extra));
  out << "check     " << FormatCount(static_cast<std::int64_t>(kept.size()))
      << " events generated that are whole and no view; in the table "
      << FormatCount(static_cast<std::int64_t>(lake.ids.size())) << " rows: " << missing.size()
      << " lost, " << extra.size() << " doubled\n";
  return missing.empty() && extra.empty();
}

void PrintTotals(std::ostream& out, const Lake& lake) {
  TextTable table;
  table.names = {"city", "rows", "total"};
  table.types.assign(3, "");
  table.right = {false, true, true};
  CityTotals all;
  for (const auto& [city, totals] : lake.cities) {
    table.rows.push_back({city, FormatCount(totals.rows), Money(totals.total)});
    all.rows += totals.rows;
    all.total += totals.total;
  }
  table.rows.push_back({"all", FormatCount(all.rows), Money(all.total)});
  out << "\nfirst rows\n" << PrintTable(lake.first, kCellWidth);
  out << "\ntotals by city\n" << PrintTable(table, kCellWidth) << "\n";
}

void PrintFigures(std::ostream& out, const Figures& figures, const DeadLetters& letters,
                  const Lake& lake) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const Progress& end = figures.end;
  const double rate = figures.seconds > 0 ? static_cast<double>(end.records) / figures.seconds : 0;
  out << "records   " << FormatCount(end.records) << " in " << Seconds(figures.seconds) << ": "
      << FormatCount(static_cast<std::int64_t>(rate))
      << " records/s, with generator and broker in the same process\n"
      << "epochs    " << end.committed_epochs << ", rows visible at most "
      << Seconds(figures.slowest_commit) << " after a window's end\n"
      << "lag       " << FormatCount(figures.highest_lag) << " records at most\n"
      << "memory    " << FormatBytes(usage.ru_maxrss * 1024) << " at most\n"
      << "table     " << FormatCount(static_cast<std::int64_t>(lake.ids.size())) << " rows in "
      << lake.parts.size() << " Parquet files, " << FormatBytes(lake.bytes) << "\n"
      << "rejects   " << FormatCount(end.rejects) << ", all in the dead letters\n";
  for (const auto& [code, count] : letters.codes) {
    out << "          " << FormatCount(count) << " " << code << ": " << letters.examples.at(code)
        << "\n";
  }
}

}  // namespace

Result<int> Demo(CommandContext& context, const DemoOptions& options) {
  // Before the first thread: what is deferred to the end must also happen after Ctrl-C.
  InstallSignalHandlers();
  ConfigureLogging(LogLevel::kWarn, LogFormat::kText);
  DemoFolder folder;
  TRY(folder.Make(options.keep));
  TRY(std::unique_ptr<DemoBroker> broker, DemoBroker::Start(kTopic, kPartitions));

  const std::string file = folder.path() + "/clicks.yaml";
  const std::string text = JobText(broker->bootstrap(), folder.path());
  std::ofstream(file) << text;
  std::ostream& out = context.out;
  out << "broker    " << broker->bootstrap() << ", in this process; topic " << kTopic << ", "
      << kPartitions << " partitions\n"
      << "events    " << FormatCount(options.records)
      << " clicks of a web shop, one in a thousand broken\n"
      << "job       " << file << "\n\n"
      << text << "\n";
  out.flush();

  Metrics metrics;
  Counter& read = metrics.AddCounter("sluice_records_total", "", {{"source", "clicks"}});
  ClickFeedOptions from;
  from.bootstrap = broker->bootstrap();
  from.topic = kTopic;
  from.records = options.records;
  from.read = [&read] { return static_cast<std::int64_t>(read.Value()); };
  from.interrupted = &interrupted;
  ClickFeed feed(from);
  TRY(Figures figures,
      RunJob(context.parts, text, file, &metrics, &feed, options.records, context.err));

  TRY(Lake lake, ReadLake(folder.path() + "/lake/clicks"));
  TRY(DeadLetters letters, ReadDeadLetters(folder.path() + "/state/clicks/dead-letters"));
  PrintTotals(out, lake);
  PrintFigures(out, figures, letters, lake);
  bool exact = true;
  if (interrupted) {
    out << "check     none: stopped before all events were made and read\n";
  } else {
    exact = PrintCheck(out, lake, feed.kept());
  }
  if (!options.keep.empty()) {
    out << "\nkept      " << folder.path() << "\n"
        << "try       sluice checkpoint show " << folder.path() << "/state/clicks\n";
  }
  return exact ? 0 : 1;
}

void AddDemoCommand(CLI::App& app, CommandContext& context) {
  auto options = std::make_shared<DemoOptions>();
  CLI::App* command = app.add_subcommand(
      "demo", "Run the main job with a broker in this process: JSON from Kafka to Parquet");
  command->add_option("-n,--records", options->records, "How many events to make")
      ->check(CLI::Range(1, 100'000'000))
      ->capture_default_str();
  command
      ->add_option("--keep", options->keep,
                   "Work in this new folder and leave job, table and checkpoint there")
      ->type_name("DIR");
  command->footer(
      "Ctrl-C seals and commits what was read and shows it; a second one abandons it.\n"
      "Examples:\n  sluice demo\n  sluice demo --records 100000 --keep ./demo");
  command->callback([&context, options] { Finish(context, Demo(context, *options)); });
}

}  // namespace sluice
