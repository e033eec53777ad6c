#include "decode/envelope/envelope_decoder.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "decode/codec/codec.h"

namespace sluice {
namespace {

using Framing = Envelopes::Framing;

constexpr std::size_t kKeptArena = 32u << 20;
constexpr std::size_t kFullArena = 16u << 20;
constexpr const char* kTypeNames[] = {"Avro", "JSON", "Protobuf"};

const char* NameOf(RegisteredSchema::Type type) {
  return kTypeNames[static_cast<std::size_t>(type)];
}

std::string NamesOf(const std::vector<RegisteredSchema::Type>& types) {
  std::string names;
  for (const auto type : types) names += (names.empty() ? "" : " and ") + std::string(NameOf(type));
  return names;
}

Reject Refusal(std::uint32_t record, const char* code, std::string reason) {
  Reject reject;
  reject.record = record;
  reject.code = code;
  reject.reason = std::move(reason);
  return reject;
}

bool ByRecord(const Reject& a, const Reject& b) { return a.record < b.record; }

/// "Click version 3 (id 7)".
std::string Describe(const SchemaId& id, const RegisteredSchema& schema) {
  std::string out = schema.name.substr(0, 255);
  if (schema.version != 0) out += " version " + std::to_string(schema.version);
  return out + (out.empty() ? "id " : " (id ") + ToString(id) + (out.empty() ? "" : ")");
}

std::uint8_t LastByte(const SchemaId& id) {
  return id.kind == SchemaId::Kind::kConfluentId ? id.bytes[3] : id.bytes[15];
}

const char* ExpectedBy(Framing framing) {
  switch (framing) {
    case Framing::kGlue:
      return "the message does not begin with the 18 bytes of a Glue envelope, which `framing: "
             "glue` wants";
    case Framing::kConfluent:
      return "the message does not begin with the 5 bytes of a Confluent envelope, which "
             "`framing: confluent` wants";
    default:
      return "the message has no header __value_schema_id with a schema's id, which `framing: "
             "confluentHeader` wants";
  }
}

}  // namespace

EnvelopeDecoder::EnvelopeDecoder(std::unique_ptr<Decoder> inner,
                                 std::shared_ptr<SchemaLookup> lookup,
                                 const EnvelopeDecoderOptions& options)
    : inner_(std::move(inner)),
      lookup_(std::move(lookup)),
      options_(options),
      glue_(lookup_->Understands(SchemaId::Kind::kGlueVersion)),
      confluent_(lookup_->Understands(SchemaId::Kind::kConfluentId)) {}

void EnvelopeDecoder::StartBatch(const RawBatch& raw) {
  raw_ = &raw;
  inner_->StartBatch(raw);
}

bool EnvelopeDecoder::MayBeMessage(std::string_view bytes) {
  switch (options_.framing) {
    case Framing::kGlue:
      return ParseGlueEnvelope(bytes).has_value();
    case Framing::kConfluent:
      return ParseConfluentEnvelope(bytes).has_value();
    case Framing::kAuto:
      if (glue_ && ParseGlueEnvelope(bytes)) return true;
      if (confluent_ && ParseConfluentEnvelope(bytes)) return true;
      break;
    default:
      break;
  }
  return inner_->MayBeMessage(bytes);
}

std::optional<Envelope> EnvelopeDecoder::Recognise(const Payload& payload) const {
  const std::string_view message(payload.data, payload.size);
  const bool detect = options_.framing == Framing::kAuto;
  if (options_.framing == Framing::kConfluentHeader || (detect && confluent_)) {
    const auto header =
        raw_ == nullptr ? std::nullopt : raw_->Header(payload.record, kSchemaIdHeader);
    if (header) {
      if (auto envelope = ParseSchemaIdHeader(*header)) return envelope;
    }
  }
  if (options_.framing == Framing::kGlue || (detect && glue_)) return ParseGlueEnvelope(message);
  if (options_.framing == Framing::kConfluent || (detect && confluent_)) {
    return ParseConfluentEnvelope(message);
  }
  return std::nullopt;
}

Result<const EnvelopeDecoder::Known*> EnvelopeDecoder::Find(const SchemaId& id) {
  auto& recent = recent_[LastByte(id) % recent_.size()];
  if (recent.second != nullptr && recent.first == id) return recent.second;
  if (const auto at = found_.find(id); at != found_.end()) {
    recent = {id, &at->second};
    return &at->second;
  }
  if (const auto at = of_batch_.find(id); at != of_batch_.end()) return &at->second;
  TRY(auto answer, lookup_->Find(id, options_.patience));
  const bool final = answer.schema != nullptr;
  Known known = Judge(id, std::move(answer));
  if (final && found_.size() < kMostSchemas) {
    const Known* kept = &found_.emplace(id, std::move(known)).first->second;
    recent = {id, kept};
    return kept;
  }
  if (final) {
    known = {nullptr, "limit.schemas",
             "its messages name more than " + std::to_string(kMostSchemas) + " schemas", true};
  }
  return &of_batch_.emplace(id, std::move(known)).first->second;
}

EnvelopeDecoder::Known EnvelopeDecoder::Judge(const SchemaId& id,
                                              SchemaLookup::Answer answer) const {
  Known known;
  if (!answer.unavailable.empty()) {
    known.code = kRegistryUnavailable;
    known.reason = "the schema " + ToString(id) + " cannot be had: " + answer.unavailable;
    known.certain = true;
  } else if (answer.schema == nullptr) {
    known.code = "registry.unknown_id";
    known.reason = "the message names the schema " + ToString(id) +
                   ", and the registry has none under this id that can be used";
  } else if (answer.schema->type == RegisteredSchema::Type::kProtobuf) {
    known.code = "registry.protobuf";
    known.reason = "the schema of the message, " + Describe(id, *answer.schema) +
                   ", is Protobuf, which cannot be read yet";
  } else if (std::find(options_.types.begin(), options_.types.end(), answer.schema->type) ==
             options_.types.end()) {
    known.code = "registry.type";
    known.reason = "the schema of the message, " + Describe(id, *answer.schema) + ", is " +
                   NameOf(answer.schema->type) + ", and the source's classification is " +
                   NamesOf(options_.types);
  } else {
    known.schema = std::move(answer.schema);
  }
  return known;
}

/// The reject if the stream is broken, or too much would come out of it.
Result<std::optional<Reject>> EnvelopeDecoder::Inflate(const Payload& payload,
                                                       const Envelope& envelope, Opened* opened) {
  const std::string_view stream(payload.data + envelope.payload, payload.size - envelope.payload);
  const DecodeLimits& limits = options_.limits;
  const std::size_t cap =
      std::min(limits.decompressed_bytes,
               std::max(limits.decompressed_free, stream.size() * limits.decompressed_ratio));
  opened->inflated = true;
  opened->offset = arena_.size();
  const CodecResult result = DecompressZlib(stream, cap, &arena_);
  if (result.status == CodecStatus::kOk) return std::optional<Reject>();
  if (result.status == CodecStatus::kNoMemory) {
    return RemoteError("decode.memory", "there is no memory to decompress a message");
  }
  const char* code = "compression.broken";
  std::string reason = std::string("the zlib stream in the Glue envelope: ") + result.reason;
  if (result.status == CodecStatus::kTooLarge) {
    code = cap == limits.decompressed_bytes ? "limit.decompressed" : "limit.ratio";
    reason = "more than " + std::to_string(cap) +
             " bytes would come out of the zlib stream in the Glue envelope";
  }
  Reject refusal = Refusal(payload.record, code, std::move(reason));
  refusal.byte = static_cast<std::int64_t>(envelope.payload + result.byte);
  return std::optional<Reject>(std::move(refusal));
}

/// Makes a payload of the message, or a reject.
Result<void> EnvelopeDecoder::Open(const Payload& payload, std::uint32_t origin) {
  const bool forced = options_.framing != Framing::kAuto;
  Opened opened;
  opened.origin = origin;
  const std::optional<Envelope> envelope = Recognise(payload);
  if (!envelope) {
    if (forced) {
      rejects_.push_back(Refusal(payload.record, "registry.framing", ExpectedBy(options_.framing)));
    } else {
      inside_.push_back(payload);
      opened_.push_back(opened);
    }
    return {};
  }
  TRY(const Known* known, Find(envelope->id));
  Payload inside = payload;
  std::optional<Reject> refusal;
  if (known->schema == nullptr) {
    refusal = Refusal(payload.record, known->code, known->reason);
  } else if (envelope->zlib) {
    TRY(refusal, Inflate(payload, *envelope, &opened));
    inside.size = arena_.size() - opened.offset;
  } else {
    inside.data += envelope->payload;
    inside.size -= envelope->payload;
  }
  if (refusal && (forced || known->certain)) {
    rejects_.push_back(*std::move(refusal));
    return {};
  }
  opened.guessed = !forced;
  if (refusal) {
    opened.is_bare = true;
    opened.inflated = false;
    inside = payload;
    first_.push_back(*std::move(refusal));
  } else {
    opened.prefix = static_cast<std::uint8_t>(envelope->payload);
    inside.schema = known->schema.get();
  }
  inside_.push_back(inside);
  opened_.push_back(opened);
  return {};
}

std::size_t EnvelopeDecoder::IndexOf(std::uint32_t record) const {
  const auto at = std::lower_bound(
      inside_.begin(), inside_.end(), record,
      [](const Payload& payload, std::uint32_t of) { return payload.record < of; });
  return static_cast<std::size_t>(at - inside_.begin());
}

void EnvelopeDecoder::Explain(std::vector<Reject>* rejects) const {
  for (Reject& reject : *rejects) {
    const Opened& opened = opened_[IndexOf(reject.record)];
    if (opened.inflated) {
      reject.reason = "after zlib decompression: " + reject.reason;
    } else {
      reject.byte += static_cast<std::int64_t>(opened.prefix);
    }
  }
}

bool EnvelopeDecoder::Reconsider(const std::vector<Payload>& payloads,
                                 std::vector<Reject>* rejects) {
  bool any = false;
  for (const Reject& reject : *rejects) {
    if (reject.row != Reject::kWholeMessage) continue;
    const std::size_t index = IndexOf(reject.record);
    Opened& opened = opened_[index];
    if (!opened.guessed || opened.is_bare) continue;
    opened.is_bare = any = true;
    opened.inflated = false;
    opened.prefix = 0;
    inside_[index] = payloads[opened.origin];
    first_.push_back(reject);
  }
  return any;
}

void EnvelopeDecoder::TakeFirstReasons(std::vector<Reject>* rejects) {
  if (first_.empty()) return;
  std::sort(first_.begin(), first_.end(), ByRecord);
  for (Reject& reject : *rejects) {
    if (reject.row != Reject::kWholeMessage) continue;
    const auto first = std::lower_bound(first_.begin(), first_.end(), reject, ByRecord);
    if (first != first_.end() && first->record == reject.record) reject = *first;
  }
}

Result<DecodedRows> EnvelopeDecoder::Decode(const std::vector<Payload>& payloads) {
  arena_.Trim(kKeptArena);
  inside_.clear();
  opened_.clear();
  first_.clear();
  rejects_.clear();
  of_batch_.clear();
  std::optional<std::uint32_t> full_at;
  for (std::size_t i = 0; i < payloads.size(); ++i) {
    if (arena_.size() >= kFullArena) {
      full_at = payloads[i].record;
      break;
    }
    TRY(Open(payloads[i], static_cast<std::uint32_t>(i)));
  }
  for (std::size_t i = 0; i < inside_.size(); ++i) {
    if (opened_[i].inflated) inside_[i].data = arena_.data() + opened_[i].offset;
  }
  TRY(DecodedRows out, inner_->Decode(inside_));
  Explain(&out.rejects);
  if (Reconsider(payloads, &out.rejects)) {
    // Only what was judged once: what comes behind it may need a second look, too.
    if (out.stopped_at) {
      const std::size_t end = IndexOf(*out.stopped_at);
      full_at = out.stopped_at;
      inside_.resize(end);
      opened_.resize(end);
    }
    TRY(out, inner_->Decode(inside_));
    Explain(&out.rejects);
  }
  TakeFirstReasons(&out.rejects);
  if (!out.stopped_at) out.stopped_at = full_at;
  if (rejects_.empty()) return out;
  const auto stop =
      out.stopped_at
          ? std::partition_point(rejects_.begin(), rejects_.end(),
                                 [&](const Reject& one) { return one.record < *out.stopped_at; })
          : rejects_.end();
  const auto middle = static_cast<std::ptrdiff_t>(out.rejects.size());
  out.rejects.insert(out.rejects.end(), std::make_move_iterator(rejects_.begin()),
                     std::make_move_iterator(stop));
  std::inplace_merge(out.rejects.begin(), out.rejects.begin() + middle, out.rejects.end(),
                     ByRecord);
  return out;
}

}  // namespace sluice
