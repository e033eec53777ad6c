/// Cuts messages into lines, matches each and appends its row.
///
/// One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "decode/decoder.h"
#include "decode/grok/grok_columns.h"
#include "decode/grok/grok_expander.h"
#include "decode/grok/grok_regex.h"

namespace sluice {

class GrokReader {
 public:
  /// All of these outlive the reader.
  GrokReader(ColumnBuilder* rows, const ExpandedGrok* grok, GrokRegex* regex, GrokColumns* columns,
             const DecodeLimits& limits);

  /// Forgets the results of earlier messages; the caller has started or finished the columns.
  void StartBatch(std::size_t messages);

  /// Reads a message. An error only if memory runs out.
  Result<void> ReadMessage(const Payload& payload);
  /// Bytes of columns that the last message may have filled with nothing: every capture is empty.
  std::int64_t filled() const {
    return 8 * row_ * static_cast<std::int64_t>(rows_->num_children());
  }

  /// Of the batch so far, as DecodedRows wants them.
  std::vector<std::uint32_t>& record_of_row() { return record_of_row_; }
  std::vector<std::int32_t>& row_in_message() { return row_in_message_; }
  std::vector<Reject>& rejects() { return rejects_; }

 private:
  bool ReadLine(std::string_view line);
  void RejectLine(std::string_view line, std::size_t byte, const char* code, std::string field,
                  std::string reason);
  void RejectUnmatched(std::string_view line);
  void RejectMessage(std::int64_t byte, const char* code, std::string reason);

  ColumnBuilder* rows_;
  const ExpandedGrok* grok_;
  GrokRegex* regex_;
  GrokColumns* columns_;
  DecodeLimits limits_;

  // The message being read.
  const char* data_ = nullptr;
  std::uint32_t record_ = 0;
  std::int32_t row_ = 0;        ///< Index of the line among those that are not empty.
  std::int32_t first_row_ = 0;  ///< Where the message's rows begin.
  std::size_t first_reject_ = 0;
  int explained_ = 0;  ///< Lines whose reject says how far they got.
  int exhausted_ = 0;  ///< Lines that took too much work.
  GrokColumns::Misfit misfit_;

  std::vector<std::uint32_t> record_of_row_;
  std::vector<std::int32_t> row_in_message_;
  std::vector<Reject> rejects_;
};

}  // namespace sluice
