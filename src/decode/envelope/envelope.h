/// The bytes with which a message names the schema it was written with.
///
///   Glue       03, then 00 (plain) or 05 (zlib), then the 16 bytes of the version's UUID
///   Confluent  00, then the schema's id, 4 bytes, big-endian
///   header     the value of the header `__value_schema_id`: 00 and 4 bytes of an id, or 01 and
///              the 16 bytes of a GUID; the message itself is bare
///
/// Bare Avro may begin with the same bytes: what is read here is a guess until the registry knows
/// the id. Single-object encoding has a fingerprint instead, and is the Avro decoder's.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "record/registered_schema.h"

namespace sluice {

inline constexpr char kSchemaIdHeader[] = "__value_schema_id";

struct Envelope {
  SchemaId id;
  std::size_t payload = 0;  ///< Where in the message the payload begins.
  bool zlib = false;        ///< The payload is a zlib stream.
};

/// Nullopt: the message does not begin so.
std::optional<Envelope> ParseGlueEnvelope(std::string_view message);
std::optional<Envelope> ParseConfluentEnvelope(std::string_view message);
/// Of the value of kSchemaIdHeader; what stands behind the id is for Protobuf.
std::optional<Envelope> ParseSchemaIdHeader(std::string_view value);

}  // namespace sluice
