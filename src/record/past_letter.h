/// What a dead letter says of the record it is about.
///
/// A record that is read again out of a dead letter carries that letter along (RawBatch::past), so
/// that a new one, should it be refused again, leads to the same record. docs/dead-letters.md has
/// the columns.
#pragma once

#include <cstdint>
#include <string>

namespace sluice {

/// What the bytes of a dead letter are.
enum class LetterBytes {
  kMessage,  ///< The whole message, as it came.
  kRow,      ///< Of a message of several rows, or a compressed one, only the row.
  kInput,    ///< No message: the row as JSON, as the step or sink read it.
  kLetter,   ///< A dead letter that cannot be understood, as it stands in its file.
};

struct PastLetter {
  std::string source;
  std::string step;
  std::string origin;     ///< JSON; "" if unknown.
  std::int32_t row = -1;  ///< Index in its message; -1 for the whole message.
  std::string bytes;      ///< "" with kInput.
  LetterBytes holds = LetterBytes::kMessage;
  bool truncated = false;  ///< `bytes`, or with kInput `input`, were cut.
  std::string message;     ///< With kRow: all of the message, where the letter has it.
  std::string input;  ///< The row as JSON, as the step or sink read it; "" if the decoder refused.
  std::string columns;  ///< The source's own columns as JSON; "" if it has none.
  /// The record is a whole message that no step has seen any row of. Otherwise a new letter about
  /// it repeats all of the above, since what else was in its message is not to enter again.
  bool whole = false;
};

}  // namespace sluice
