#include "decode/csv/csv_reader.h"

#include <arrow/status.h>

#include <cstring>
#include <utility>

#include "decode/row_limits.h"
#include "decode/utf8_text.h"
#include "record/arrow_error.h"

namespace sluice {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::size_t kKeptScratch = 1 << 20;
constexpr std::size_t kMaxCells = 10'000;

bool IsUtf16(std::string_view text) {
  return text.substr(0, 2) == "\xff\xfe" || text.substr(0, 2) == "\xfe\xff";
}

std::string Count(std::size_t count, const char* noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

}  // namespace

Result<CsvReader> CsvReader::Make(ColumnBuilder* rows, CsvReaderOptions options) {
  std::vector<TextColumn> columns;
  const std::size_t hidden = options.detect ? 1 : 0;
  for (std::size_t i = 0; i + hidden < rows->num_children(); ++i) {
    TRY(TextColumn column, TextColumn::Make(rows->child(i), options.timestamp_unit));
    columns.push_back(column);
  }
  return CsvReader(rows, CsvHeader(std::move(columns)), std::move(options));
}

CsvReader::CsvReader(ColumnBuilder* rows, CsvHeader header, CsvReaderOptions options)
    : rows_(rows),
      options_(std::move(options)),
      header_(std::move(header)),
      cursor_(options_.dialect) {
  if (options_.detect) StartDetection();
}

void CsvReader::StartBatch() {
  record_of_row_.clear();
  row_in_message_.clear();
  rejects_.clear();
}

void CsvReader::Trim() {
  for (std::string* scratch : {&scratch_, &last_header_}) {
    if (scratch->capacity() > kKeptScratch) std::string().swap(*scratch);
  }
}

Result<void> CsvReader::ReadMessage(const Payload& payload) {
  const auto rows = static_cast<std::int32_t>(rows_->length());
  const std::size_t rejects = rejects_.size();
  record_ = payload.record;
  row_ = 0;
  missing_ = 0;
  failure_.code = nullptr;
  if (detection_ != nullptr) detection_->StartMessage();
  message_ = payload.data;
  end_ = message_ + payload.size;
  std::string_view text(payload.data, payload.size);
  if (text.substr(0, 3) == kByteOrderMark) text.remove_prefix(3);
  cursor_.Open(text);
  if (ReadRows()) {
    // A row reject repeats the row's bytes only where the message holds others.
    if (row_ == 1 && rejects_.size() > rejects) rejects_.back().bytes.clear();
    if (detection_ != nullptr) detection_->Keep();
    return {};
  }
  if (out_of_memory_) {
    out_of_memory_ = false;
    rows_->Truncate(rows);
    return FromArrow(arrow::Status::OutOfMemory("decoding a CSV message"));
  }
  RejectMessage(rows, rejects);
  return {};
}

bool CsvReader::ReadRows() {
  if (IsUtf16({message_, static_cast<std::size_t>(end_ - message_)})) {
    return Refuse(message_, "csv.encoding",
                  "the message begins with a byte order mark of UTF-16; CSV is read as UTF-8");
  }
  cursor_.SkipEmptyLines();
  if (cursor_.AtEnd()) return Refuse(message_, "csv.empty", "the message has no rows");
  if (options_.with_header && !ReadHeader()) return false;
  if (options_.skip_first && !SkipFirst()) return false;
  for (cursor_.SkipEmptyLines(); !cursor_.AtEnd(); cursor_.SkipEmptyLines()) {
    if (!ReadRow()) return false;
  }
  return true;
}

/// Whether the message goes on with the row that header_ was made from.
bool CsvReader::BeginsWithLastHeader() const {
  const std::string_view rest(cursor_.at(), static_cast<std::size_t>(end_ - cursor_.at()));
  if (last_header_.empty() || rest.substr(0, last_header_.size()) != last_header_) return false;
  const std::string_view behind = rest.substr(last_header_.size());
  return behind.empty() || behind[0] == '\n' || behind[0] == '\r';
}

bool CsvReader::ReadHeader() {
  const char* const begin = cursor_.at();
  const bool known = BeginsWithLastHeader();
  std::vector<std::string> names;
  std::size_t cells = 0;
  CsvCell cell;
  for (CsvStop stop = CsvStop::kSeparator; stop == CsvStop::kSeparator; ++cells) {
    stop = cursor_.ReadCell(&cell);
    if (stop == CsvStop::kBad) {
      return Refuse(cursor_.error().at, cursor_.error().code,
                    std::string("in the header: ") + cursor_.error().reason);
    }
    if (known || cells > kMaxCells) continue;
    names.emplace_back(cell.text);
    if (cell.escaped) names.back().resize(cursor_.Unescape(cell, names.back().data()));
  }
  header_bytes_ = {begin, static_cast<std::size_t>(cursor_.row_end() - begin)};
  if (known) return true;
  last_header_.clear();
  if (cells > kMaxCells) {
    return Refuse(begin, "limit.cells",
                  "the header has " + std::to_string(cells) + " cells; the limit is " +
                      std::to_string(kMaxCells));
  }
  if (cursor_.unclean() && IsUnclean(header_bytes_)) return false;
  if (detection_ != nullptr) {
    header_.TakeNames(names);
    names_ = std::move(names);
  } else if (auto wrong = header_.UseNames(names)) {
    return Refuse(begin, "csv.header", *wrong);
  }
  last_header_ = header_bytes_;
  return true;
}

/// Passes a row, whatever is in it.
bool CsvReader::SkipFirst() {
  cursor_.SkipEmptyLines();
  CsvCell cell;
  while (!cursor_.AtEnd() && cursor_.ReadCell(&cell) == CsvStop::kSeparator) {
  }
  cursor_.SkipEmptyLines();
  if (!cursor_.AtEnd()) return true;
  return Refuse(message_, "csv.empty", "the message has no rows but what skipFirst skips");
}

bool CsvReader::ReadRow() {
  const char* const begin = cursor_.at();
  TextColumn* const* const columns = header_.cells().data();
  const std::size_t wanted = header_.cells().size();
  const char* surplus = nullptr;
  failure_.code = nullptr;
  CsvCell cell;
  std::size_t cells = 0;
  for (CsvStop stop = CsvStop::kSeparator; stop == CsvStop::kSeparator; ++cells) {
    stop = cursor_.ReadCell(&cell);
    if (__builtin_expect(stop == CsvStop::kBad, 0)) {
      Fail(cursor_.error().at, cursor_.error().code, cursor_.error().reason);
      return FinishRow(begin);
    }
    if (__builtin_expect(cells < wanted, 1)) {
      if (columns[cells] != nullptr) {
        if (!AppendCell(*columns[cells], cell)) return false;
      } else if (detection_ != nullptr) {
        RescueUnknown(cells, cell);
      }
    } else {
      if (cells == wanted) surplus = cell.text.data();
      if (detection_ != nullptr && cells < kMaxCells) RescueUnknown(cells, cell);
    }
  }
  if (__builtin_expect(cells != wanted, 0) && !CheckCount(cells, surplus)) return false;
  for (TextColumn* column : header_.absent()) {
    if (!AppendMissing(*column, begin)) return false;
  }
  const std::string_view bytes(begin, static_cast<std::size_t>(cursor_.row_end() - begin));
  if (__builtin_expect(cursor_.unclean(), 0)) IsUnclean(bytes);
  if (options_.with_header && bytes == header_bytes_) {
    Fail(begin, "csv.header", "the row repeats the header");
  }
  return FinishRow(begin);
}

/// A row of another length than it should have. That is what is wrong with it, whatever else its
/// cells, now in the wrong columns, seemed to be.
bool CsvReader::CheckCount(std::size_t cells, const char* surplus) {
  const std::size_t wanted = header_.cells().size();
  // Without a header the row itself says how many columns there are.
  const bool found = detection_ != nullptr && !options_.with_header;
  const bool accepted = found || (cells < wanted ? options_.ragged != CsvRagged::kReject
                                                 : options_.ragged == CsvRagged::kFillAndCut);
  if (cells > kMaxCells) {
    Fail(surplus, "limit.cells",
         "the row has " + std::to_string(cells) + " cells; the limit is " +
             std::to_string(kMaxCells));
  } else if (!accepted) {
    Fail(surplus != nullptr ? surplus : cursor_.row_end(), "csv.cells",
         "expected " + Count(wanted, "cell") + ", found " + std::to_string(cells));
  }
  for (std::size_t i = cells; i < wanted; ++i) {
    TextColumn* column = header_.cells()[i];
    if (column != nullptr && !AppendMissing(*column, cursor_.row_end())) return false;
  }
  return true;
}

/// Fails the row, whatever else is wrong with it, if its bytes are no text.
bool CsvReader::IsUnclean(std::string_view bytes) {
  const void* nul = std::memchr(bytes.data(), '\0', bytes.size());
  if (nul != nullptr) {
    Fail(static_cast<const char*>(nul), "csv.nul",
         "there is a NUL in the row; CSV is read as UTF-8 text");
    return true;
  }
  if (IsUtf8(bytes)) return false;
  Fail(bytes.data() + FindInvalidUtf8(bytes), "csv.utf8", "the row is not valid UTF-8");
  return true;
}

bool CsvReader::FinishRow(const char* begin) {
  const std::int32_t row = row_++;
  const auto rows = record_of_row_.size();
  if (static_cast<std::size_t>(row) >= options_.limits.items) {
    return Refuse(begin, "limit.items",
                  "the message has more than " + std::to_string(options_.limits.items) + " rows");
  }
  const bool usable = failure_.code == nullptr;
  if (detection_ != nullptr && !FinishRescued(begin, usable)) return false;
  if (__builtin_expect(usable, 1)) {
    rows_->CloseStruct();
    record_of_row_.push_back(record_);
    if (row != 0 && row_in_message_.empty()) row_in_message_.resize(rows, 0);
    if (row != 0 || !row_in_message_.empty()) row_in_message_.push_back(row);
    return true;
  }
  rows_->Truncate(static_cast<std::int32_t>(rows));
  if (rejects_.size() >= kMaxRowRejects &&
      rejects_[rejects_.size() - kMaxRowRejects].record == record_) {
    return Refuse(begin, "limit.rejects",
                  "more than " + std::to_string(kMaxRowRejects) +
                      " rows of this message were rejected; this one: " + failure_.reason);
  }
  Reject reject;
  reject.record = record_;
  reject.row = row;
  reject.byte = failure_.at - message_;
  reject.code = failure_.code;
  reject.field = std::move(failure_.field);
  reject.reason = std::move(failure_.reason);
  reject.bytes.assign(begin, cursor_.row_end());
  rejects_.push_back(std::move(reject));
  return true;
}

void CsvReader::RejectMessage(std::int32_t rows, std::size_t rejects) {
  rows_->Truncate(rows);
  record_of_row_.resize(static_cast<std::size_t>(rows));
  if (!row_in_message_.empty()) row_in_message_.resize(static_cast<std::size_t>(rows));
  rejects_.resize(rejects);
  Reject reject;
  reject.record = record_;
  reject.byte = failure_.at - message_;
  reject.code = failure_.code;
  reject.reason = std::move(failure_.reason);
  rejects_.push_back(std::move(reject));
}

void CsvReader::Fail(const char* at, const char* code, std::string reason) {
  failure_.at = at;
  failure_.code = code;
  failure_.field.clear();
  failure_.reason = std::move(reason);
}

bool CsvReader::Refuse(const char* at, const char* code, std::string reason) {
  Fail(at, code, std::move(reason));
  return false;
}

}  // namespace sluice
