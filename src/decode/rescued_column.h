/// `_rescued`: the values of a row that no column holds, as text.
///
/// A JSON array with an object for each, in the order in which they were met, or null where there
/// is none: {"path":"tags[3]","value":...,"reason":"convert.type"}. `value` is JSON;
/// docs/detection.md says what it is for formats that are not. Reasons are codes of
/// docs/rejects.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "decode/column_builder.h"
#include "record/schema.h"

namespace sluice {

/// One message may have this much rescued, and is rejected beyond: paths may be far longer than the
/// values they lead to.
inline constexpr std::size_t kMaxRescued = 64u << 20;

/// The reject of a message with more than that: code and reason.
inline constexpr char kTooMuchRescued[] = "limit.rescued";
std::string WhyTooMuchRescued();

/// What goes around one value in a row's text, which begins empty and ends with a ']'.
void BeginRescued(std::string_view path, std::string* row);
void EndRescued(std::string_view reason, std::string* row);

/// One value in a row's text, in JSON as it stands there.
struct RescuedValue {
  std::string_view path;  ///< With its quotes.
  std::string_view value;
  std::string_view reason;  ///< Without quotes: a code.
};

/// What the two have written, taken apart; it lives in `row`.
std::vector<RescuedValue> SplitRescued(std::string_view row);
/// The row's text without some of its values, given in order; "" if none is left.
std::string WithoutRescued(std::string_view row, const std::vector<std::size_t>& gone);

/// One thread at a time.
class RescuedColumn {
 public:
  /// `column` is the last of the rows and outlives this; the caller cuts it back with them.
  explicit RescuedColumn(ColumnBuilder* column) : column_(column) {}

  /// `value` is JSON, and taken as it is.
  void Add(std::string_view path, std::string_view value, std::string_view reason);
  /// `text` becomes a JSON string; bytes that are no UTF-8 become the string of their base64.
  void AddText(std::string_view path, std::string_view text, std::string_view reason);

  /// Where in the row this is; Cut takes back what was added behind a mark.
  std::size_t mark() const { return row_.size(); }
  void Cut(std::size_t mark) { row_.resize(mark); }

  void StartMessage() {
    row_.clear();
    message_bytes_ = 0;
  }
  /// Appends what was added since the last row, or null. False: memory ran out.
  bool FinishRow();
  void DropRow() { row_.clear(); }

  /// Of the message so far, without the row that is not finished.
  std::size_t message_bytes() const { return message_bytes_; }
  bool TooMuch() const { return message_bytes_ + row_.size() > kMaxRescued; }

 private:
  ColumnBuilder* const column_;
  std::string row_;
  std::size_t message_bytes_ = 0;
};

/// `known`, then `_rescued`. A bug if it has a column of that name.
Result<SchemaPtr> WithRescued(const SchemaPtr& known);

}  // namespace sluice
