#include "cli/live_line.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <mutex>

#include "core/clock.h"
#include "core/logging.h"
#include "core/units.h"

namespace sluice {
namespace {

/// What is drawn, shared with the log hook.
struct Screen {
  std::mutex mutex;
  bool active = false;
  std::string line;
  std::int64_t since_micros = 0;  ///< Of the window over which the rate is taken.
  std::int64_t since_records = 0;
  double rate = 0;
};

Screen& TheScreen() {
  static Screen screen;
  return screen;
}

constexpr char kErase[] = "\r\x1b[K";

void Write(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

// The lock is held from before a log line until after it, so that the two never mix.
void BeforeLog() {
  Screen& screen = TheScreen();
  screen.mutex.lock();
  if (screen.active) Write(kErase);
}

void AfterLog() {
  Screen& screen = TheScreen();
  if (screen.active) Write(screen.line);
  screen.mutex.unlock();
}

/// 1234567 -> "1.2M".
std::string Short(double number) {
  char text[32];
  if (number < 10'000) {
    std::snprintf(text, sizeof text, "%.0f", number);
  } else if (number < 1e6) {
    std::snprintf(text, sizeof text, "%.0fk", number / 1e3);
  } else if (number < 1e9) {
    std::snprintf(text, sizeof text, "%.1fM", number / 1e6);
  } else {
    std::snprintf(text, sizeof text, "%.1fG", number / 1e9);
  }
  return text;
}

std::size_t TerminalWidth() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

}  // namespace

std::string ProgressText(const Progress& progress, double records_per_second) {
  std::string text = "epoch " + std::to_string(progress.epoch);
  if (progress.recovering) text += " (recovering)";
  text += " | " + Short(records_per_second) + " records/s";
  text += " | lag " + Short(static_cast<double>(progress.lag));
  text += " | rejects " + Short(static_cast<double>(progress.rejects));
  text += " | memory " + FormatBytes(progress.memory_bytes >> 20 << 20);
  return text;
}

LiveLine::LiveLine() {
  if (isatty(STDERR_FILENO) == 0) return;
  Screen& screen = TheScreen();
  {
    std::lock_guard lock(screen.mutex);
    screen.active = true;
    screen.since_micros = Clock::System().MonotonicMicros();
  }
  // Not under the lock: the hooks take it while the log is locked.
  SetLogHook(BeforeLog, AfterLog);
}

LiveLine::~LiveLine() {
  Screen& screen = TheScreen();
  if (!screen.active) return;
  SetLogHook(nullptr, nullptr);
  std::lock_guard lock(screen.mutex);
  screen.active = false;
  Write(kErase);
}

void LiveLine::Show(const Progress& progress) {
  Screen& screen = TheScreen();
  std::lock_guard lock(screen.mutex);
  if (!screen.active) return;
  constexpr std::int64_t kRateMicros = 1'000'000;
  std::int64_t now = Clock::System().MonotonicMicros();
  if (now - screen.since_micros >= kRateMicros) {
    double seconds = static_cast<double>(now - screen.since_micros) / 1e6;
    screen.rate = static_cast<double>(progress.records - screen.since_records) / seconds;
    screen.since_micros = now;
    screen.since_records = progress.records;
  }
  screen.line = ProgressText(progress, screen.rate).substr(0, TerminalWidth() - 1);
  Write(kErase + screen.line);
}

}  // namespace sluice
