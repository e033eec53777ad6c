/// Stage 3 of reading CSV: the rows of one message into columns.
///
/// The unit of a reject is the row: bytes that are not UTF-8, a NUL, bad quoting, a wrong number of
/// cells or a value that does not fit spoil their own row only. A message is rejected as a whole if
/// it has no row at all, is UTF-16, or if its header cannot be used.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "decode/csv/csv_cursor.h"
#include "decode/csv/csv_header.h"
#include "decode/decoder.h"
#include "decode/detection.h"
#include "record/reject.h"

namespace sluice {

/// What becomes of a row with another number of cells than its header or the schema has columns.
enum class CsvRagged : std::uint8_t {
  kReject,
  kFill,        ///< Missing cells at the end are null; more cells are rejected.
  kFillAndCut,  ///< As Spark has it: missing ones are null, surplus ones are dropped.
};

struct CsvReaderOptions {
  DecodeLimits limits;
  CsvDialect dialect;
  bool with_header = false;
  bool skip_first = false;  ///< The first row, or the first behind the header.
  CsvRagged ragged = CsvRagged::kReject;
  std::string null_text;  ///< An unquoted cell that is null; an empty one always is.
  std::optional<EpochUnit> timestamp_unit;
  /// The last column is `_rescued`: what no column holds goes there instead of spoiling its row.
  bool detect = false;
};

/// One thread at a time.
class CsvReader {
 public:
  /// Appends to `rows`, a ColumnBuilder::ForSchema that outlives the reader. A user error if a
  /// column's type is nested.
  static Result<CsvReader> Make(ColumnBuilder* rows, CsvReaderOptions options);

  /// Forgets the results of earlier messages; the caller has started or finished the columns.
  void StartBatch();

  /// Reads a message. An error only if memory runs out.
  Result<void> ReadMessage(const Payload& payload);
  /// Bytes of columns that the last message filled with nothing: what it left out.
  std::int64_t filled() const { return 8 * missing_; }

  /// Of the batch so far; the same lengths as DecodedRows wants.
  std::vector<std::uint32_t>& record_of_row() { return record_of_row_; }
  std::vector<std::int32_t>& row_in_message() { return row_in_message_; }
  std::vector<Reject>& rejects() { return rejects_; }

  /// See DecodedRows::unseen.
  std::shared_ptr<const ObservedType> TakeUnseen();

  /// Gives memory back that only an unusually large message needed.
  void Trim();

 private:
  struct Failure {
    const char* at = nullptr;
    const char* code = nullptr;  ///< nullptr: none.
    std::string field;
    std::string reason;
  };

  CsvReader(ColumnBuilder* rows, CsvHeader header, CsvReaderOptions options);

  // csv_reader.cc: messages and rows. False if the message cannot go on: failure_ says why, or
  // memory ran out.
  bool ReadRows();
  bool ReadHeader();
  bool BeginsWithLastHeader() const;
  bool SkipFirst();
  bool ReadRow();
  bool CheckCount(std::size_t cells, const char* surplus);
  bool IsUnclean(std::string_view bytes);
  bool FinishRow(const char* begin);
  void RejectMessage(std::int32_t rows, std::size_t rejects);
  /// The row is rejected for this, whatever was found before.
  void Fail(const char* at, const char* code, std::string reason);
  /// The message is rejected.
  bool Refuse(const char* at, const char* code, std::string reason);

  // csv_cells.cc: cells into columns. The same.
  bool AppendCell(TextColumn& column, const CsvCell& cell);
  bool IsNull(const TextColumn& column, const CsvCell& cell) const;
  bool AppendSpecial(TextColumn& column, const CsvCell& cell);
  bool AppendMissing(TextColumn& column, const char* at);
  bool Settle(TextFit fit, TextColumn& column, const CsvCell& cell, std::string_view text);

  // csv_detection.cc: cells that no column holds, when columns are detected.
  void StartDetection();
  std::string NameOf(std::size_t cell) const;
  void RescueUnknown(std::size_t index, const CsvCell& cell);
  bool RescueCell(TextColumn& column, std::string_view text);
  std::string_view TextOf(const CsvCell& cell);
  bool FinishRescued(const char* begin, bool usable);

  ColumnBuilder* rows_;
  CsvReaderOptions options_;
  CsvHeader header_;
  CsvCursor cursor_;

  // The message being read.
  const char* message_ = nullptr;
  const char* end_ = nullptr;
  std::string_view header_bytes_;
  std::uint32_t record_ = 0;
  std::int32_t row_ = 0;
  std::int64_t missing_ = 0;  ///< Cells filled with null because they are not there.
  bool out_of_memory_ = false;
  Failure failure_;

  std::unique_ptr<Detection> detection_;  ///< Null: columns are declared.
  std::vector<std::string> names_;        ///< Of the cells, when columns are detected.

  std::vector<std::uint32_t> record_of_row_;
  std::vector<std::int32_t> row_in_message_;
  std::vector<Reject> rejects_;

  std::string scratch_;      ///< A cell with its escapes undone.
  std::string last_header_;  ///< The header that header_ was made from.
};

}  // namespace sluice
