/// A line of a dead-letter file, read back. docs/dead-letters.md has the columns.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"
#include "record/past_letter.h"

namespace sluice {

struct Letter {
  std::string job;
  std::int64_t epoch = 0;
  std::string time;
  std::string code;
  std::string field;
  std::string reason;
  PastLetter about;

  /// Whether the decoder refused it, and no step or sink has seen it.
  bool of_decoder() const;
};

/// Reads every version there has been, and says of one that is damaged ("replay.damaged") or of a
/// newer version ("replay.version") what is wrong with it; never with a value of it.
Result<Letter> ParseLetter(std::string_view line);

}  // namespace sluice
