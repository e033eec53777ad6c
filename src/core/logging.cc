#include "core/logging.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <mutex>

#include "core/clock.h"

namespace sluice {
namespace {

struct State {
  std::mutex mutex;
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kText;
  void (*before)() = nullptr;
  void (*after)() = nullptr;
  struct Held {
    std::int64_t until = 0;
    int count = 0;
  };
  std::map<std::string, Held, std::less<>> held;
  std::shared_ptr<spdlog::logger> out;

  State() {
    out = std::make_shared<spdlog::logger>("sluice",
                                           std::make_shared<spdlog::sinks::stderr_sink_mt>());
    out->set_pattern("%v");
    out->set_level(spdlog::level::trace);
    out->flush_on(spdlog::level::trace);
  }
};

State& Global() {
  static State* state = new State;  // Never destroyed: threads may log while the process ends.
  return *state;
}

const char* Name(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarn:
      return "warn";
    case LogLevel::kError:
      return "error";
  }
  return "info";
}

/// Escapes quotes, backslashes and control characters, so that a line stays a line and a terminal
/// is safe.
void AppendEscaped(std::string_view text, std::string* out) {
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(c);
    } else if (c == '\n') {
      out->append("\\n");
    } else if (byte < 0x20 || byte == 0x7f) {
      char code[8];
      std::snprintf(code, sizeof code, "\\u%04x", byte);
      out->append(code);
    } else {
      out->push_back(c);
    }
  }
}

void AppendQuoted(std::string_view text, std::string* out) {
  out->push_back('"');
  AppendEscaped(text, out);
  out->push_back('"');
}

std::string Format(const State& state, LogLevel level, std::string_view message,
                   std::initializer_list<LogField> fields, int held) {
  std::string line;
  std::string time = FormatTimestamp(Clock::System().WallMicros());
  if (state.format == LogFormat::kJson) {
    line = "{\"time\":\"" + time + "\",\"level\":\"" + Name(level) + "\",\"message\":";
    AppendQuoted(message, &line);
    for (const auto& [key, value] : fields) {
      line += ",";
      AppendQuoted(key, &line);
      line += ":";
      AppendQuoted(value, &line);
    }
    if (held > 0) line += ",\"held_back\":\"" + std::to_string(held) + "\"";
    return line + "}";
  }
  line = time + " " + Name(level) + " ";
  AppendEscaped(message, &line);
  for (const auto& [key, value] : fields) {
    line += " ";
    line += key;
    line += "=";
    if (value.empty() || value.find_first_of(" \"\\\n\t=") != std::string::npos) {
      AppendQuoted(value, &line);
    } else {
      AppendEscaped(value, &line);
    }
  }
  if (held > 0) line += " held_back=" + std::to_string(held);
  return line;
}

spdlog::level::level_enum Native(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

void Write(State& state, LogLevel level, std::string_view message,
           std::initializer_list<LogField> fields, int held) {
  if (level < state.level) return;
  std::string line = Format(state, level, message, fields, held);
  if (state.before != nullptr) state.before();
  state.out->log(Native(level), spdlog::string_view_t(line.data(), line.size()));
  if (state.after != nullptr) state.after();
}

}  // namespace

void ConfigureLogging(LogLevel level, LogFormat format) {
  State& state = Global();
  std::lock_guard lock(state.mutex);
  state.level = level;
  state.format = format;
}

void Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  State& state = Global();
  std::lock_guard lock(state.mutex);
  Write(state, level, message, fields, 0);
}

void LogLimited(LogLevel level, std::string_view key, int seconds, std::string_view message,
                std::initializer_list<LogField> fields) {
  State& state = Global();
  std::lock_guard lock(state.mutex);
  std::int64_t now = Clock::System().MonotonicMicros();
  State::Held& held = state.held[std::string(key)];
  if (now < held.until) {
    ++held.count;
    return;
  }
  held.until = now + static_cast<std::int64_t>(seconds) * 1'000'000;
  Write(state, level, message, fields, held.count);
  held.count = 0;
}

void SetLogHook(void (*before)(), void (*after)()) {
  State& state = Global();
  std::lock_guard lock(state.mutex);
  state.before = before;
  state.after = after;
}

LogPause::LogPause() {
  State& state = Global();
  state.mutex.lock();
  if (state.before != nullptr) state.before();
}

LogPause::~LogPause() {
  State& state = Global();
  if (state.after != nullptr) state.after();
  state.mutex.unlock();
}

}  // namespace sluice
