/// Stage 2 of reading CSV: from one cell of a message to the next.
///
/// The grammar is RFC 4180's, with what the world has added: any mix of LF, CRLF and CR ends a row;
/// a quote that is not the cell's first byte is text; an escaper makes the character behind it
/// text, in quotes and without. White space is part of a cell, so quotes behind it are text. Two
/// quotes in a quoted cell are one. What follows a closing quote must be a separator or the row's
/// end.
///
/// Indexes the message in windows, so that memory does not grow with it.
///
/// Without `multi_line` a row is a line, and a quote left open spoils its line and nothing else.
/// But where the next quote is one that could close it, on a later line, all that lies between is
/// taken for the bad row, or its tail would pass for rows. With `multi_line` the rows behind a
/// mistake cannot be told, and are not read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "decode/csv/csv_index.h"
#include "record/csv_dialect.h"

namespace sluice {

struct CsvCell {
  std::string_view text;  ///< Without the quotes around it.
  bool quoted = false;
  bool escaped = false;  ///< Doubled quotes or escapes are to be undone: CsvCursor::Unescape.
};

/// What stands behind a cell.
enum class CsvStop : std::uint8_t {
  kSeparator,
  kRowEnd,
  kBad,  ///< There is no cell, error() says why; the cursor stands at the next row to be read.
};

struct CsvError {
  const char* at = nullptr;
  const char* code = "";
  const char* reason = "";
};

/// One thread at a time.
class CsvCursor {
 public:
  explicit CsvCursor(const CsvDialect& dialect);

  /// Begins to read `text`, which must stay.
  void Open(std::string_view text);

  bool AtEnd() const { return at_ == end_; }
  const char* at() const { return at_; }
  /// Skips empty lines; behind it AtEnd() or a row.
  void SkipEmptyLines() {
    while (at_ != end_ && (*at_ == '\n' || *at_ == '\r')) SkipLineEnd();
  }

  /// The next cell of the row. REQUIRES: !AtEnd() if it is the row's first.
  [[gnu::always_inline]] CsvStop ReadCell(CsvCell* cell) {
    // Nearly always the next mark is the separator behind an unquoted cell.
    const char* const mark = base_ + *next_;
    if (__builtin_expect(mark != window_end_ && *mark == separator_, 1)) {
      cell->text = {at_, static_cast<std::size_t>(mark - at_)};
      cell->quoted = false;
      cell->escaped = false;
      at_ = mark + 1;
      ++next_;
      return CsvStop::kSeparator;
    }
    return ReadOther(cell);
  }

  /// Behind kRowEnd or kBad: where the row ended, its line end left out.
  const char* row_end() const { return row_end_; }
  const CsvError& error() const { return error_; }

  /// Whether a byte of what was read so far is not ASCII, or NUL.
  bool unclean() const { return unclean_; }

  /// Writes the cell's text with quotes and escapes undone to `out`, which has room for its size,
  /// and returns how much that is.
  std::size_t Unescape(const CsvCell& cell, char* out) const;

 private:
  enum class Quoted : std::uint8_t { kClosed, kFollowed, kOpen, kEscape };

  CsvStop ReadOther(CsvCell* cell);
  CsvStop ReadQuoted(CsvCell* cell);
  Quoted PassQuoted(bool lines, CsvCell* cell);
  CsvStop ReadOpen(const char* open);
  CsvStop EndCell(const char* mark);
  CsvStop Fail(const char* at, const char* code, const char* reason);
  /// The next mark, from the next window if this one is used up; the end of the text if there is
  /// none.
  const char* Mark() {
    const char* mark = base_ + *next_;
    while (mark == window_end_ && mark != end_) {
      NextWindow();
      mark = base_ + *next_;
    }
    return mark;
  }
  bool PassEscaped(const char* escaper, bool lines);
  void SkipLineEnd();
  void NextWindow();
  bool IsQuote(char c) const { return has_quote_ && c == quote_; }
  bool IsEscaper(char c) const { return has_escaper_ && c == escaper_; }

  char separator_;
  char quote_;
  char escaper_;
  bool has_quote_;
  bool has_escaper_;
  bool multi_line_;
  CsvIndexer indexer_;
  std::vector<std::uint32_t> marks_;

  const char* end_ = nullptr;
  const char* at_ = nullptr;    ///< Where the next cell begins.
  const char* base_ = nullptr;  ///< The window that marks_ is of.
  const char* window_end_ = nullptr;
  const std::uint32_t* next_ = nullptr;  ///< The first mark not passed.
  const char* row_end_ = nullptr;
  bool unclean_ = false;
  bool skipping_ = false;  ///< The rest of a bad row, which goes over lines.
  CsvError error_;
};

}  // namespace sluice
