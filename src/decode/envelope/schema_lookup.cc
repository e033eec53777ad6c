#include "decode/envelope/schema_lookup.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/units.h"

namespace sluice {
namespace {

/// A failure stands for other questions while the next one is asked, and so much longer.
constexpr std::int64_t kFailureStands = 10'000'000;
constexpr std::int64_t kFailingPatience = 50'000;
constexpr std::size_t kMostFound = 10'000;
/// How long an answer that nobody fetched is good: whoever asked will not ask again.
constexpr std::int64_t kAnswerStands = 5'000'000;

}  // namespace

SchemaLookup::SchemaLookup(std::unique_ptr<SchemaFinder> finder, std::stop_source stop,
                           LookupSettings settings)
    : finder_(std::move(finder)), stop_(std::move(stop)), settings_(settings) {}

SchemaLookup::~SchemaLookup() {
  stop_.request_stop();
  if (thread_.joinable()) thread_.join();
}

Error SchemaLookup::Unavailable(const std::string& why) const {
  return RemoteError(kRegistryUnavailable, why.empty()
                                               ? "the schema registry has not answered yet"
                                               : "the schema of a message cannot be had: " + why);
}

Result<SchemaLookup::Answer> SchemaLookup::Find(const SchemaId& id, std::int64_t patience) {
  std::unique_lock lock(mutex_);
  const std::int64_t now = settings_.clock->MonotonicMicros();
  if (const auto known = found_.find(id); known != found_.end()) return Answer{known->second, ""};
  const bool failing = settings_.refuse && now < failed_until_;
  if (failing && !waiting_.empty()) return Answer{nullptr, failure_};
  auto at = questions_.find(id);
  if (at != questions_.end() && at->second->answer && at->second->answered + kAnswerStands < now) {
    questions_.erase(at);
    at = questions_.end();
  }
  if (at == questions_.end()) {
    at = questions_.emplace(id, std::make_shared<Question>()).first;
    waiting_.push_back(id);
    if (!thread_.joinable()) thread_ = std::thread([this] { AskAll(); });
    changed_.notify_all();
  }
  const std::shared_ptr<Question> question = at->second;
  // One that has just come back says so soon.
  if (failing) patience = std::min(patience, kFailingPatience);
  changed_.wait_for(lock, stop_.get_token(), std::chrono::microseconds(patience),
                    [&] { return question->answer.has_value(); });
  if (!question->answer) {
    if (failing) return Answer{nullptr, failure_};
    return Unavailable(failure_);
  }
  if (const auto mine = questions_.find(id); mine != questions_.end() && mine->second == question) {
    questions_.erase(mine);
  }
  if (question->answer->ok()) return Answer{**question->answer, ""};
  const Error& error = question->answer->error();
  if (error.retry == Retry::kNo) return error;
  if (settings_.refuse) return Answer{nullptr, failure_};
  return Unavailable(failure_);
}

void SchemaLookup::AskAll() {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop_.get_token(), [this] { return !waiting_.empty(); })) {
    if (stop_.stop_requested()) return;
    const SchemaId id = waiting_.front();
    waiting_.pop_front();
    lock.unlock();
    Found found = finder_->Find(id);
    lock.lock();
    if (found.ok()) {
      failure_.clear();
      failed_until_ = 0;
      if (*found != nullptr) {
        if (found_.size() >= kMostFound) found_.clear();
        found_.emplace(id, *found);
      }
    } else if (found.error().retry == Retry::kLater) {
      failure_ = found.error().message;
      failed_until_ = settings_.clock->MonotonicMicros() + settings_.timeout + kFailureStands;
    }
    const auto asked = questions_.find(id);
    if (asked != questions_.end() && !asked->second->answer) {
      asked->second->answer = std::move(found);
      asked->second->answered = settings_.clock->MonotonicMicros();
    }
    changed_.notify_all();
  }
}

}  // namespace sluice
