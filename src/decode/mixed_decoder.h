/// The decoder of mixed_format.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "decode/decoder.h"

namespace sluice {

class MixedDecoder final : public Decoder {
 public:
  struct Part {
    std::string name;  ///< Of the format.
    std::unique_ptr<Decoder> decoder;
    std::vector<RegisteredSchema::Type> registered_as = {};
    /// Its columns are its own and are brought into those of all (decode/conform.h); else it has
    /// them already.
    bool conforms = false;
    ObservedType own = {};  ///< What it then shows.
  };

  /// All parts but those that conform have the columns `schema`. `known`: without `_rescued`, for
  /// those that conform.
  MixedDecoder(SchemaPtr schema, SchemaPtr known, std::vector<Part> parts)
      : schema_(std::move(schema)), known_(std::move(known)), parts_(std::move(parts)) {}

  const SchemaPtr& schema() const override { return schema_; }
  bool MayBeMessage(std::string_view bytes) override;
  Result<DecodedRows> Decode(const std::vector<Payload>& payloads) override;

 private:
  static bool MayRead(const Part& part, const Payload& payload);
  Result<DecodedRows> DecodePart(Part* part, const std::vector<Payload>& payloads);

  SchemaPtr schema_;
  SchemaPtr known_;
  std::vector<Part> parts_;
};

}  // namespace sluice
