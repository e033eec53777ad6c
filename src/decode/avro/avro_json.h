/// JSON as Avro schemas are written in it, with the place of every value.
///
/// A reader of its own because a schema may come out of a hostile file: text, nesting and number of
/// values are capped, keys must not repeat, and mistakes are reported where they stand.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace sluice {

struct AvroJsonMember;

struct AvroJson {
  enum class Kind { kNull, kTrue, kFalse, kNumber, kString, kArray, kObject };

  Kind kind = Kind::kNull;
  std::size_t place = 0;  ///< Where in the text it begins, counted from 0.
  std::string text;       ///< kString: the content; kNumber: as written.
  std::vector<AvroJson> items;
  std::vector<AvroJsonMember> members;

  bool is(Kind wanted) const { return kind == wanted; }
  /// The member of this name, or nullptr.
  const AvroJson* Find(std::string_view name) const;
  /// "an object", "a string", ... for messages.
  const char* Describe() const;
};

struct AvroJsonMember {
  std::string name;
  AvroJson value;
};

/// Errors blame the user, have the code "avro.schema" and end in "at column N" of the text, counted
/// in bytes from 1.
Result<AvroJson> ParseAvroJson(std::string_view text);

/// "MESSAGE, at column N".
Error AvroSchemaError(const std::string& message, std::size_t place);

}  // namespace sluice
