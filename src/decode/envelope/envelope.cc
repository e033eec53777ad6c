#include "decode/envelope/envelope.h"

#include <cstring>

namespace sluice {
namespace {

constexpr std::size_t kUuidBytes = 16;
constexpr std::size_t kIdBytes = 4;
constexpr char kGlueVersionByte = 0x03;
constexpr char kGluePlain = 0x00;
constexpr char kGlueZlib = 0x05;
constexpr char kConfluentId = 0x00;
constexpr char kConfluentGuid = 0x01;

Envelope Named(SchemaId::Kind kind, std::string_view message, std::size_t at, std::size_t size) {
  Envelope envelope;
  envelope.id.kind = kind;
  std::memcpy(envelope.id.bytes.data(), message.data() + at, size);
  envelope.payload = at + size;
  return envelope;
}

}  // namespace

std::optional<Envelope> ParseGlueEnvelope(std::string_view message) {
  constexpr std::size_t kBegin = 2;
  if (message.size() < kBegin + kUuidBytes || message[0] != kGlueVersionByte ||
      (message[1] != kGluePlain && message[1] != kGlueZlib)) {
    return std::nullopt;
  }
  Envelope envelope = Named(SchemaId::Kind::kGlueVersion, message, kBegin, kUuidBytes);
  envelope.zlib = message[1] == kGlueZlib;
  return envelope;
}

std::optional<Envelope> ParseConfluentEnvelope(std::string_view message) {
  if (message.size() < 1 + kIdBytes || message[0] != kConfluentId) return std::nullopt;
  return Named(SchemaId::Kind::kConfluentId, message, 1, kIdBytes);
}

std::optional<Envelope> ParseSchemaIdHeader(std::string_view value) {
  std::optional<Envelope> envelope;
  if (value.size() > kIdBytes && value[0] == kConfluentId) {
    envelope = Named(SchemaId::Kind::kConfluentId, value, 1, kIdBytes);
  } else if (value.size() > kUuidBytes && value[0] == kConfluentGuid) {
    envelope = Named(SchemaId::Kind::kConfluentGuid, value, 1, kUuidBytes);
  }
  if (envelope) envelope->payload = 0;
  return envelope;
}

}  // namespace sluice
