#include "core/failpoint.h"

#ifdef SLUICE_FAILPOINTS

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace sluice {
namespace {

enum class Action { kKill, kStop, kError };

/// All arrivals at a point, under "*=count".
struct Arrivals {
  long count = 0;
  bool can_fail = false;
};

struct Armed {
  Action action = Action::kKill;
  long arrival = 1;  ///< Acts at this arrival, counted from 1.
  long seen = 0;
};

class Failpoints {
 public:
  Failpoints() {
    const char* text = std::getenv("SLUICE_FAILPOINTS");
    if (text == nullptr) return;
    std::string_view left = text;
    while (!left.empty()) {
      std::string_view one = left.substr(0, left.find(','));
      left.remove_prefix(std::min(left.size(), one.size() + 1));
      Arm(one);
    }
  }

  ~Failpoints() {
    for (const auto& [name, arrivals] : counted_) {
      std::fprintf(stderr, "failpoint %s: %ld arrivals%s\n", name.c_str(), arrivals.count,
                   arrivals.can_fail ? ", can fail" : "");
    }
  }

  /// The action to take now, if any.
  const Armed* Arrive(const char* name, bool can_fail) {
    std::lock_guard lock(mutex_);
    if (counting_) {
      Arrivals& arrivals = counted_[name];
      ++arrivals.count;
      arrivals.can_fail = arrivals.can_fail || can_fail;
    }
    auto it = armed_.find(name);
    if (it == armed_.end() || ++it->second.seen != it->second.arrival) return nullptr;
    return &it->second;
  }

 private:
  void Arm(std::string_view one) {
    auto equals = one.find('=');
    std::string name(one.substr(0, equals));
    std::string action =
        equals == std::string_view::npos ? "" : std::string(one.substr(equals + 1));
    Armed armed;
    if (auto colon = name.find(':'); colon != std::string::npos) {
      armed.arrival = std::strtol(name.c_str() + colon + 1, nullptr, 10);
      name.resize(colon);
    }
    if (action == "kill") {
      armed.action = Action::kKill;
    } else if (action == "stop") {
      armed.action = Action::kStop;
    } else if (action == "error") {
      armed.action = Action::kError;
    } else if (action == "count" && name == "*") {
      counting_ = true;
      return;
    } else {
      std::fprintf(stderr, "SLUICE_FAILPOINTS: '%.*s' is not NAME[:N]=kill|stop|error or *=count\n",
                   static_cast<int>(one.size()), one.data());
      std::abort();
    }
    armed_[name] = armed;
  }

  std::mutex mutex_;
  std::map<std::string, Armed, std::less<>> armed_;
  bool counting_ = false;
  std::map<std::string, Arrivals> counted_;
};

Failpoints& All() {
  static Failpoints failpoints;
  return failpoints;
}

bool Act(const char* name, bool can_fail) {
  const Armed* armed = All().Arrive(name, can_fail);
  if (armed == nullptr) return false;
  // Tests wait for this line before they go on.
  std::fprintf(stderr, "failpoint %s\n", name);
  std::fflush(stderr);
  if (armed->action == Action::kError) return true;
  kill(getpid(), armed->action == Action::kKill ? SIGKILL : SIGSTOP);
  return false;
}

}  // namespace

void HitFailpoint(const char* name) { Act(name, /*can_fail=*/false); }

Result<void> HitFailpointOrError(const char* name) {
  if (Act(name, /*can_fail=*/true)) {
    return RemoteError("storage.io", std::string("injected failure at ") + name);
  }
  return {};
}

}  // namespace sluice

#endif
