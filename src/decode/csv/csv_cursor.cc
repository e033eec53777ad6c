#include "decode/csv/csv_cursor.h"

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

/// Most messages are one window, and the marks of one stay in the first cache.
constexpr std::size_t kWindow = 16 << 10;

bool IsLineEnd(char c) { return c == '\n' || c == '\r'; }

}  // namespace

CsvCursor::CsvCursor(const CsvDialect& dialect)
    : separator_(dialect.separator),
      quote_(dialect.quote.value_or(dialect.separator)),
      escaper_(dialect.escaper.value_or(dialect.separator)),
      has_quote_(dialect.quote.has_value()),
      has_escaper_(dialect.escaper.has_value()),
      multi_line_(dialect.multi_line),
      indexer_(CsvIndexers().front().index),
      marks_(kWindow + kCsvIndexSlack) {}

void CsvCursor::Open(std::string_view text) {
  at_ = text.data();
  end_ = at_ + text.size();
  window_end_ = at_;
  unclean_ = false;
  NextWindow();
}

void CsvCursor::NextWindow() {
  base_ = window_end_;
  const std::size_t size = std::min(kWindow, static_cast<std::size_t>(end_ - base_));
  window_end_ = base_ + size;
  unclean_ |= indexer_(base_, size, {separator_, quote_, escaper_}, marks_.data()).unclean;
  next_ = marks_.data();
}

/// REQUIRES: at_ is a line end, and the next mark.
void CsvCursor::SkipLineEnd() {
  const char* const mark = Mark();
  ++next_;
  at_ = mark + 1;
  if (*mark == '\r' && at_ != end_ && *at_ == '\n') {
    ++at_;
    Mark();
    ++next_;
  }
}

/// REQUIRES: mark == Mark(), and no byte of the cell that means something stands before it.
CsvStop CsvCursor::EndCell(const char* mark) {
  if (mark != end_ && *mark == separator_) {
    ++next_;
    at_ = mark + 1;
    return CsvStop::kSeparator;
  }
  row_end_ = mark;
  at_ = mark;
  if (mark != end_) SkipLineEnd();
  return CsvStop::kRowEnd;
}

CsvStop CsvCursor::ReadOther(CsvCell* cell) {
  const char* mark = Mark();
  if (mark == at_ && mark != end_ && IsQuote(*mark)) return ReadQuoted(cell);
  cell->quoted = false;
  cell->escaped = false;
  for (; mark != end_; mark = Mark()) {
    if (IsEscaper(*mark)) {
      cell->escaped = true;
      if (!SkipEscaped(mark)) {
        return Fail(mark, "csv.escape", "there is nothing behind the escaper on this line");
      }
    } else if (IsQuote(*mark)) {
      ++next_;
    } else {
      break;
    }
  }
  cell->text = {at_, static_cast<std::size_t>(mark - at_)};
  return EndCell(mark);
}

/// At the opening quote.
CsvStop CsvCursor::ReadQuoted(CsvCell* cell) {
  const char* const open = at_;
  ++next_;
  cell->quoted = true;
  cell->escaped = false;
  for (;;) {
    const char* const mark = Mark();
    if (mark == end_) return FailUnclosed(open);
    if (IsQuote(*mark)) {
      ++next_;
      const char* const behind = mark + 1;
      if (behind != end_ && *behind == quote_) {
        Mark();
        ++next_;
        cell->escaped = true;
        continue;
      }
      cell->text = {open + 1, static_cast<std::size_t>(mark - open - 1)};
      if (behind == end_ || *behind == separator_ || IsLineEnd(*behind)) return EndCell(Mark());
      return Fail(behind, "csv.quote",
                  "a separator or the end of the row should follow this closing quote; quotes "
                  "within a quoted value are doubled");
    }
    if (IsEscaper(*mark)) {
      cell->escaped = true;
      if (!SkipEscaped(mark)) {
        return Fail(mark, "csv.escape", "there is nothing behind the escaper on this line");
      }
    } else if (IsLineEnd(*mark) && !multi_line_) {
      return FailUnclosed(open);
    } else {
      ++next_;
    }
  }
}

/// Passes the escaper at the next mark and the character behind it. False: there is none.
bool CsvCursor::SkipEscaped(const char* escaper) {
  const char* const behind = escaper + 1;
  if (behind == end_ || (IsLineEnd(*behind) && !multi_line_)) return false;
  ++next_;
  if (Mark() == behind) ++next_;
  return true;
}

CsvStop CsvCursor::FailUnclosed(const char* open) {
  return Fail(open, "csv.quote",
              multi_line_
                  ? "this quote is not closed"
                  : "this quote is not closed on its line; if values may hold line ends, set "
                    "multiLine: true");
}

/// Leaves the cursor at the next row that can be told for sure.
CsvStop CsvCursor::Fail(const char* at, const char* code, std::string reason) {
  error_.at = at;
  error_.code = code;
  error_.reason = std::move(reason);
  if (multi_line_) {
    at_ = end_;
    row_end_ = end_;
    return CsvStop::kBad;
  }
  const char* mark = Mark();
  while (mark != end_ && !IsLineEnd(*mark)) {
    ++next_;
    mark = Mark();
  }
  row_end_ = mark;
  at_ = mark;
  if (mark != end_) SkipLineEnd();
  return CsvStop::kBad;
}

std::size_t CsvCursor::Unescape(const CsvCell& cell, char* out) const {
  char* write = out;
  const char* const end = cell.text.data() + cell.text.size();
  for (const char* p = cell.text.data(); p != end; ++p) {
    char c = *p;
    if (IsEscaper(c)) {
      // The cursor has seen that a character follows.
      c = *++p;
      // Glue: "a small set of well-known escapes".
      if (c == 'n') c = '\n';
      if (c == 'r') c = '\r';
      if (c == 't') c = '\t';
      if (c == '0') c = '\0';
    } else if (cell.quoted && IsQuote(c)) {
      ++p;
    }
    *write++ = c;
  }
  return static_cast<std::size_t>(write - out);
}

}  // namespace sluice
