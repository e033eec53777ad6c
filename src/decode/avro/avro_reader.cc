// AvroReader: messages, datums, rows.
#include "decode/avro/avro_reader.h"

#include <arrow/status.h>
#include <arrow/util/utf8.h>

#include <utility>

#include "decode/avro/avro_varint.h"
#include "decode/row_limits.h"
#include "record/arrow_error.h"

namespace sluice {
AvroReader::AvroReader(ColumnBuilder* rows, const DecodeLimits& limits)
    : rows_(rows), limits_(limits) {
  arrow::util::InitializeUTF8();
}

void AvroReader::StartBatch() {
  record_of_row_.clear();
  row_in_message_.clear();
  rejects_.clear();
}

void AvroReader::BeginMessage(std::uint32_t record) {
  record_ = record;
  first_row_ = record_of_row_.size();
  first_reject_ = rejects_.size();
  row_ = 0;
  spent_ = 0;
  refused_ = false;
}

void AvroReader::Restart() {
  rows_->Truncate(static_cast<std::int32_t>(first_row_));
  record_of_row_.resize(first_row_);
  if (!row_in_message_.empty()) row_in_message_.resize(first_row_);
  rejects_.resize(first_reject_);
  row_ = 0;
  spent_ = 0;
  refused_ = false;
}

Result<void> AvroReader::EndMessage() {
  if (!refused_) {
    // A row reject repeats the row's bytes only where the message holds others.
    if (row_ == 1 && rejects_.size() > first_reject_) rejects_.back().bytes.clear();
    return {};
  }
  Restart();
  if (out_of_memory_) {
    out_of_memory_ = false;
    return FromArrow(arrow::Status::OutOfMemory("decoding an Avro message"));
  }
  Reject reject;
  reject.record = record_;
  reject.byte = failure_.byte;
  reject.code = std::move(failure_.code);
  reject.field = std::move(failure_.field);
  reject.reason = std::move(failure_.reason);
  rejects_.push_back(std::move(reject));
  return {};
}

bool AvroReader::Refuse(std::size_t byte, const char* code, std::string reason) {
  refused_ = true;
  failure_ = {static_cast<std::int64_t>(byte), code, "", std::move(reason)};
  return false;
}

std::int64_t AvroReader::PositionOf(Bytes at) const {
  if (in_default_ > 0) at = default_at_;
  return static_cast<std::int64_t>(place_) + (inflated_ ? 0 : at - begin_);
}

bool AvroReader::ReadRows(const AvroProgram& program, std::string_view data, std::int64_t count,
                          std::size_t place, bool inflated) {
  std::size_t used = 0;
  if (!ReadSome(program, data, count, place, inflated, &used)) return false;
  if (used == data.size()) return true;
  Malformed(begin_ + used, std::to_string(data.size() - used) + " bytes are left behind the data");
  return false;
}

bool AvroReader::ReadSome(const AvroProgram& program, std::string_view data, std::int64_t count,
                          std::size_t place, bool inflated, std::size_t* used) {
  begin_ = reinterpret_cast<Bytes>(data.data());
  end_ = begin_ + data.size();
  place_ = place;
  inflated_ = inflated;
  in_default_ = 0;
  Bytes p = begin_;
  for (; count > 0; --count) {
    if (!ReadDatum(program, &p)) return false;
  }
  *used = static_cast<std::size_t>(p - begin_);
  return true;
}

bool AvroReader::ReadDatum(const AvroProgram& program, Bytes* p) {
  return program.root() == AvroRoot::kRecords ? ReadItems(program, p) : ReadRow(program, p);
}

/// An array of records: a row each.
bool AvroReader::ReadItems(const AvroProgram& program, Bytes* p) {
  for (;;) {
    std::int64_t count;
    Bytes behind;
    *p = ReadBlockHead(*p, program.least_row_bytes(), row_, &count, &behind);
    if (*p == nullptr) return false;
    if (count == 0) return true;
    for (; count > 0; --count) {
      if (!ReadRow(program, p)) return false;
    }
    if (behind != nullptr && behind != *p) {
      Malformed(*p, "a block of the array has another size than it says");
      return false;
    }
  }
}

bool AvroReader::ReadRow(const AvroProgram& program, Bytes* p) {
  const Bytes begin = *p;
  failed_ = false;
  *p = Run(program, program.begin(), program.end(), begin);
  return *p != nullptr && FinishRow(begin, *p);
}

bool AvroReader::FinishRow(Bytes begin, Bytes end) {
  const std::int32_t row = row_++;
  if (static_cast<std::size_t>(row) >= limits_.items) {
    OverLimit(begin, "limit.items",
              "the message has more than " + std::to_string(limits_.items) + " records");
    return false;
  }
  const auto rows = record_of_row_.size();
  if (!failed_) {
    record_of_row_.push_back(record_);
    if (row != 0 && row_in_message_.empty()) row_in_message_.resize(rows, 0);
    if (row != 0 || !row_in_message_.empty()) row_in_message_.push_back(row);
    return true;
  }
  rows_->Truncate(static_cast<std::int32_t>(rows));
  if (rejects_.size() - first_reject_ >= kMaxRowRejects) {
    OverLimit(begin, "limit.rejects",
              "more than " + std::to_string(kMaxRowRejects) +
                  " records of this message were rejected; this one: " + failure_.reason);
    return false;
  }
  Reject reject;
  reject.record = record_;
  reject.row = row;
  reject.byte = failure_.byte;
  reject.code = std::move(failure_.code);
  reject.field = std::move(failure_.field);
  reject.reason = std::move(failure_.reason);
  reject.bytes.assign(reinterpret_cast<const char*>(begin), static_cast<std::size_t>(end - begin));
  rejects_.push_back(std::move(reject));
  return true;
}

AvroReader::Bytes AvroReader::Malformed(Bytes at, std::string reason) {
  return OverLimit(at, "avro.datum", std::move(reason));
}

AvroReader::Bytes AvroReader::MalformedInteger(Bytes at, bool is_long) {
  const bool cut = end_ - at < (is_long ? 10 : 5);
  return Malformed(
      at, cut ? "the data ends within a number, or the number is too long"
              : std::string("this number has more than ") + (is_long ? "64" : "32") + " bits");
}

AvroReader::Bytes AvroReader::OverLimit(Bytes at, const char* code, std::string reason) {
  Refuse(static_cast<std::size_t>(PositionOf(at)), code, std::move(reason));
  return nullptr;
}

AvroReader::Bytes AvroReader::OutOfMemory() {
  refused_ = true;
  out_of_memory_ = true;
  return nullptr;
}

AvroReader::Bytes AvroReader::Overspent(Bytes at) {
  return OverLimit(at, "limit.missing",
                   "defaults, nulls and symbols would fill more than " +
                       std::to_string(kMaxSpent >> 20) + " MiB for this message");
}

bool AvroReader::Misfit(ColumnBuilder* column, Bytes at, const char* code, std::string reason) {
  if (!failed_) {
    failed_ = true;
    failure_ = {PositionOf(at), code, column->path(), std::move(reason)};
  }
  if (column->AppendNull()) return true;
  OutOfMemory();
  return false;
}

}  // namespace sluice
