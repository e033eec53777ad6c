/// Which kind of value a text stands for, where nothing declares it (CSV).
///
/// A text counts as a number, date or time only if the value says all that the text does: 0042 is a
/// string, and so is an integer that no bigint holds, a number of more than 17 digits, or a time
/// with more than six digits of its second. Spaces and tabs around a value mean nothing.
#pragma once

#include <string_view>

#include "decode/column_builder.h"
#include "decode/convert.h"
#include "record/observed_type.h"

namespace sluice {

/// kNull for nothing but blanks; kBool for true and false in lower case; kInt64; kDouble, also in
/// scientific notation; kDate for YYYY-MM-DD; kTimestamp with a zone, kTimestampNtz without; else
/// kString.
SeenKind KindOfText(std::string_view text);

bool KeepsLongNumber(std::string_view text);
bool KeepsTime(ColumnKind kind, std::string_view text);

/// Whether a column of this kind keeps all that the text says, if it takes it (text_column.h): what
/// that checks is not looked at again, for this is done for every cell.
inline bool KeepsText(ColumnKind kind, std::string_view text) {
  if (kind == ColumnKind::kString) return true;
  if (text.empty() || text.front() == ' ' || text.front() == '\t') text = TrimBlanks(text);
  const auto zeros_first = [&] {
    const std::size_t sign = !text.empty() && text[0] == '-' ? 1 : 0;
    return (!text.empty() && text[0] == '+') ||
           (text.size() > sign && text[sign] == '0' &&
            (text.size() > sign + 1 ? text[sign + 1] >= '0' && text[sign + 1] <= '9' : sign == 1));
  };
  switch (kind) {
    case ColumnKind::kInt8:
    case ColumnKind::kInt16:
    case ColumnKind::kInt32:
    case ColumnKind::kInt64:
      return !zeros_first();
    case ColumnKind::kFloat:
    case ColumnKind::kDouble:
      // Any fifteen digits are exact.
      return !zeros_first() && (text.size() <= 15 || KeepsLongNumber(text));
    case ColumnKind::kBool:
      return text == "true" || text == "false";
    case ColumnKind::kDate:
      return text.size() == 10;
    case ColumnKind::kTimestamp:
    case ColumnKind::kTimestampNtz:
      return KeepsTime(kind, text);
    default:
      return true;
  }
}

}  // namespace sluice
