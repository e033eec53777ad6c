/// Text cases: what `sluice test` runs, the project's and the user's.
///
/// A case is lines of a key and a value. A line that begins with white space continues the value
/// above it (joined by a line feed, leading white space dropped); '#' at the start of a line is a
/// comment; empty lines mean nothing. A decode case, `*.case`:
///
///   classification json    the format; required
///   schema id bigint, ...  DDL
///   set key=value          an option of the format
///   in {"id": 7}           a message; further forms below
///   out {"id": 7}          a row, in order; white space between JSON tokens does not count
///   reject 2: TEXT         message 2 (from 1) is refused, and TEXT occurs in what is shown of the
///                          reject, "CODE FIELD: REASON (byte N)"; `reject 2.3:` names the row too
///   error TEXT             the decoder cannot be made, and TEXT occurs in the error
///
/// Messages: `in TEXT` as it stands, without white space at its end; `in.text` with the escapes \n
/// \r \t \0 \xHH and a doubled backslash; `in.hex` digits and spaces; `in.file` a path beside the
/// case; `in.null` a tombstone. A pipeline case, `*.pipe`: see pipe_case.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"

namespace sluice {

struct CaseLine {
  int line = 0;  ///< From 1.
  int last = 0;  ///< Of its last continuation.
  std::string key;
  std::string value;
};

struct CaseMessage {
  int line = 0;
  bool tombstone = false;
  std::string bytes;
};

struct CaseText {
  int line = 0;
  std::string text;
};

struct CaseReject {
  int line = 0;
  std::int64_t message = 0;  ///< From 1.
  std::int64_t row = -1;     ///< From 1; -1 if not given.
  std::string text;
};

struct DecodeCase {
  std::string path;
  std::string classification;
  std::optional<std::string> schema;
  std::vector<std::pair<std::string, std::string>> options;
  std::vector<CaseMessage> messages;
  std::vector<CaseText> rows;
  std::vector<CaseReject> rejects;
  std::optional<CaseText> error;
  std::vector<CaseLine> lines;
};

/// Errors here and below are the user's and begin with "PATH:LINE: ".
Result<std::vector<CaseLine>> SplitCase(const std::string& path, std::string_view text);
Result<DecodeCase> ParseDecodeCase(const std::string& path, std::string_view text);

Error CaseError(const std::string& path, int line, const std::string& message);
/// `key` is "in" or "in.FORM"; `value` what follows. Reads the file of `in.file`.
Result<CaseMessage> ParseCaseMessage(const std::string& path, int line, const std::string& key,
                                     const std::string& value);
/// "N: TEXT" or "N.R: TEXT".
Result<CaseReject> ParseCaseReject(const std::string& path, int line, const std::string& value);
/// "key=value".
Result<std::pair<std::string, std::string>> ParseCaseOption(const std::string& path, int line,
                                                            const std::string& value);

/// The first word, and what follows the white space behind it.
std::pair<std::string, std::string> SplitWord(const std::string& text);

/// A row for comparing: no white space between tokens.
std::string CompactJson(std::string_view json);
/// A row for reading: one space after ',' and ':'.
std::string SpacedJson(std::string_view json);

/// `text` without the lines of `dropped` (sorted), and with `inserted` (line to stand behind, text)
/// put in.
std::string RewriteCase(std::string_view text, const std::vector<CaseLine>& dropped,
                        const std::vector<std::pair<int, std::string>>& inserted);

}  // namespace sluice
