/// What a console sink prints of an epoch, and hands to the decision.
///
/// JSON: {"format":1,"rows":3000,"width":20,"full":true,"names":["id"],"right":[true],
///        "cells":[["1"],...]}                                                 of a table, or
///       {"format":1,"rows":3000,"full":false,"lines":["{\"id\":1}",...]}      of JSON lines
#pragma once

#include <arrow/record_batch.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/text_table.h"

namespace sluice {

/// Of the rows that are shown; a token lies in a slot of the log, which is kept for long.
inline constexpr std::size_t kConsoleBytes = 64u << 10;

/// How a console sink shows rows.
struct ConsoleView {
  bool json = false;
  std::int64_t num_rows = 20;
  std::size_t width = 20;  ///< Of a cell, in characters; 0: any. Of tables.
};

/// Add* -> (ToJson -> FromJson) -> Text. One thread.
class ConsoleEpoch {
 public:
  explicit ConsoleEpoch(const ConsoleView& view) : view_(view) {}

  /// Counts the rows, and keeps those that are shown.
  void Add(const arrow::RecordBatch& rows);

  std::int64_t rows() const { return rows_; }
  std::size_t memory() const { return bytes_; }
  /// Rows that are shown.
  std::int64_t shown() const;
  /// Whether fewer are shown than the options ask for, since they are too long.
  bool full() const { return full_; }
  bool json() const { return view_.json; }

  std::string ToJson() const;
  /// A bug-blamed error for anything that ToJson did not write.
  static Result<ConsoleEpoch> FromJson(const std::string& json);

  /// All that is printed; ends with a line break unless it is empty. JSON lines alone have no
  /// header.
  std::string Text(std::int64_t epoch, const std::string& sink) const;

 private:
  bool Keep(const arrow::RecordBatch& rows, std::int64_t row);

  ConsoleView view_;
  std::int64_t rows_ = 0;
  std::size_t bytes_ = 0;
  bool full_ = false;
  TextTable table_;                 ///< Cells cut to little more than the width.
  std::vector<std::string> lines_;  ///< JSON.
};

}  // namespace sluice
