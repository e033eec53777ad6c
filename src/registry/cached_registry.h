/// A schema registry with a memory and with patience: what lanes ask while they decode.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "core/clock.h"
#include "registry/schema_client.h"

namespace sluice {

/// Durations are microseconds.
struct CacheSettings {
  std::int64_t timeout = 60'000'000;      ///< How long a registry that is away is waited for.
  std::int64_t missing_ttl = 30'000'000;  ///< How long "there is nothing" is believed.
  std::int64_t latest_ttl = 60'000'000;   ///< How long a newest version is taken for the newest.
  std::stop_token stop = {};              ///< Ends all waiting, for good.
  const Clock* clock = &Clock::System();
  /// Waits so long; false, at once, if `stop` is asked for.
  std::function<bool(std::int64_t micros, const std::stop_token& stop)> sleep = {};
};

/// Asks its client for what it does not know.
///
/// Schemas of ids are kept for good, since a registry never gives an id to another schema, within
/// 10,000 and 64 MiB; beyond that the oldest are forgotten. That there is nothing is kept for
/// `missing_ttl`, for 10,000 names at most, so that a wrong id in every message is not a question
/// for each. Of many threads that ask for the same, one asks and all take its answer; other ids
/// do not wait for it.
///
/// Errors worth another try are tried again after 0.1 to 5 s, doubled each time and with jitter,
/// for `timeout` in all; then the last one is returned. Others are returned at once, but one: a
/// schema that cannot be used (SchemaClient) is nothing to Find, with a warning in the log. Which
/// ids messages name is up to those who write them, and no message may stop the job. After a stop
/// every question that would have to wait is "net.stopped" (remote, Retry::kNo).
class CachedRegistry final : public SchemaFinder {
 public:
  CachedRegistry(std::unique_ptr<SchemaClient> client, CacheSettings settings);
  ~CachedRegistry() override;

  SchemaAnswer Find(const SchemaId& id) override;
  SchemaAnswer FindLatest(const std::string& name) override;
  bool Understands(SchemaId::Kind kind) const override;

 private:
  using Question = std::function<SchemaAnswer(std::int64_t timeout)>;
  template <typename Key>
  class Answers;

  /// Asks until there is an answer, or no use or no time.
  SchemaAnswer AskPatiently(const Question& question) const;

  const std::unique_ptr<SchemaClient> client_;
  const CacheSettings settings_;
  const std::unique_ptr<Answers<SchemaId>> by_id_;
  const std::unique_ptr<Answers<std::string>> latest_;
};

}  // namespace sluice
