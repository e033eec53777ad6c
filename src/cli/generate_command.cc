#include "cli/generate_command.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <ostream>
#include <thread>
#include <utility>
#include <vector>

#include "core/clock.h"

namespace sluice {
namespace {

using Seconds = std::chrono::duration<double>;
using std::chrono::steady_clock;

constexpr std::size_t kBuffer = 1u << 20;

/// Holds events back so that they keep to the rate, and says how far things are.
class Pace {
 public:
  Pace(double rate, const std::function<void(std::int64_t)>& progress)
      : rate_(rate), progress_(progress), start_(steady_clock::now()), told_(start_) {}

  /// So many events may be made at once: a hundredth of a second's worth.
  std::int64_t Burst() const {
    return rate_ > 0 ? std::max<std::int64_t>(1, static_cast<std::int64_t>(rate_ / 100)) : 4096;
  }

  void Made(std::int64_t events) {
    if (rate_ > 0) {
      std::this_thread::sleep_until(start_ + std::chrono::duration_cast<steady_clock::duration>(
                                                 Seconds(static_cast<double>(events) / rate_)));
    }
    const auto now = steady_clock::now();
    if (!progress_ || now - told_ < std::chrono::milliseconds(250)) return;
    told_ = now;
    progress_(events);
  }

 private:
  double rate_;
  const std::function<void(std::int64_t)>& progress_;
  steady_clock::time_point start_;
  steady_clock::time_point told_;
};

Error CannotWrite(const std::string& what) {
  return RemoteError("generate.output", "cannot write " + what + ": " + std::strerror(errno),
                     Retry::kNo);
}

Result<void> ToStream(const GenerateOptions& options, const ClickEvents& events, Pace* pace,
                      std::ostream& out, const std::string& name) {
  std::string buffer;
  buffer.reserve(kBuffer + ClickEvents::kMaxBytes);
  for (std::int64_t made = 0; made < options.records;) {
    const std::int64_t stop = std::min(options.records, made + pace->Burst());
    for (; made < stop; ++made) {
      events.Append(static_cast<std::uint64_t>(options.first + made), &buffer);
      buffer += '\n';
    }
    if (buffer.size() >= kBuffer || options.rate > 0 || made == options.records) {
      out.write(buffer.data(), static_cast<std::streamsize>(buffer.size()));
      if (options.rate > 0) out.flush();
      if (!out) return CannotWrite(name);
      buffer.clear();
    }
    pace->Made(made);
  }
  out.flush();
  if (!out) return CannotWrite(name);
  return {};
}

Result<void> ToFile(const GenerateOptions& options, const ClickEvents& events, Pace* pace) {
  const std::filesystem::path target = options.out;
  // Pipes and devices cannot be replaced.
  std::error_code failure;
  const auto kind = std::filesystem::status(target, failure).type();
  const bool plain =
      kind == std::filesystem::file_type::not_found || kind == std::filesystem::file_type::regular;
  const std::filesystem::path written =
      plain ? target.parent_path() / ("." + target.filename().string() + ".part") : target;
  std::ofstream file(written, std::ios::binary | std::ios::trunc);
  if (!file) return CannotWrite(written.string());
  TRY(ToStream(options, events, pace, file, written.string()));
  file.close();
  if (!file) return CannotWrite(written.string());
  if (!plain) return {};
  std::filesystem::rename(written, target, failure);
  if (failure) {
    errno = failure.value();
    return CannotWrite(options.out);
  }
  return {};
}

Result<void> ToKafka(const GenerateOptions& options, const ClickEvents& events, Pace* pace) {
  TRY(auto producer, KafkaProducer::Make(*options.kafka));
  char event[ClickEvents::kMaxBytes];
  for (std::int64_t made = 0; made < options.records;) {
    const std::int64_t stop = std::min(options.records, made + pace->Burst());
    for (; made < stop; ++made) {
      const auto index = static_cast<std::uint64_t>(options.first + made);
      const std::string key = std::to_string(events.UserId(index));
      TRY(producer->Send(key, {event, events.Write(index, event)}));
    }
    pace->Made(made);
  }
  return producer->Finish();
}

struct Args {
  GenerateOptions options;
  ProducerOptions kafka;
  std::vector<std::string> properties;
  std::string start;
};

/// The line that is redrawn on a terminal.
void PrintProgress(std::ostream& err, std::int64_t made, std::int64_t records, Seconds since) {
  const double rate = since.count() > 0 ? static_cast<double>(made) / since.count() : 0;
  err << "\r\x1b[Kgenerated " << made << " of " << records << ", "
      << static_cast<std::int64_t>(rate) << " records/s";
  if (made == records) err << "\n";
  err.flush();
}

Result<int> RunGenerate(const CommandContext& context, Args* args) {
  GenerateOptions& options = args->options;
  if (options.records < 0 || options.first < 0 || options.rate < 0) {
    return UserError("generate.options", "--records, --first and --rate must not be negative");
  }
  if (!args->start.empty()) {
    auto start = ParseTimestamp(args->start);
    if (!start.ok()) return std::move(start).error().At("--start");
    options.start_millis = *start / 1000;
    // Lateness goes back by two seconds.
    if (*options.start_millis < 2000) {
      return UserError("generate.options", "--start must not lie before 1970-01-01T00:00:02Z");
    }
  }
  if (args->kafka.topic.empty() != args->kafka.bootstrap.empty()) {
    return UserError("generate.options", "--topic and --bootstrap go together");
  }
  if (!args->kafka.topic.empty() && !options.out.empty()) {
    return UserError("generate.options", "give --out or --topic, not both");
  }
  for (const std::string& text : args->properties) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos) {
      // The text may be half of a password: it is not repeated.
      return UserError("generate.options", "--kafka wants key=value");
    }
    args->kafka.properties.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  if (!args->kafka.topic.empty()) options.kafka = args->kafka;
  std::function<void(std::int64_t)> progress;
  if (isatty(STDERR_FILENO) != 0 && (options.kafka.has_value() || !options.out.empty())) {
    progress = [&, start = steady_clock::now()](std::int64_t made) {
      PrintProgress(context.err, made, options.records, steady_clock::now() - start);
    };
  }
  TRY(Generate(options, context.out, progress));
  return 0;
}

}  // namespace

