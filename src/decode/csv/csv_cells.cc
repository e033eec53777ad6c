// CsvReader: cells into columns.
#include <utility>

#include "decode/csv/csv_reader.h"

namespace sluice {
namespace {

constexpr std::int64_t kMaxMissing = 16'000'000;

}  // namespace

/// After a row's first failure its cells are only counted.
bool CsvReader::AppendCell(TextColumn& column, const CsvCell& cell) {
  if (__builtin_expect(failure_.code != nullptr, 0)) return true;
  const std::string_view text = cell.text;
  if (__builtin_expect(cell.quoted || cell.escaped || text.size() > options_.limits.string_bytes,
                       0)) {
    return AppendSpecial(column, cell);
  }
  if (text.empty() || (text.size() == options_.null_text.size() && text == options_.null_text)) {
    return Settle(column.AppendNull(), column, cell, text);
  }
  const TextFit fit = column.Append(text, end_);
  return __builtin_expect(fit == TextFit::kOk, 1) || Settle(fit, column, cell, text);
}

bool CsvReader::AppendSpecial(TextColumn& column, const CsvCell& cell) {
  std::string_view text = cell.text;
  if (text.size() > options_.limits.string_bytes) {
    Fail(text.data(), "limit.string",
         "a cell is longer than " + std::to_string(options_.limits.string_bytes) + " bytes");
    failure_.field = column.builder()->path();
    return true;
  }
  // What is quoted is no nullValue; but only a text can be empty.
  const bool null = cell.quoted ? text.empty() && !column.holds_text() : text == options_.null_text;
  if (null) return Settle(column.AppendNull(), column, cell, text);
  const char* readable_end = end_;
  if (cell.escaped) {
    scratch_.resize(text.size());
    text = {scratch_.data(), cursor_.Unescape(cell, scratch_.data())};
    readable_end = text.data() + text.size();
  }
  return Settle(column.Append(text, readable_end), column, cell, text);
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
  none.text = {at, 0};
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
  Fail(cell.text.data(), TextColumn::CodeOf(fit), column.ReasonFor(fit, text));
  failure_.field = column.builder()->path();
  return true;
}

}  // namespace sluice
