/// A registry as decoders ask it: on a thread of its own, so that no decoder has to wait for it
/// longer than it can.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "core/clock.h"
#include "record/registered_schema.h"

namespace sluice {

/// Durations are microseconds.
struct LookupSettings {
  /// A message whose schema cannot be had is refused, instead of waited for.
  bool refuse = false;
  std::int64_t timeout = 60'000'000;  ///< What the finder waits for, for messages.
  const Clock* clock = &Clock::System();
};

/// Any thread. Questions are asked one after the other, in the order in which they came.
class SchemaLookup {
 public:
  /// `finder` heeds the token of `stop`, which is asked to stop in the end.
  SchemaLookup(std::unique_ptr<SchemaFinder> finder, std::stop_source stop,
               LookupSettings settings);
  ~SchemaLookup();

  struct Answer {
    std::shared_ptr<const RegisteredSchema> schema;  ///< Null: there is none, or:
    std::string unavailable;  ///< Why it cannot be known. Only where such messages are refused.
  };
  /// Waits for the answer, `patience` at most: kRegistryUnavailable. A question goes on without
  /// those who asked it. Other errors are the finder's.
  Result<Answer> Find(const SchemaId& id, std::int64_t patience);

  /// As SchemaFinder::FindLatest: on the caller's thread, which has nothing else to do.
  Result<std::shared_ptr<const RegisteredSchema>> FindLatest(const std::string& name) {
    return finder_->FindLatest(name);
  }
  bool Understands(SchemaId::Kind kind) const { return finder_->Understands(kind); }

 private:
  using Found = Result<std::shared_ptr<const RegisteredSchema>>;
  struct Question {
    std::optional<Found> answer;
    std::int64_t answered = 0;
  };

  void AskAll();
  Error Unavailable(const std::string& why) const;

  const std::unique_ptr<SchemaFinder> finder_;
  std::stop_source stop_;
  const LookupSettings settings_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<SchemaId, std::shared_ptr<Question>> questions_;
  std::deque<SchemaId> waiting_;
  std::map<SchemaId, std::shared_ptr<const RegisteredSchema>> found_;
  std::string failure_;            ///< Of the last question, if it failed.
  std::int64_t failed_until_ = 0;  ///< Until then, or an answer, nobody waits where it refuses.
  std::thread thread_;             ///< Once there was a question.
};

}  // namespace sluice
