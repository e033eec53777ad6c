/// Defaults of fields: from JSON to a datum.
#pragma once

#include <cstddef>
#include <string>

#include "core/result.h"
#include "decode/avro/avro_json.h"
#include "decode/avro/avro_schema.h"

namespace sluice {

/// Appends varint-coded values; what encodes defaults, and what tests encode with.
void AppendAvroLong(std::int64_t value, std::string* out);
void AppendAvroBytes(std::string_view bytes, std::string* out);

/// Encodes the defaults of one schema. A record's default that leaves a field out takes the field's
/// own default, so that a small text can stand for a large value: all defaults of a schema share
/// one budget of bytes and steps.
class AvroDefaultEncoder {
 public:
  /// Appends `json` as a datum of `node`. A union takes the first branch that `json` fits.
  Result<void> Encode(const AvroNode& node, const AvroJson& json, std::string* out);

 private:
  Result<void> EncodeValue(const AvroNode& node, const AvroJson& json, int depth, std::string* out);
  Result<void> EncodeRecord(const AvroNode& node, const AvroJson& json, int depth,
                            std::string* out);
  Result<void> EncodeUnion(const AvroNode& node, const AvroJson& json, int depth, std::string* out);
  Result<void> Spend(std::size_t bytes, const AvroJson& json);

  std::size_t spent_ = 0;
};

}  // namespace sluice
