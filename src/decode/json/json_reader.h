/// Stage 2 of reading JSON: walks over the structure of one message and appends its rows to
/// columns.
///
/// The walk checks all of the grammar, also in values that no column wants, and never looks at a
/// byte twice where it can help it. A row whose values do not fit its columns is taken back and
/// becomes a row reject; a message that is not JSON, or over a limit, is taken back whole.
///
/// Bounds: the walk goes from one structural offset to the next and stops reading at a bracket. If
/// the last structural byte of a message is a closing bracket it can therefore run without end
/// checks, but for one behind each closing bracket; any other message is wrong anyway and is walked
/// in a copy with spaces behind it, only to find out where.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "decode/convert.h"
#include "decode/decoder.h"
#include "decode/detection.h"
#include "decode/json/json_field.h"
#include "decode/json/json_scan.h"
#include "decode/json/structural_index.h"
#include "record/observed_type.h"

namespace sluice {

struct JsonReaderOptions {
  DecodeLimits limits;
  EpochUnit timestamp_unit = EpochUnit::kSeconds;
  std::vector<std::string> path;  ///< Keys to descend before the record or array of records.
  bool path_to_items = false;     ///< The path ends in [*]: what it leads to must be an array.
  /// The last column is `_rescued`: what no column holds goes there instead of spoiling its row.
  bool detect = false;
};

/// One thread at a time.
class JsonReader {
 public:
  /// Appends to `rows`, a ColumnBuilder::ForSchema that outlives the reader.
  JsonReader(ColumnBuilder* rows, JsonReaderOptions options);

  JsonReader(const JsonReader&) = delete;
  JsonReader& operator=(const JsonReader&) = delete;

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
  /// Where a batch's results end before a message: what a bad message is cut back to.
  struct Mark {
    std::int32_t rows;
    std::size_t rejects;
  };

  // json_reader.cc: messages, documents, rows.
  bool ReadDocuments();
  bool ReadDocument();
  bool ReadRows();
  bool ReadRow();
  bool RejectNonObject();
  bool FinishRow(const char* begin, bool usable);
  bool FindPath(const std::uint32_t** value);
  bool FindMember(const std::string& name, const std::uint32_t** value);
  void RejectMessage(const Mark& mark);
  void RejectUnindexed(StructuralIndex::Outcome outcome);

  // json_values.cc: values into columns. All return false if the message cannot go on (failure_
  // says why, or memory ran out); a value that does not fit its column fails only the row.
  // ReadValue appends exactly one value whatever it meets.
  bool ReadValue(JsonField& field);
  bool ReadStruct(JsonField& field);
  bool FillMissing(JsonField& field, std::int32_t row, const char* at);
  bool ReadList(JsonField& field);
  /// `repeated`: entries to leave out because a later one replaces them; nullptr at first.
  bool ReadMap(JsonField& field, const std::vector<bool>* repeated);
  bool ReadString(ColumnBuilder* column, const char* open);
  bool ReadBool(JsonField& field, const char* p);
  bool ReadNumber(JsonField& field, const char* p);
  template <typename T>
  bool AppendInteger(JsonField& field, const JsonNumber& number);
  bool ReadText(JsonField& field, const char* open);
  bool ReadOther(JsonField& field, const char* p);
  bool ReadRaw(JsonField& field, const char* p);

  // json_detection.cc: values that no column holds, when columns are detected. `field` is where
  // the value belongs, or of which it is a member.
  void StartDetection();
  bool RescueMember(const JsonField& field, std::string_view key, std::uint32_t rank);
  bool RescueMisfit(const JsonField& field, const char* at, std::string_view code);
  bool RescueNested(const JsonField& field);
  bool RescueRepeated(const JsonField& field, const JsonField& child, const std::uint32_t* members);
  bool RescueEntry(const JsonField& map, const char* key);
  std::size_t MarkRescued() const;
  void CutRescued(std::size_t mark);
  bool FinishRescued(const char* begin, bool usable);
  bool Observe(ObservedType* into);
  bool ObserveObject(ObservedType* into);
  bool ObserveArray(ObservedType* into);
  bool ObserveScalar(const char* p, ObservedType* into);
  ObservedType* ObservationOf(const JsonField& field);
  std::string PathOf(const JsonField& field) const;
  std::string_view ValueAt(const char* at) const;

  // json_skip.cc: what is common, and values that nobody wants.
  bool Skip();
  bool SkipKey();
  bool CheckString(const char* open);
  bool CheckLiteral(const char* p, std::string_view word);
  bool CheckScalar(const char* p);
  bool Open(const char* p);
  bool Close();
  /// The content of the string that opens at `open`, escapes undone (in scratch_ if there are any).
  bool TextOf(const char* open, std::string_view* out);

  std::string_view RawContent(const char* open) const {
    const char* close = data_ + *next_ - 1;
    while (*close != '"') --close;
    return {open + 1, static_cast<std::size_t>(close - open - 1)};
  }
  std::int64_t PositionOf(const char* at) const { return at - data_ + shift_; }
  bool Syntax(const char* at, const char* reason);
  /// The message is rejected whole.
  bool Refuse(const char* at, const char* code, std::string reason);
  bool OutOfMemory();
  /// Fails the row (the first failure is kept) and appends a null in the value's place.
  bool Misfit(JsonField& field, const char* at, const char* code, std::string reason);
  bool MisfitType(JsonField& field, const char* at);

  struct Failure {
    std::int64_t byte = 0;
    std::string code;
    std::string field;
    std::string reason;
  };

  ColumnBuilder* rows_;
  JsonReaderOptions options_;
  JsonField root_;
  StructuralIndex index_;

  // The message being read.
  const char* data_ = nullptr;
  const char* end_ = nullptr;
  std::int64_t shift_ = 0;               ///< Bytes of the message before data_: a byte order mark.
  const std::uint32_t* next_ = nullptr;  ///< The next structural byte.
  const std::uint32_t* last_ = nullptr;  ///< Behind the last one.
  bool has_escapes_ = false;             ///< There is a backslash somewhere.
  int depth_ = 0;
  std::uint32_t record_ = 0;
  std::int32_t row_ = 0;      ///< Index of the row in the message.
  std::int64_t missing_ = 0;  ///< Fields filled with null so far.
  std::int64_t reread_ = 0;   ///< Bytes of maps read again because keys were repeated.
  bool failed_ = false;       ///< The row does not fit.
  bool out_of_memory_ = false;
  Failure failure_;

  std::unique_ptr<Detection> detection_;  ///< Null: columns are declared.

  std::vector<std::uint32_t> record_of_row_;
  std::vector<std::int32_t> row_in_message_;
  std::vector<Reject> rejects_;

  std::string scratch_;              ///< A string with its escapes undone.
  std::string padded_;               ///< Copy of a message that does not end in a bracket.
  std::string nesting_;              ///< Brackets that Skip has open.
  std::vector<std::int32_t> order_;  ///< Entries of a map, sorted by key.
};

}  // namespace sluice
