/// Confluent's schema registry, and the many that answer like it.
///
/// API: GET /schemas/ids/ID, /schemas/guids/GUID (platform 8 and later), and
/// /subjects/SUBJECT/versions/VERSION, which also gives what a schema refers to.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <vector>

#include "core/clock.h"
#include "net/http_client.h"
#include "registry/confluent_answers.h"
#include "registry/schema_client.h"

namespace sluice {

struct ConfluentSettings {
  std::vector<Url> urls;      ///< One at least; the next one is asked where one does not answer.
  std::string authorization;  ///< Value of the header, "" for none.
  TlsFiles tls;
  const Clock* clock = &Clock::System();
};

class ConfluentRegistry final : public SchemaClient {
 public:
  explicit ConfluentRegistry(ConfluentSettings settings);

  SchemaAnswer Ask(const SchemaId& id, std::int64_t timeout, const std::stop_token& stop) override;
  SchemaAnswer AskLatest(const std::string& name, std::int64_t timeout,
                         const std::stop_token& stop) override;
  bool Understands(SchemaId::Kind kind) const override;

 private:
  /// Of one question, with all requests that it takes.
  struct Question {
    std::int64_t deadline;  ///< Monotonic.
    const std::stop_token& stop;
  };
  class References;

  /// The schema at `path` with the texts it refers to, or null.
  SchemaAnswer Resolve(const std::string& path, const Question& question);
  /// nullopt: there is nothing. Asks the servers one after the other.
  Result<std::optional<ConfluentSchema>> Fetch(const std::string& path, const Question& question);
  Result<std::optional<ConfluentSchema>> FetchFrom(const Url& server, const std::string& path,
                                                   const Question& question);

  const ConfluentSettings settings_;
  HttpClient http_;
  std::atomic<std::size_t> first_{0};  ///< The server that answered last.
};

}  // namespace sluice
