/// Which kind of value a text stands for, where nothing declares it (CSV).
///
/// A text counts as a number, date or time only if the value says all that the text does: 0042 is a
/// string, and so is an integer that no bigint holds, a number of more than 17 digits, or a time
/// with more than six digits of its second. Spaces and tabs around a value mean nothing.
#pragma once

#include <string_view>

#include "decode/column_builder.h"
#include "record/observed_type.h"

namespace sluice {

/// kNull for nothing but blanks; kBool for true and false in lower case; kInt64; kDouble, also in
/// scientific notation; kDate for YYYY-MM-DD; kTimestamp with a zone, kTimestampNtz without; else
/// kString.
SeenKind KindOfText(std::string_view text);

/// Whether a column of this kind that takes the text (text_column.h) keeps all that it says.
bool KeepsText(ColumnKind kind, std::string_view text);

}  // namespace sluice
