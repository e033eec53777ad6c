/// Takes messages out of their envelopes for a format's decoder.
///
/// With `framing: auto` an envelope is taken for one if the registry knows its id and the format's
/// decoder reads what it holds with that schema; else the message is read as bare, and only if that
/// fails too is it refused, for the first reason. With any other framing there is no other way to
/// read a message.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "decode/codec/codec_buffer.h"
#include "decode/decoder.h"
#include "decode/envelope/envelope.h"
#include "decode/envelope/schema_lookup.h"
#include "decode/framing.h"

namespace sluice {

struct EnvelopeDecoderOptions {
  Envelopes::Framing framing = Envelopes::Framing::kAuto;
  std::vector<RegisteredSchema::Type> types;
  DecodeLimits limits;
  std::int64_t patience = 0;  ///< For SchemaLookup::Find.
};

/// One thread at a time.
class EnvelopeDecoder final : public Decoder {
 public:
  EnvelopeDecoder(std::unique_ptr<Decoder> inner, std::shared_ptr<SchemaLookup> lookup,
                  const EnvelopeDecoderOptions& options);

  const SchemaPtr& schema() const override { return inner_->schema(); }
  void StartBatch(const RawBatch& raw) override;
  bool MayBeMessage(std::string_view bytes) override;
  Result<DecodedRows> Decode(const std::vector<Payload>& payloads) override;

  /// Of one decoder: more are refused, for the format's decoder keeps something of each.
  static constexpr std::size_t kMostSchemas = 10'000;

 private:
  /// What stands behind an id.
  struct Known {
    std::shared_ptr<const RegisteredSchema> schema;  ///< Of the right type, or:
    const char* code = nullptr;                      ///< Why messages with it are refused.
    std::string reason;
    bool certain = false;  ///< Refused even where the message might be a bare one.
  };
  /// Parallel to inside_: how its payload was come by.
  struct Opened {
    std::size_t offset = 0;    ///< In arena_, where inflated.
    std::uint32_t origin = 0;  ///< Index of the message among the payloads given.
    std::uint8_t prefix = 0;   ///< Bytes of the message before the payload.
    bool inflated = false;
    bool guessed = false;  ///< It may yet be a bare message...
    bool is_bare = false;  ///< ...and is not what its envelope says: see first_.
  };

  std::optional<Envelope> Recognise(const Payload& payload) const;
  Result<void> Open(const Payload& payload, std::uint32_t origin);
  Result<const Known*> Find(const SchemaId& id);
  Known Judge(const SchemaId& id, SchemaLookup::Answer answer) const;
  Result<std::optional<Reject>> Inflate(const Payload& payload, const Envelope& envelope,
                                        Opened* opened);
  /// Rejects of payloads that were enveloped, with places in their messages.
  void Explain(std::vector<Reject>* rejects) const;
  /// What was no envelope after all is read as bare: whether there is any such.
  bool Reconsider(const std::vector<Payload>& payloads, std::vector<Reject>* rejects);
  void TakeFirstReasons(std::vector<Reject>* rejects);
  std::size_t IndexOf(std::uint32_t record) const;

  const std::unique_ptr<Decoder> inner_;
  const std::shared_ptr<SchemaLookup> lookup_;
  const EnvelopeDecoderOptions options_;
  const bool glue_;  ///< Which envelopes are looked for.
  const bool confluent_;
  const RawBatch* raw_ = nullptr;

  std::map<SchemaId, Known> found_;
  std::map<SchemaId, Known> of_batch_;  ///< What may be found later.
  /// The last ones found, by their last byte: versions of a stream differ there.
  std::array<std::pair<SchemaId, const Known*>, 16> recent_{};
  CodecBuffer arena_;
  std::vector<Payload> inside_;
  std::vector<Opened> opened_;
  std::vector<Reject> first_;  ///< Why guesses were wrong.
  std::vector<Reject> rejects_;
};

}  // namespace sluice
