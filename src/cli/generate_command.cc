#include "cli/generate_command.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <thread>

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
      std::this_thread::sleep_until(
          start_ + std::chrono::duration_cast<steady_clock::duration>(
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
  const bool plain = kind == std::filesystem::file_type::not_found ||
                     kind == std::filesystem::file_type::regular;
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

}  // namespace sluice
