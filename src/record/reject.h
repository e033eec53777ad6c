/// A row, or a whole message, that could not be used. Not an Error: the job goes on.
#pragma once

#include <cstdint>
#include <string>

namespace sluice {

/// The unit is the row. A message that is invalid as a whole is one reject with row ==
/// kWholeMessage and gives no rows.
struct Reject {
  static constexpr std::int32_t kWholeMessage = -1;

  std::uint32_t record = 0;          ///< Index of the message in its batch.
  std::int32_t row = kWholeMessage;  ///< Index of the row in the message.
  std::int64_t byte = 0;             ///< Where in the (decompressed) message it went wrong.
  std::string code;    ///< Stable: "json.syntax", "convert.overflow". See docs/rejects.md.
  std::string field;   ///< Dotted path of the column; "" if none.
  std::string reason;  ///< A sentence. Types, lengths, names; never the raw value.
  std::string bytes;   ///< The row's own bytes; empty if the message's bytes say it all.
};

}  // namespace sluice
