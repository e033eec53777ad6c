/// Runs programs over datums: rows into columns, and what is wrong with them into rejects.
///
/// A datum that breaks the encoding is refused with the whole message, for what follows cannot be
/// found. A value that only does not fit its column costs its row. Nothing that is read is trusted:
/// lengths and counts are held against what is left of the input, items and nulls that take no
/// bytes against a budget of the message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "decode/avro/avro_program.h"
#include "decode/decoder.h"

namespace sluice {

/// One thread at a time. Per message: BeginMessage, ReadRows or Refuse, EndMessage.
class AvroReader {
 public:
  /// Appends to `rows`, a ColumnBuilder::ForSchema that outlives the reader.
  AvroReader(ColumnBuilder* rows, const DecodeLimits& limits);

  /// Forgets the results of earlier messages; the caller has started or finished the columns.
  void StartBatch();

  void BeginMessage(std::uint32_t record);

  /// Reads `count` datums, which must take all bytes of `data`. They stand at byte `place` of the
  /// message; if `inflated` they were compressed there. False if the message cannot be used.
  bool ReadRows(const AvroProgram& program, std::string_view data, std::int64_t count,
                std::size_t place, bool inflated);
  /// Reads `count` datums at the start of `data` and sets `*used` to the bytes they took.
  bool ReadSome(const AvroProgram& program, std::string_view data, std::int64_t count,
                std::size_t place, bool inflated, std::size_t* used);

  /// The message is rejected whole. Always false.
  bool Refuse(std::size_t byte, const char* code, std::string reason);
  /// Takes back what was read of the message so far, to try another way of reading it.
  void Restart();

  bool rejected_rows() const { return rejects_.size() > first_reject_; }

  /// Keeps the message's rows, or turns its failure into a reject. An error only if memory ran out.
  Result<void> EndMessage();

  /// Bytes of columns that the message filled beyond its own; see kMaxSpent.
  std::int64_t spent() const { return spent_; }
  static constexpr std::int64_t kMaxSpent = 128 << 20;

  /// Of the batch so far; the same lengths as DecodedRows wants.
  std::vector<std::uint32_t>& record_of_row() { return record_of_row_; }
  std::vector<std::int32_t>& row_in_message() { return row_in_message_; }
  std::vector<Reject>& rejects() { return rejects_; }

 private:
  struct Failure {
    std::int64_t byte = 0;
    std::string code;
    std::string field;
    std::string reason;
  };

  // avro_reader.cc
  bool ReadDatum(const AvroProgram& program, const std::uint8_t** p);
  bool ReadItems(const AvroProgram& program, const std::uint8_t** p);
  bool ReadRow(const AvroProgram& program, const std::uint8_t** p);
  bool FinishRow(const std::uint8_t* begin, const std::uint8_t* end);
  std::int64_t PositionOf(const std::uint8_t* at) const;

  // avro_values.cc. Each appends exactly one value and returns what is behind it; nullptr if the
  // message cannot go on.
  using Bytes = const std::uint8_t*;
  Bytes Run(const AvroProgram& program, const AvroInstruction* i, const AvroInstruction* stop,
            Bytes p);
  Bytes RunArray(const AvroProgram& program, const AvroInstruction& array,
                 const AvroInstruction* item, Bytes p);
  Bytes RunMap(const AvroProgram& program, const AvroInstruction& map, const AvroInstruction* value,
               Bytes p, const std::vector<bool>* repeated);
  Bytes RunDefault(const AvroProgram& program, const AvroInstruction& instruction,
                   const AvroInstruction* value, Bytes p);
  Bytes ReadText(ColumnBuilder* column, Bytes p);
  Bytes ReadBinary(ColumnBuilder* column, Bytes p);
  Bytes ReadDecimal(const AvroInstruction& instruction, Bytes p);
  Bytes ReadUuid(ColumnBuilder* column, Bytes p);
  Bytes ReadDuration(ColumnBuilder* column, Bytes p);
  Bytes ReadLength(Bytes p, std::int64_t* size);
  /// The head of an array's or map's block: 0 items at the end. `least`: bytes of an item; those
  /// that may have none are charged for. `*behind`: where the block says it ends, or nullptr.
  Bytes ReadBlockHead(Bytes p, std::int64_t least, std::int64_t so_far, std::int64_t* count,
                      Bytes* behind);

  // avro_skip.cc
  Bytes Skip(const AvroNode& node, Bytes p, int depth);
  static constexpr std::int64_t kSkipped = -1;  ///< For ReadBlockHead: they fill no column.
  Bytes SkipItems(const AvroNode& node, Bytes p, int depth);
  Bytes SkipFixed(Bytes p, std::int64_t size);
  Bytes SkipLong(Bytes p);

  Bytes Malformed(Bytes at, std::string reason);
  Bytes MalformedInteger(Bytes at, bool is_long);
  Bytes OverLimit(Bytes at, const char* code, std::string reason);
  Bytes OutOfMemory();
  /// Charges the message for `bytes` of columns that none of its own bytes stand for.
  bool Spend(std::int64_t bytes) {
    spent_ += bytes;
    return __builtin_expect(spent_ <= kMaxSpent, 1);
  }
  Bytes Overspent(Bytes at);
  /// Fails the row (the first failure is kept) and appends a null in the value's place. False only
  /// if memory ran out.
  bool Misfit(ColumnBuilder* column, Bytes at, const char* code, std::string reason);

  ColumnBuilder* rows_;
  DecodeLimits limits_;

  // The message being read.
  std::uint32_t record_ = 0;
  std::size_t first_row_ = 0;     ///< Rows of the batch before the message.
  std::size_t first_reject_ = 0;  ///< Likewise.
  std::int32_t row_ = 0;          ///< Rows of the message so far, rejected ones included.
  std::int64_t spent_ = 0;
  bool refused_ = false;
  bool failed_ = false;  ///< The row does not fit.
  bool out_of_memory_ = false;
  Failure failure_;

  // The datums being read.
  Bytes begin_ = nullptr;
  Bytes end_ = nullptr;
  std::size_t place_ = 0;
  bool inflated_ = false;
  int in_default_ = 0;
  Bytes default_at_ = nullptr;  ///< Where in the input a default is being filled in.

  std::vector<std::uint32_t> record_of_row_;
  std::vector<std::int32_t> row_in_message_;
  std::vector<Reject> rejects_;
  std::vector<std::int32_t> order_;  ///< Entries of a map, sorted by key.
};

}  // namespace sluice
