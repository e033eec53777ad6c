/// Prints what the Kafka source delivers, as JSON lines, for tests against a real broker.
///
/// usage: kafka_source_dump [--records N] [--refresh] [--patience SECONDS]
///                          [--start SPLIT=POSITION[@IDENTITY]]... OPTION=VALUE...
///   --records N    stop after so many records (default: at the ends seen at start)
///   --refresh      list the splits again about every 200 ms, and read new ones
///   --patience S   how long errors worth another try are tried again, and how long nothing may
///   come
///   --start        remembered positions, as of a checkpoint, instead of the starting options
/// Lines: {"starts":..,"losses":..} first, then {"split","offset","value"} per record, {"error",..}
/// for an error, and {"positions":..} at the end. Exits as sluice would.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "source/kafka/kafka_source_entry.h"

namespace sluice {
namespace {

using Json = nlohmann::ordered_json;
using SteadyClock = std::chrono::steady_clock;

void Print(const Json& line) {
  std::puts(line.dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
  std::fflush(stdout);
}

struct Arguments {
  std::size_t records = 0;
  bool refresh = false;
  std::chrono::seconds patience{30};
  std::vector<SplitStart> starts;
  std::vector<std::pair<std::string, std::string>> options;
};

class Dump {
 public:
  explicit Dump(Arguments arguments) : arguments_(std::move(arguments)) {}

  Result<void> Run() {
    const SourceEntry entry = KafkaSourceEntry();
    TRY(auto options,
        ParseOptions(entry.options, RawOptionsFromPairs(arguments_.options), "source (kafka)"));
    SourceContext context;
    context.job = "dump";
    context.name = "dump";
    TRY(source_, entry.make(options, context));
    TRY(Start());
    TRY(auto ends, Patiently([&] { return source_->Ends(ids_); }));
    while (!Done(ends)) {
      TRY(auto batch, Patiently([&] { return reader_->Read({}); }));
      if (batch != nullptr) {
        heard_ = SteadyClock::now();
        PrintBatch(*batch);
      }
      if (SteadyClock::now() - heard_ > arguments_.patience) {
        return RemoteError("dump.silence", "nothing came any more", Retry::kNo);
      }
      if (arguments_.refresh) TRY(Refresh());
    }
    Print({{"positions", positions_}});
    return {};
  }

 private:
  /// Tries `call` again while its error is worth it.
  template <typename Call>
  auto Patiently(Call call) -> decltype(call()) {
    const auto deadline = SteadyClock::now() + arguments_.patience;
    for (;;) {
      auto result = call();
      if (result.ok() || result.error().retry == Retry::kNo || SteadyClock::now() > deadline) {
        return result;
      }
      Print({{"retry", result.error().code}, {"message", result.error().message}});
    }
  }

  Result<void> Start() {
    TRY(auto splits, Patiently([&] { return source_->ListSplits(); }));
    if (arguments_.starts.empty()) {
      TRY(arguments_.starts, Patiently([&] { return source_->ResolveStart(splits, true); }));
    }
    TRY(auto verified, Patiently([&] { return source_->Verify(arguments_.starts); }));
    Json line;
    for (const SplitStart& start : verified.starts) {
      line["starts"][start.id] = {start.position, start.identity};
      positions_[start.id] = start.position;
      ids_.push_back(start.id);
    }
    line["losses"] = Json::array();
    for (const Loss& loss : verified.losses) {
      line["losses"].push_back({loss.split, loss.from, loss.to, loss.records});
    }
    Print(line);
    TRY(reader_, source_->OpenReader(verified.starts));
    return {};
  }

  Result<void> Refresh() {
    if (SteadyClock::now() - listed_ < std::chrono::milliseconds(200)) return {};
    listed_ = SteadyClock::now();
    TRY(auto splits, Patiently([&] { return source_->ListSplits(); }));
    for (const Split& split : splits) {
      if (positions_.contains(split.id)) continue;
      TRY(auto starts, Patiently([&] { return source_->ResolveStart({split}, false); }));
      positions_[split.id] = starts[0].position;
      TRY(reader_->Add(starts[0]));
    }
    return {};
  }

  void PrintBatch(const RawBatch& batch) {
    for (const RawRecord& record : batch.records) {
      Print({{"split", batch.ranges[record.range].split},
             {"offset", record.sequence},
             {"value", record.data == nullptr ? Json() : Json(std::string(record.view()))}});
    }
    records_ += batch.records.size();
    for (const SplitRange& range : batch.ranges) {
      if (positions_[range.split] != range.from) {
        Print({{"error", "dump.gap"}, {"message", range.split + " jumped to " + range.from}});
        std::exit(1);
      }
      positions_[range.split] = range.to;
    }
  }

  bool Done(const std::map<SplitId, Position>& ends) const {
    if (arguments_.records > 0) return records_ >= arguments_.records;
    for (const auto& [split, end] : ends) {
      if (source_->ComparePositions(positions_.at(split), end) < 0) return false;
    }
    return true;
  }

  Arguments arguments_;
  std::unique_ptr<Source> source_;
  std::unique_ptr<SplitReader> reader_;
  std::vector<SplitId> ids_;
  std::map<SplitId, Position> positions_;
  std::size_t records_ = 0;
  SteadyClock::time_point heard_ = SteadyClock::now();
  SteadyClock::time_point listed_ = SteadyClock::now();
};

Arguments ParseArguments(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--records") {
      arguments.records = std::strtoull(argv[++i], nullptr, 10);
    } else if (word == "--refresh") {
      arguments.refresh = true;
    } else if (word == "--patience") {
      arguments.patience = std::chrono::seconds(std::strtol(argv[++i], nullptr, 10));
    } else if (word == "--start") {
      const std::string start = argv[++i];
      const std::size_t equals = start.find('=');
      const std::size_t at = start.find('@');
      arguments.starts.push_back({start.substr(0, equals),
                                  start.substr(equals + 1, at - equals - 1),
                                  at == std::string::npos ? "" : start.substr(at + 1)});
    } else {
      const std::size_t equals = word.find('=');
      arguments.options.emplace_back(word.substr(0, equals), word.substr(equals + 1));
    }
  }
  return arguments;
}

}  // namespace
}  // namespace sluice

int main(int argc, char** argv) {
  sluice::Dump dump(sluice::ParseArguments(argc, argv));
  auto result = dump.Run();
  if (result.ok()) return 0;
  sluice::Print({{"error", result.error().code}, {"message", result.error().message}});
  return sluice::ExitCode(result.error());
}
