#include "registry/cached_registry.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <random>

#include "core/logging.h"
#include "core/units.h"

namespace sluice {
namespace {

constexpr std::size_t kMaxKept = 10'000;
constexpr std::size_t kMaxKeptBytes = 64 << 20;
constexpr std::int64_t kFirstDelay = 100'000;
constexpr std::int64_t kLastDelay = 5'000'000;
constexpr std::int64_t kForGood = INT64_MAX;

constexpr char kStopped[] = "net.stopped";

Error Stopped() {
  return RemoteError(kStopped, "the schema registry was not waited for: the job stops", Retry::kNo);
}

/// Whether only the schema that was asked for is to blame.
bool IsOfSchema(const Error& error) {
  return error.blame == Blame::kRemote && error.retry == Retry::kNo && error.code != kStopped;
}

/// Between half of the delay and all of it, so that processes that lost a registry together do not
/// come back together.
std::int64_t WithJitter(std::int64_t delay) {
  thread_local std::minstd_rand random{std::random_device{}()};
  return std::uniform_int_distribution<std::int64_t>(delay / 2, delay)(random);
}

bool SleepUnlessStopped(std::int64_t micros, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, std::chrono::microseconds(micros), [] { return false; });
  return !stop.stop_requested();
}

std::size_t BytesOf(const RegisteredSchema& schema) {
  std::size_t bytes = schema.text.size();
  for (const std::string& text : schema.references) bytes += text.size();
  return bytes;
}

/// Answers by key, the oldest forgotten where there are too many. Not thread-safe.
template <typename Key>
class Kept {
 public:
  struct Entry {
    std::shared_ptr<const RegisteredSchema> schema;
    std::int64_t until = 0;
  };

  const Entry* Find(const Key& key, std::int64_t now) const {
    const auto at = entries_.find(key);
    return at == entries_.end() || at->second.until <= now ? nullptr : &at->second;
  }

  void Keep(const Key& key, Entry entry) {
    const auto [at, fresh] = entries_.try_emplace(key);
    bytes_ -= Bytes(at->second);
    bytes_ += Bytes(entry);
    at->second = std::move(entry);
    if (fresh) order_.push_back(key);
    while (order_.size() > kMaxKept || (bytes_ > kMaxKeptBytes && order_.size() > 1)) {
      const auto oldest = entries_.find(order_.front());
      bytes_ -= Bytes(oldest->second);
      entries_.erase(oldest);
      order_.pop_front();
    }
  }

 private:
  static std::size_t Bytes(const Entry& entry) {
    return entry.schema == nullptr ? 0 : BytesOf(*entry.schema);
  }

  std::map<Key, Entry> entries_;
  std::deque<Key> order_;
  std::size_t bytes_ = 0;
};

}  // namespace

template <typename Key>
class CachedRegistry::Answers {
 public:
  Answers(const CachedRegistry& registry, std::int64_t found_ttl)
      : registry_(registry), found_ttl_(found_ttl) {}

  template <typename Ask>
  SchemaAnswer Find(const Key& key, const Ask& ask) {
    const CacheSettings& settings = registry_.settings_;
    std::unique_lock lock(mutex_);
    const std::int64_t now = settings.clock->MonotonicMicros();
    if (const auto* found = found_.Find(key, now)) return found->schema;
    // Apart from those that were found, so that wrong ids cannot push them out.
    if (missing_.Find(key, now) != nullptr) return std::shared_ptr<const RegisteredSchema>();
    if (const auto under_way = flights_.find(key); under_way != flights_.end()) {
      const std::shared_ptr<Flight> flight = under_way->second;
      landed_.wait(lock, settings.stop, [&] { return flight->answer.has_value(); });
      return flight->answer ? *flight->answer : Stopped();
    }
    const auto flight = flights_.emplace(key, std::make_shared<Flight>()).first->second;
    lock.unlock();
    SchemaAnswer answer = registry_.AskPatiently(ask);
    lock.lock();
    if (answer.ok()) Remember(key, *answer);
    flight->answer = answer;
    flights_.erase(key);
    landed_.notify_all();
    return answer;
  }

 private:
  /// A question under way, for those who wait for it.
  struct Flight {
    std::optional<SchemaAnswer> answer;
  };

  void Remember(const Key& key, const std::shared_ptr<const RegisteredSchema>& schema) {
    const std::int64_t now = registry_.settings_.clock->MonotonicMicros();
    if (schema == nullptr) {
      missing_.Keep(key, {nullptr, now + registry_.settings_.missing_ttl});
    } else {
      found_.Keep(key, {schema, found_ttl_ == kForGood ? kForGood : now + found_ttl_});
    }
  }

  const CachedRegistry& registry_;
  const std::int64_t found_ttl_;
  std::mutex mutex_;
  std::condition_variable_any landed_;
  Kept<Key> found_;
  Kept<Key> missing_;
  std::map<Key, std::shared_ptr<Flight>> flights_;
};

CachedRegistry::CachedRegistry(std::unique_ptr<SchemaClient> client, CacheSettings settings)
    : client_(std::move(client)),
      settings_(std::move(settings)),
      by_id_(std::make_unique<Answers<SchemaId>>(*this, kForGood)),
      latest_(std::make_unique<Answers<std::string>>(*this, settings_.latest_ttl)) {}

CachedRegistry::~CachedRegistry() = default;

SchemaAnswer CachedRegistry::Find(const SchemaId& id) {
  return by_id_->Find(id, [&](std::int64_t timeout) -> SchemaAnswer {
    SchemaAnswer answer = client_->Ask(id, timeout, settings_.stop);
    if (answer.ok() || !IsOfSchema(answer.error())) return answer;
    LogLimited(LogLevel::kWarn, "registry.schema", 10, "a schema of the registry cannot be used",
               {{"schema", ToString(id)}, {"error", ToString(answer.error())}});
    return std::shared_ptr<const RegisteredSchema>();
  });
}

SchemaAnswer CachedRegistry::FindLatest(const std::string& name) {
  return latest_->Find(name, [&](std::int64_t timeout) {
    return client_->AskLatest(name, timeout, settings_.stop);
  });
}

bool CachedRegistry::Understands(SchemaId::Kind kind) const { return client_->Understands(kind); }

SchemaAnswer CachedRegistry::AskPatiently(const Question& question) const {
  const std::int64_t deadline = settings_.clock->MonotonicMicros() + settings_.timeout;
  std::int64_t delay = kFirstDelay;
  for (std::int64_t left = settings_.timeout;;) {
    if (settings_.stop.stop_requested()) return Stopped();
    SchemaAnswer answer = question(left);
    if (answer.ok()) return answer;
    Error error = std::move(answer).error().At("schema registry");
    if (error.retry == Retry::kNo) return error;
    const std::int64_t wait = WithJitter(delay);
    left = deadline - settings_.clock->MonotonicMicros() - wait;
    if (left <= 0) {
      error.message += "; asked for " + FormatDuration(settings_.timeout) + " (registryTimeout)";
      return error;
    }
    LogLimited(LogLevel::kWarn, "registry", 10, "the schema registry does not answer, asking again",
               {{"error", ToString(error)}});
    const auto& sleep = settings_.sleep ? settings_.sleep : SleepUnlessStopped;
    if (!sleep(wait, settings_.stop)) return Stopped();
    delay = std::min(2 * delay, kLastDelay);
  }
}

}  // namespace sluice
