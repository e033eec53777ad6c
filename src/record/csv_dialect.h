/// How CSV is written: the characters that mean something in it.
#pragma once

#include <optional>
#include <string>

#include "core/result.h"

namespace sluice {

struct CsvDialect {
  char separator = ',';
  std::optional<char> quote = '"';
  /// The character behind it is taken as it is, but for \n, \r, \t and \0 (Glue's `escaper`).
  std::optional<char> escaper;
  bool multi_line = false;  ///< A quoted or escaped line end belongs to the value.
};

/// From the options `separator`, `quoteChar` and `escaper` as they are written: one ASCII
/// character, also as `\t`, `\\`, `\u0001` or `\x01`, or a word of Glue's API (comma, ctrla, pipe,
/// semicolon, tab; quote, single_quote). `-1`, `none`, `disabled` and an empty text turn quotes and
/// escapes off. User errors say what is wrong with which option, also where two are the same
/// character.
Result<CsvDialect> ParseCsvDialect(const std::string& separator, const std::string& quote,
                                   const std::string& escaper);

}  // namespace sluice
