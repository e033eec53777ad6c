/// Schemas that a message names instead of carrying them, and who finds them.
///
/// The envelopes that hold such names are read in decode/, the registries asked in registry/; this
/// is what the two have in common.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"

namespace sluice {

/// How a message names its schema.
struct SchemaId {
  enum class Kind : std::uint8_t {
    kGlueVersion,    ///< UUID of a schema version in AWS Glue's registry.
    kConfluentId,    ///< Number in a Confluent registry; the first four bytes, big-endian.
    kConfluentGuid,  ///< GUID in a Confluent registry (platform 8 and later).
  };
  Kind kind = Kind::kConfluentId;
  std::array<std::uint8_t, 16> bytes{};  ///< Most significant first; those not used are 0.

  auto operator<=>(const SchemaId&) const = default;  // NOLINT(modernize-use-nullptr): clang's.
};

/// "7", or a UUID in lower case with dashes.
std::string ToString(const SchemaId& id);

/// Immutable.
struct RegisteredSchema {
  enum class Type : std::uint8_t { kAvro, kJson, kProtobuf };
  Type type = Type::kAvro;
  std::string text;                     ///< The definition as it was registered.
  std::vector<std::string> references;  ///< Definitions it refers to, each after those it needs.
  std::string name;                     ///< Of the schema or subject, for people; "" if unknown.
  std::int64_t version = 0;             ///< Within `name`; 0 if unknown.
};

/// Code of the error of a message whose schema cannot be had now: remote, Retry::kLater. What else
/// is read need not wait for it.
inline constexpr char kRegistryUnavailable[] = "registry.unavailable";

/// One registry. Any thread.
class SchemaFinder {
 public:
  virtual ~SchemaFinder() = default;

  /// What is registered under `id`, or null: the registry has answered that there is nothing (a
  /// wrong id, a deleted schema). May block for as long as `registryTimeout`; an id that was
  /// answered once is remembered. The error of a registry that cannot be asked is remote and
  /// Retry::kLater; one that asking again cannot mend (credentials, certificate) is the user's.
  virtual Result<std::shared_ptr<const RegisteredSchema>> Find(const SchemaId& id) = 0;

  /// The newest version of `name` (a Confluent subject; `registry/schema` or an ARN in Glue), as
  /// Find.
  virtual Result<std::shared_ptr<const RegisteredSchema>> FindLatest(const std::string& name) = 0;

  /// Whether messages may name schemas in this way here.
  virtual bool Understands(SchemaId::Kind kind) const = 0;
};

}  // namespace sluice
