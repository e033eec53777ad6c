// Any bytes as messages of an Avro source with a registry: the first byte picks the `framing` and
// the kind of registry. Every message is rows or one whole reject, and a good neighbour is read.
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "decode/avro/avro_detection.h"
#include "decode/envelope/envelope_decoder.h"
#include "record/schema.h"

namespace {

using sluice::Envelopes;
using sluice::RegisteredSchema;
using sluice::SchemaId;

void Require(bool condition) {
  if (!condition) std::abort();
}

/// Knows an id by its last byte: Avro in two versions, Protobuf, or nothing.
class Finder final : public sluice::SchemaFinder {
 public:
  explicit Finder(bool glue) : glue_(glue) {}

  using Found = sluice::Result<std::shared_ptr<const RegisteredSchema>>;
  Found Find(const SchemaId& id) override {
    const std::uint8_t last = id.kind == SchemaId::Kind::kConfluentId ? id.bytes[3] : id.bytes[15];
    auto schema = std::make_shared<RegisteredSchema>();
    schema->text = last % 2 == 0
                       ? R"({"type":"record","name":"R","fields":[{"name":"a","type":"long"}]})"
                       : R"({"type":"record","name":"R","fields":[{"name":"b","type":"string"}]})";
    if (last == 3) schema->type = RegisteredSchema::Type::kProtobuf;
    if (last > 3) return std::shared_ptr<const RegisteredSchema>();
    return std::shared_ptr<const RegisteredSchema>(std::move(schema));
  }
  Found FindLatest(const std::string&) override {
    return std::shared_ptr<const RegisteredSchema>();
  }
  bool Understands(SchemaId::Kind kind) const override {
    return (kind == SchemaId::Kind::kGlueVersion) == glue_;
  }

 private:
  const bool glue_;
};

std::unique_ptr<sluice::Decoder> MakeDecoder(Envelopes::Framing framing, bool glue) {
  auto lookup = std::make_shared<sluice::SchemaLookup>(
      std::make_unique<Finder>(glue), std::stop_source(), sluice::LookupSettings());
  sluice::EnvelopeDecoderOptions options;
  options.framing = framing;
  options.types = {RegisteredSchema::Type::kAvro};
  options.limits.decompressed_bytes = 1u << 20;
  options.limits.decompressed_free = 1u << 12;
  options.patience = 60'000'000;
  auto inner = sluice::MakeDetectingAvroDecoder(*sluice::ParseDdl("a bigint"), {},
                                                arrow::default_memory_pool());
  return std::make_unique<sluice::EnvelopeDecoder>(*std::move(inner), std::move(lookup), options);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using Framing = Envelopes::Framing;
  static const auto* const decoders = new std::vector<std::unique_ptr<sluice::Decoder>>([] {
    std::vector<std::unique_ptr<sluice::Decoder>> made;
    made.push_back(MakeDecoder(Framing::kAuto, false));
    made.push_back(MakeDecoder(Framing::kAuto, true));
    made.push_back(MakeDecoder(Framing::kConfluent, false));
    made.push_back(MakeDecoder(Framing::kGlue, true));
    return made;
  }());
  if (size < 2) return 0;
  const std::size_t choice = data[0] % decoders->size();
  const std::string good = choice % 2 == 1 ? std::string("\3\0", 2) + std::string(16, '\0') + "\x02"
                                           : std::string(5, '\0') + "\x02";
  const std::vector<sluice::Payload> payloads = {
      {good.data(), good.size(), 0},
      {reinterpret_cast<const char*>(data) + 1, size - 1, 1},
      {good.data(), good.size(), 2}};
  auto out = (*decoders)[choice]->Decode(payloads);
  Require(out.ok());
  Require(out->rows->ValidateFull().ok());
  Require(static_cast<std::int64_t>(out->record_of_row.size()) == out->rows->num_rows());
  bool refused = false;
  for (const sluice::Reject& reject : out->rejects) {
    Require(reject.record == 1);
    Require(!reject.code.empty() && !reject.reason.empty());
    Require(reject.byte >= 0);
    refused |= reject.row == sluice::Reject::kWholeMessage;
  }
  std::size_t of_neighbours = 0;
  for (const std::uint32_t record : out->record_of_row) {
    of_neighbours += record != 1;
    Require(!refused || record != 1);
  }
  if (!out->stopped_at) Require(of_neighbours == 2);
  return 0;
}
