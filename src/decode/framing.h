/// Messages that name their schema, in an envelope or a header, for decoders of any format.
///
/// The format's decoder gets what the envelope holds, with Payload::schema; the envelopes
/// themselves and how they are confirmed: decode/envelope/ and docs/schema-registries.md.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/options.h"
#include "core/result.h"
#include "decode/decoder.h"
#include "record/registered_schema.h"

namespace sluice {

/// `framing`, `registryUnavailable` and `readerSchema`; to be declared with those of the registry.
std::vector<OptionSpec> FramingOptionSpecs();

/// The registry that options name, which stops all waiting for good when the token says so; null:
/// they name none.
using MakeFinder =
    std::function<Result<std::unique_ptr<SchemaFinder>>(const Options&, std::stop_token)>;

class SchemaLookup;

/// What all decoders of one source share. Immutable; any thread.
class Envelopes {
 public:
  enum class Framing : std::uint8_t { kAuto, kNone, kGlue, kConfluent, kConfluentHeader };

  /// Of a source's options, or null: they name no registry. `types`: FormatEntry::registered_as.
  /// User errors say which option.
  static Result<std::shared_ptr<const Envelopes>> Make(const Options& options,
                                                       std::vector<RegisteredSchema::Type> types,
                                                       const MakeFinder& make,
                                                       const Clock* clock = &Clock::System());
  ~Envelopes();

  /// A decoder for messages in envelopes, around the format's own. Its Decode asks the registry for
  /// ids it does not know and waits for it, `patience_micros` at most: then it returns
  /// kRegistryUnavailable, and the question goes on, so that the same payloads may be tried again
  /// at once.
  std::unique_ptr<Decoder> Wrap(std::unique_ptr<Decoder> inner, const DecodeLimits& limits,
                                std::int64_t patience_micros) const;

  /// Whether `readerSchema: latest` is wanted.
  bool wants_latest() const { return !latest_.empty(); }
  /// The definition of the newest version of `readerSchemaName`. Waits as the registry's options
  /// say; user errors: there is none that can be the reader's.
  Result<std::string> LatestSchema() const;

 private:
  Envelopes() = default;
  Framing framing_ = Framing::kAuto;
  std::vector<RegisteredSchema::Type> types_;
  std::string latest_;  ///< A name in the registry.
  std::shared_ptr<SchemaLookup> lookup_;
};

}  // namespace sluice
