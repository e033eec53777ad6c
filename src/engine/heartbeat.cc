#include "engine/heartbeat.h"

#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "core/logging.h"

namespace sluice {
namespace {

std::string ReadLine(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return line;
}

std::string BootId() { return ReadLine("/proc/sys/kernel/random/boot_id"); }

std::string PidNamespace() {
  char target[64];
  ssize_t n = readlink("/proc/self/ns/pid", target, sizeof target);
  return n > 0 ? std::string(target, static_cast<std::size_t>(n)) : "";
}

/// Field 22 of /proc/PID/stat, in clock ticks since boot (proc(5)); "" if there is no such process
/// or it is a zombie, which will never write again.
std::string StartTime(std::int64_t pid) {
  std::string stat = ReadLine("/proc/" + std::to_string(pid) + "/stat");
  auto paren = stat.rfind(')');
  if (paren == std::string::npos) return "";
  std::istringstream fields(stat.substr(paren + 1));
  std::string field;
  for (int i = 3; i <= 22 && fields >> field; ++i) {
    if (i == 3 && (field == "Z" || field == "X")) return "";
  }
  return field;
}

}  // namespace

Heartbeat::Heartbeat(Storage* storage, std::string name, std::int64_t period_micros)
    : storage_(storage), name_(std::move(name)), period_micros_(period_micros) {}

Result<std::unique_ptr<Heartbeat>> Heartbeat::Start(Storage* storage, std::string name,
                                                    std::int64_t period_micros) {
  std::unique_ptr<Heartbeat> heartbeat(new Heartbeat(storage, std::move(name), period_micros));
  TRY(heartbeat->Beat("running"));
  heartbeat->thread_ = std::thread([raw = heartbeat.get()] { raw->Run(); });
  return heartbeat;
}

Heartbeat::~Heartbeat() { EndThread(); }

void Heartbeat::Stop() {
  EndThread();
  if (auto beat = Beat("stopped"); !beat.ok()) {
    Log(LogLevel::kWarn, "cannot mark the heartbeat as stopped; the next start will wait",
        {{"error", ToString(beat.error())}});
  }
}

void Heartbeat::EndThread() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Result<void> Heartbeat::Beat(const char* state) {
  nlohmann::ordered_json json = {{"state", state},
                                 {"boot", BootId()},
                                 {"pidNamespace", PidNamespace()},
                                 {"pid", getpid()},
                                 {"start", StartTime(getpid())},
                                 {"beat", ++beats_}};
  return storage_->Overwrite(name_, json.dump() + "\n");
}

void Heartbeat::Run() {
  std::unique_lock lock(mutex_);
  while (!stop_.wait_for(lock, std::chrono::microseconds(period_micros_),
                         [this] { return stopping_; })) {
    if (auto beat = Beat("running"); !beat.ok()) {
      LogLimited(LogLevel::kWarn, "heartbeat", 60, "cannot write the heartbeat",
                 {{"error", ToString(beat.error())}});
    }
  }
}

WriterLife JudgeHeartbeat(const std::string& bytes) {
  auto json = nlohmann::json::parse(bytes, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return WriterLife::kUnknown;
  auto text = [&json](const char* key) {
    auto it = json.find(key);
    return it != json.end() && it->is_string() ? it->get<std::string>() : std::string();
  };
  if (text("state") == "stopped") return WriterLife::kGone;
  auto pid = json.find("pid");
  if (pid == json.end() || !pid->is_number_integer()) return WriterLife::kUnknown;
  if (text("boot").empty() || text("boot") != BootId() || text("pidNamespace") != PidNamespace()) {
    return WriterLife::kUnknown;
  }
  return StartTime(pid->get<std::int64_t>()) == text("start") ? WriterLife::kUnknown
                                                              : WriterLife::kGone;
}

Result<bool> HeartbeatChanges(Storage* storage, const std::string& name, std::int64_t lease_micros,
                              const Clock& clock) {
  TRY(auto first, storage->Read(name));
  std::int64_t until = clock.MonotonicMicros() + lease_micros;
  while (clock.MonotonicMicros() < until) {
    std::this_thread::sleep_for(
        std::chrono::microseconds(std::min<std::int64_t>(lease_micros / 10, 200'000)));
    TRY(auto now, storage->Read(name));
    if (now != first) return true;
    if (now.has_value() && JudgeHeartbeat(*now) == WriterLife::kGone) return false;
  }
  return false;
}

}  // namespace sluice
