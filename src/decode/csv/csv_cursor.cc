#include "decode/csv/csv_cursor.h"

#include <algorithm>

namespace sluice {
namespace {

/// Most messages are one window, and the marks of one stay in the first cache.
constexpr std::size_t kWindow = 16 << 10;

constexpr const char* kNothingEscaped = "there is nothing behind the escaper on this line";

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
  if (mark == at_ && mark != end_ && IsQuote(*mark)) {
    // Nearly always the next two marks are the closing quote and the separator behind it.
    const char* const close = base_ + next_[1];
    if (close + 1 < window_end_ && *close == quote_ && close[1] == separator_) {
      cell->text = {at_ + 1, static_cast<std::size_t>(close - at_ - 1)};
      cell->quoted = true;
      cell->escaped = false;
      next_ += 3;
      at_ = close + 2;
      return CsvStop::kSeparator;
    }
    return ReadQuoted(cell);
  }
  cell->quoted = false;
  cell->escaped = false;
  for (; mark != end_; mark = Mark()) {
    if (IsEscaper(*mark)) {
      cell->escaped = true;
      if (!PassEscaped(mark, multi_line_)) return Fail(mark, "csv.escape", kNothingEscaped);
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
  switch (PassQuoted(multi_line_, cell)) {
    case Quoted::kClosed:
      cell->text = {open + 1, static_cast<std::size_t>(Mark() - open - 2)};
      return EndCell(Mark());
    case Quoted::kFollowed:
      return Fail(base_ + next_[-1] + 1, "csv.quote",
                  "a separator or the end of the row should follow this closing quote; quotes "
                  "within a quoted value are doubled");
    case Quoted::kEscape:
      return Fail(Mark(), "csv.escape", kNothingEscaped);
    case Quoted::kOpen:
      break;
  }
  if (multi_line_ || Mark() == end_) return Fail(open, "csv.quote", "this quote is not closed");
  return ReadOpen(open);
}

/// Behind an opening quote. `lines`: line ends are part of the cell. Stops behind the closing
/// quote, or at the mark where the cell cannot go on.
CsvCursor::Quoted CsvCursor::PassQuoted(bool lines, CsvCell* cell) {
  for (;;) {
    const char* const mark = Mark();
    if (mark == end_) return Quoted::kOpen;
    if (IsQuote(*mark)) {
      ++next_;
      const char* const behind = mark + 1;
      if (behind == end_ || *behind == separator_ || IsLineEnd(*behind)) return Quoted::kClosed;
      if (*behind != quote_) return Quoted::kFollowed;
      Mark();
      ++next_;
      cell->escaped = true;
    } else if (IsEscaper(*mark)) {
      cell->escaped = true;
      if (!PassEscaped(mark, lines)) return Quoted::kEscape;
    } else if (IsLineEnd(*mark) && !lines) {
      return Quoted::kOpen;
    } else {
      ++next_;
    }
  }
}

/// At a line end in a quoted cell where rows are lines. Either the cell is closed further down,
/// then the row goes that far; or not, then it ends here. Looks no further than to the next quote
/// that stands alone, and where that does not close the cell, it is the next thing to be read: so
/// no part of a message is looked at more than twice.
CsvStop CsvCursor::ReadOpen(const char* open) {
  const char* const line_end = Mark();
  const char* const base = base_;
  const std::uint32_t* const next = next_;
  CsvCell ignored;
  if (PassQuoted(/*lines=*/true, &ignored) != Quoted::kClosed) {
    if (base_ == base) {
      next_ = next;
    } else {
      window_end_ = line_end;
      NextWindow();
    }
    return Fail(
        open, "csv.quote",
        "this quote is not closed on its line; if values may hold line ends, set multiLine: "
        "true");
  }
  CsvStop stop = EndCell(Mark());
  // Cells further on that go over lines themselves come here too, but no deeper.
  if (skipping_) return stop;
  skipping_ = true;
  while (stop == CsvStop::kSeparator) stop = ReadCell(&ignored);
  skipping_ = false;
  error_ = {
      open, "csv.quote",
      "the cell that this quote opens goes over line ends; if values may, set multiLine: true"};
  return CsvStop::kBad;
}

/// Passes the escaper at the next mark and the character behind it. False: there is none.
bool CsvCursor::PassEscaped(const char* escaper, bool lines) {
  const char* const behind = escaper + 1;
  if (behind == end_ || (IsLineEnd(*behind) && !lines)) return false;
  ++next_;
  if (Mark() == behind) ++next_;
  return true;
}

/// Leaves the cursor at the next row that can be told for sure.
CsvStop CsvCursor::Fail(const char* at, const char* code, const char* reason) {
  error_ = {at, code, reason};
  const char* mark = multi_line_ ? end_ : Mark();
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
