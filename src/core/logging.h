/// Log lines on stderr, as text or JSON. Never called per record.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace sluice {

enum class LogLevel { kDebug, kInfo, kWarn, kError };
enum class LogFormat { kText, kJson };

/// Called once, before threads start. Default: info, text.
void ConfigureLogging(LogLevel level, LogFormat format);

/// A field of a line: key=value in text, a member in JSON. Values never hold secrets or record
/// bytes; control characters are escaped, so that one call is one line.
using LogField = std::pair<std::string_view, std::string>;

/// Any thread. `message` is a short sentence; numbers and names go into fields.
void Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {});

/// Repeats of the same `key` within `seconds` are counted instead of printed; the next line that is
/// printed says how many were held back.
void LogLimited(LogLevel level, std::string_view key, int seconds, std::string_view message,
                std::initializer_list<LogField> fields = {});

/// While set, lines go through `hook` first (the terminal's live line erases and redraws itself).
void SetLogHook(void (*before)(), void (*after)());

/// While it lives no line is written, and what the hooks draw is out of the way: for output to the
/// terminal that is no log. Whoever holds it must not log.
class LogPause {
 public:
  LogPause();
  ~LogPause();
  LogPause(const LogPause&) = delete;
  LogPause& operator=(const LogPause&) = delete;
};

}  // namespace sluice
