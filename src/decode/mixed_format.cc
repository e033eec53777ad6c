#include "decode/mixed_format.h"

#include <arrow/type.h>

#include <algorithm>
#include <utility>

#include "decode/mixed_decoder.h"
#include "decode/rescued_column.h"

namespace sluice {
namespace {

using Uses = std::shared_ptr<const std::vector<FormatUse>>;

Error OfFormat(const FormatUse& use, Error error) {
  return std::move(error).At("format " + use.entry->name);
}

Result<std::unique_ptr<Decoder>> Make(const Uses& uses, const SchemaPtr& declared,
                                      const DecodeLimits& limits) {
  if (declared == nullptr) {
    return UserError("format.schema",
                     "several formats in one source need its `schema`, or `inferSchema: true`");
  }
  std::vector<MixedDecoder::Part> parts;
  for (const FormatUse& use : *uses) {
    auto decoder = use.entry->make(use.options, declared, limits);
    if (!decoder.ok()) return OfFormat(use, std::move(decoder).error());
    if (!(*decoder)->schema()->Equals(*declared, /*check_metadata=*/false)) {
      return UserError("format.schema", "format " + use.entry->name +
                                            " does not read the declared columns as they are");
    }
    parts.push_back({use.entry->name, *std::move(decoder), use.entry->registered_as});
  }
  return std::unique_ptr<Decoder>(
      std::make_unique<MixedDecoder>(declared, declared, std::move(parts)));
}

/// Formats that cannot detect bring the columns that their options tell.
Result<std::unique_ptr<Decoder>> MakeDetecting(const Uses& uses, const SchemaPtr& known,
                                               const DecodeLimits& limits) {
  TRY(const SchemaPtr schema, WithRescued(known));
  std::vector<MixedDecoder::Part> parts;
  for (const FormatUse& use : *uses) {
    const bool told =
        use.entry->options_tell_columns && use.entry->options_tell_columns(use.options);
    const bool detects = use.entry->make_detecting && !told;
    auto decoder = detects ? use.entry->make_detecting(use.options, known, limits)
                           : use.entry->make(use.options, nullptr, limits);
    if (!decoder.ok()) return OfFormat(use, std::move(decoder).error());
    MixedDecoder::Part part{use.entry->name, *std::move(decoder), use.entry->registered_as,
                            !detects};
    if (part.conforms) part.own.SeeType(*arrow::struct_(part.decoder->schema()->fields()));
    parts.push_back(std::move(part));
  }
  return std::unique_ptr<Decoder>(std::make_unique<MixedDecoder>(schema, known, std::move(parts)));
}

}  // namespace

FormatEntry MixedFormat(std::vector<FormatUse> formats) {
  FormatEntry entry;
  for (const FormatUse& use : formats) {
    entry.name += (entry.name.empty() ? "" : ", ") + use.entry->name;
    entry.rescues_texts |= use.entry->rescues_texts;
    entry.registered_as.insert(entry.registered_as.end(), use.entry->registered_as.begin(),
                               use.entry->registered_as.end());
  }
  entry.summary = "Messages of several formats: each is read by the first that takes it";
  const auto uses = std::make_shared<const std::vector<FormatUse>>(std::move(formats));
  entry.make = [uses](const Options&, const SchemaPtr& declared, const DecodeLimits& limits) {
    return Make(uses, declared, limits);
  };
  entry.make_detecting = [uses](const Options&, const SchemaPtr& known,
                                const DecodeLimits& limits) {
    return MakeDetecting(uses, known, limits);
  };
  return entry;
}

}  // namespace sluice
