#include "decode/framing.h"

#include <string>
#include <utility>

#include "decode/envelope/envelope_decoder.h"
#include "decode/envelope/schema_lookup.h"

namespace sluice {
namespace {

using Framing = Envelopes::Framing;

struct FramingName {
  const char* name;
  Framing framing;
};

constexpr FramingName kFramings[] = {
    {"auto", Framing::kAuto},
    {"none", Framing::kNone},
    {"glue", Framing::kGlue},
    {"confluent", Framing::kConfluent},
    {"confluentHeader", Framing::kConfluentHeader},
};

constexpr const char* kFraming = "framing";
constexpr const char* kUnavailable = "registryUnavailable";
constexpr const char* kReader = "readerSchema";
constexpr const char* kReaderName = "readerSchemaName";

Error Wrong(const std::string& what) { return UserError("registry.options", what); }

/// The name of the schema that `readerSchema: latest` wants; "" for merged.
Result<std::string> LatestName(const Options& options,
                               const std::vector<RegisteredSchema::Type>& types) {
  const bool latest = options.String(kReader) == "latest";
  if (latest != options.Given(kReaderName)) {
    return Wrong(latest ? "readerSchema: latest needs readerSchemaName, the schema's name in the "
                          "registry (in Confluent's a subject, as clicks-value)"
                        : "readerSchemaName needs readerSchema: latest");
  }
  if (!latest) return std::string();
  if (types != std::vector{RegisteredSchema::Type::kAvro}) {
    return Wrong(
        "readerSchema: latest is for classification avro; declare the columns with schema");
  }
  for (const char* other : {"schema", "avroSchema", "inferSchema"}) {
    if (options.Given(other)) {
      return Wrong(std::string("readerSchema: latest says what the columns are; leave ") + other +
                   " out, or readerSchema");
    }
  }
  return options.String(kReaderName);
}

Result<void> CheckUnderstood(const std::string& name, Framing framing, const SchemaFinder& finder) {
  const bool glue = framing == Framing::kGlue;
  const bool confluent = framing == Framing::kConfluent || framing == Framing::kConfluentHeader;
  if (!glue && !confluent) return {};
  if (finder.Understands(glue ? SchemaId::Kind::kGlueVersion : SchemaId::Kind::kConfluentId)) {
    return {};
  }
  return Wrong(std::string(kFraming) + ": " + name +
               " needs registry: " + (glue ? "glue" : "confluent"));
}

}  // namespace

std::vector<OptionSpec> FramingOptionSpecs() {
  std::vector<std::string> names;
  for (const FramingName& one : kFramings) names.emplace_back(one.name);
  return {
      {.name = kFraming,
       .default_value = "auto",
       .help = "How messages name their schema, where there is a registry: in the bytes before the "
               "payload (glue, confluent), in a header (confluentHeader), or not at all (none). "
               "auto looks for all that the registry understands, asks it whether the id exists, "
               "and reads what does not turn out to be in an envelope as it is.",
       .example = "confluent",
       .choices = std::move(names)},
      {.name = kUnavailable,
       .default_value = "wait",
       .help = "What becomes of a record whose schema the registry could not be asked for: it and "
               "those behind it wait, or, after registryTimeout, it is a bad record.",
       .example = "reject",
       .choices = {"wait", "reject"}},
      {.name = kReader,
       .default_value = "merged",
       .help = "The columns where neither `schema` nor avroSchema says them: those of all versions "
               "that the records are written with (merged), or those of the newest version of "
               "readerSchemaName when the job starts (latest, for avro).",
       .example = "latest",
       .choices = {"merged", "latest"}},
      {.name = kReaderName,
       .help = "For readerSchema: latest, the schema's name in the registry: a subject in "
               "Confluent's, SCHEMA, REGISTRY/SCHEMA or an ARN in AWS Glue.",
       .example = "clicks-value"},
  };
}

Envelopes::~Envelopes() = default;

Result<std::shared_ptr<const Envelopes>> Envelopes::Make(const Options& options,
                                                         std::vector<RegisteredSchema::Type> types,
                                                         const MakeFinder& make,
                                                         const Clock* clock) {
  std::stop_source stop;
  TRY(std::unique_ptr<SchemaFinder> finder, make(options, stop.get_token()));
  if (finder == nullptr) {
    for (const char* name : {kFraming, kUnavailable, kReader, kReaderName}) {
      if (!options.Given(name) || options.String(name) == "none") continue;
      return Wrong(std::string(name) + " needs the option registry");
    }
    return std::shared_ptr<const Envelopes>();
  }
  std::shared_ptr<Envelopes> made(new Envelopes);
  made->types_ = std::move(types);
  const std::string name = options.String(kFraming);
  for (const FramingName& one : kFramings) {
    if (name == one.name) made->framing_ = one.framing;
  }
  TRY(CheckUnderstood(name, made->framing_, *finder));
  TRY(made->latest_, LatestName(options, made->types_));
  LookupSettings settings;
  settings.refuse = options.String(kUnavailable) == "reject";
  settings.timeout = options.Int("registryTimeout").value_or(settings.timeout);
  settings.clock = clock;
  made->lookup_ = std::make_shared<SchemaLookup>(std::move(finder), std::move(stop), settings);
  return std::shared_ptr<const Envelopes>(std::move(made));
}

Result<std::string> Envelopes::LatestSchema() const {
  TRY(const auto schema, lookup_->FindLatest(latest_));
  const std::string what = std::string(kReaderName) + ": '" + latest_ + "' ";
  if (schema == nullptr) return Wrong(what + "is not in the registry");
  if (schema->type != RegisteredSchema::Type::kAvro) return Wrong(what + "is no Avro schema");
  if (!schema->references.empty()) {
    return Wrong(what + "refers to other schemas; declare the columns with schema instead");
  }
  return schema->text;
}

std::unique_ptr<Decoder> Envelopes::Wrap(std::unique_ptr<Decoder> inner, const DecodeLimits& limits,
                                         std::int64_t patience_micros) const {
  if (framing_ == Framing::kNone) return inner;
  EnvelopeDecoderOptions options;
  options.framing = framing_;
  options.types = types_;
  options.limits = limits;
  options.patience = patience_micros;
  return std::make_unique<EnvelopeDecoder>(std::move(inner), lookup_, options);
}

}  // namespace sluice
