// CsvReader: cells into columns.
#include <utility>

#include "decode/csv/csv_reader.h"
#include "decode/row_limits.h"
#include "decode/text_kind.h"

namespace sluice {

/// After a row's first failure its cells are only counted.
bool CsvReader::AppendCell(TextColumn& column, const CsvCell& cell) {
  if (__builtin_expect(failure_.code != nullptr, 0)) return true;
  const std::string_view text = cell.text;
  if (__builtin_expect(cell.escaped || text.size() > options_.limits.string_bytes, 0)) {
    return AppendSpecial(column, cell);
  }
  // Without a nullValue only empty cells are looked at closer.
  if (__builtin_expect(text.size() <= options_.null_text.size(), 0) && IsNull(column, cell)) {
    return Settle(column.AppendNull(), column, cell, text);
  }
  if (detection_ != nullptr && !KeepsText(column.builder()->kind(), text)) {
    return RescueCell(column, text);
  }
  const TextFit fit = column.Append(text, end_);
  return __builtin_expect(fit == TextFit::kOk, 1) || Settle(fit, column, cell, text);
}

/// What is quoted is no nullValue; but only a text can be empty.
bool CsvReader::IsNull(const TextColumn& column, const CsvCell& cell) const {
  if (cell.quoted) return cell.text.empty() && !column.holds_text();
  return cell.text.empty() || cell.text == options_.null_text;
}

bool CsvReader::AppendSpecial(TextColumn& column, const CsvCell& cell) {
  if (cell.text.size() > options_.limits.string_bytes) {
    Fail(cell.text.data(), "limit.string",
         "a cell is longer than " + std::to_string(options_.limits.string_bytes) + " bytes");
    failure_.field = column.builder()->path();
    return true;
  }
  if (IsNull(column, cell)) return Settle(column.AppendNull(), column, cell, cell.text);
  scratch_.resize(cell.text.size());
  const std::string_view text(scratch_.data(), cursor_.Unescape(cell, scratch_.data()));
  if (detection_ != nullptr && !KeepsText(column.builder()->kind(), text)) {
    return RescueCell(column, text);
  }
  return Settle(column.Append(text, text.data() + text.size()), column, cell, text);
}

/// A column whose cell is not there.
bool CsvReader::AppendMissing(TextColumn& column, const char* at) {
  if (failure_.code != nullptr) return true;
  if (++missing_ > kMaxMissing) {
    return Refuse(at, "limit.missing",
                  "more than " + std::to_string(kMaxMissing) +
                      " cells are missing in the rows of this message");
  }
  CsvCell none;
  none.text = std::string_view(at, at);
  return Settle(column.AppendNull(), column, none, none.text);
}

/// False only if memory ran out; what does not fit fails the row.
bool CsvReader::Settle(TextFit fit, TextColumn& column, const CsvCell& cell,
                       std::string_view text) {
  if (__builtin_expect(fit == TextFit::kOk, 1)) return true;
  if (fit == TextFit::kNoMemory) {
    out_of_memory_ = true;
    return false;
  }
  if (detection_ != nullptr && fit != TextFit::kNull) return RescueCell(column, text);
  Fail(cell.text.data(), TextColumn::CodeOf(fit), column.ReasonFor(fit, text));
  failure_.field = column.builder()->path();
  return true;
}

}  // namespace sluice