Result<void> Generate(const GenerateOptions& options, std::ostream& out,
                      const std::function<void(std::int64_t)>& progress) {
  const ClickEvents events(options.seed,
                           options.start_millis.value_or(ClickEvents::kDefaultStartMillis));
  Pace pace(options.rate, progress);
  if (options.kafka.has_value()) {
    TRY(ToKafka(options, events, &pace));
  } else if (!options.out.empty()) {
    TRY(ToFile(options, events, &pace));
  } else {
    TRY(ToStream(options, events, &pace, out, "standard output"));
  }
  if (progress) progress(options.records);
  return {};
}

void AddGenerateCommand(CLI::App& app, CommandContext& context) {
  auto args = std::make_shared<Args>();
  CLI::App* command =
      app.add_subcommand("generate", "Make click events, the same for the same seed");
  command->add_option("--records", args->options.records, "How many")->required();
  command->add_option("--seed", args->options.seed, "Of the events (1)");
  command->add_option("--first", args->options.first, "Index of the first event, to go on (0)");
  command->add_option("--start", args->start,
                      "Time of event 0 (2026-01-01T00:00:00Z); then one each ms");
  command->add_option("--rate", args->options.rate, "Records per second (as fast as it goes)");
  command->add_option("--out", args->options.out, "A file; it appears once it is whole");
  command->add_option("--topic", args->kafka.topic, "A Kafka topic; messages are keyed by user_id");
  command->add_option("--bootstrap", args->kafka.bootstrap, "HOST:PORT of its brokers");
  command
      ->add_option(
          "--kafka", args->properties,
          "A property of the connection, as key=value (repeatable): security.protocol, ...")
      ->allow_extra_args(false);
  command->footer(
      "Events go to standard output as JSON lines, or to --out, or to --topic.\n"
      "Users make very different numbers of events, and so do partitions.\n"
      "Examples:\n"
      "  sluice generate --records 1000 --out clicks.json\n"
      "  sluice generate --records 100000 --rate 5000 --topic clicks --bootstrap 127.0.0.1:9092");
  command->callback([&context, args] { Finish(context, RunGenerate(context, args.get())); });
}

}  // namespace sluice
