#include "cli/child_run.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string_view>
#include <vector>

namespace sluice {
namespace {

constexpr int kLongestMillis = 120'000;
constexpr std::string_view kVariable = "SLUICE_FAILPOINTS=";

Error ChildError(const std::string& what, const std::string& log) {
  std::string text;
  std::ifstream in(log);
  for (std::string line; std::getline(in, line);) text += "\n  " + line;
  return BugError("a run of the job " + what + "; it said:" + (text.empty() ? " nothing" : text));
}

/// posix_spawn's file actions, given back at the end.
class Redirections {
 public:
  explicit Redirections(const char* err) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addopen(&actions_, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions_, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions_, 2, err, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  }
  ~Redirections() { posix_spawn_file_actions_destroy(&actions_); }
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

/// The wait status. A process that takes too long is killed; then `*late` is set.
Result<int> WaitFor(pid_t pid, bool* late) {
  const int watch = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (watch >= 0) {
    pollfd fd{watch, POLLIN, 0};
    *late = poll(&fd, 1, kLongestMillis) == 0;
    close(watch);
    if (*late) kill(pid, SIGKILL);
  }
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return BugError(std::string("waitpid: ") + std::strerror(errno));
  }
  return status;
}

/// "error: MESSAGE [CODE]", as PrintError writes it.
Error ParseError(std::string_view line, int exit_code) {
  Error error;
  error.blame = exit_code == 2   ? Blame::kUser
                : exit_code == 3 ? Blame::kData
                : exit_code == 4 ? Blame::kSuperseded
                                 : Blame::kRemote;
  line.remove_prefix(line.find(": ") + 2);
  const std::size_t code = line.rfind(" [");
  error.message = line.substr(0, code);
  if (code != line.npos) error.code = line.substr(code + 2, line.size() - code - 3);
  return error;
}

void ReadReport(const std::string& log, int exit_code, ChildRun* run) {
  std::ifstream in(log);
  for (std::string line; std::getline(in, line);) {
    std::array<char, 32> name{};
    int count = 0;
    if (line.starts_with("error: ")) run->error = ParseError(line, exit_code);
    if (!line.starts_with("failpoint ")) continue;
    if (std::sscanf(line.c_str(), "failpoint %31[^:]: %d arrivals", name.data(), &count) == 2) {
      run->arrivals[name.data()] = {count, line.ends_with("can fail")};
    } else {
      run->reached = true;
    }
  }
}

}  // namespace

Result<ChildRun> RunInChild(const std::string& job_file, const std::string& log,
                            const std::string& failpoints) {
  std::vector<std::string> words = {"/proc/self/exe",    "run",         job_file,
                                    "--until-caught-up", "--log-level", "warn"};
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::string armed = std::string(kVariable) + failpoints;
  std::vector<char*> environment;
  for (char** at = environ; *at != nullptr; ++at) {
    if (!std::string_view(*at).starts_with(kVariable)) environment.push_back(*at);
  }
  if (!failpoints.empty()) environment.push_back(armed.data());
  environment.push_back(nullptr);

  pid_t pid = 0;
  const Redirections redirections(log.c_str());
  const int failed =
      posix_spawn(&pid, argv[0], redirections.get(), nullptr, argv.data(), environment.data());
  if (failed != 0) {
    return RemoteError("test.process",
                       std::string("cannot start a process: ") + std::strerror(failed));
  }
  bool late = false;
  TRY(const int status, WaitFor(pid, &late));

  ChildRun run;
  ReadReport(log, WIFEXITED(status) ? WEXITSTATUS(status) : -1, &run);
  if (WIFSIGNALED(status)) {
    if (late) {
      return ChildError("did not end within " + std::to_string(kLongestMillis / 1000) + " s", log);
    }
    run.killed = WTERMSIG(status) == SIGKILL && run.reached;
    if (!run.killed) return ChildError(std::string("died: ") + strsignal(WTERMSIG(status)), log);
    return run;
  }
  const int code = WEXITSTATUS(status);
  if ((code != 0) != run.error.has_value()) {
    return ChildError("ended with exit code " + std::to_string(code) + " without saying why", log);
  }
  return run;
}

}  // namespace sluice
