/// A schema registry as it is asked: one call, one question, nothing remembered.
///
/// What remembers answers, shares questions and waits for a registry that is away is
/// CachedRegistry, which turns a client into the SchemaFinder that the engine uses.
#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>

#include "core/result.h"
#include "record/registered_schema.h"

namespace sluice {

/// null: the registry has answered that there is nothing.
using SchemaAnswer = Result<std::shared_ptr<const RegisteredSchema>>;

/// One registry. Any thread.
class SchemaClient {
 public:
  virtual ~SchemaClient() = default;

  /// Asks once, within about `timeout` microseconds. Errors, which name the server and never hold a
  /// credential or what it answered:
  ///   remote, Retry::kLater   the registry cannot be asked now
  ///   remote, Retry::kNo      this schema cannot be used (too large, of an unknown kind, with
  ///                           references to nothing), others can; or "net.stopped"
  ///   the user's              no schema can be asked for like this
  virtual SchemaAnswer Ask(const SchemaId& id, std::int64_t timeout,
                           const std::stop_token& stop) = 0;
  virtual SchemaAnswer AskLatest(const std::string& name, std::int64_t timeout,
                                 const std::stop_token& stop) = 0;

  /// As SchemaFinder's.
  virtual bool Understands(SchemaId::Kind kind) const = 0;
};

/// What an answer may be at most.
inline constexpr std::size_t kMaxSchemaAnswer = 1 << 20;

}  // namespace sluice
