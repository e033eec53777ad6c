/// From a match's offsets to columns.
///
/// One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "decode/column_builder.h"
#include "decode/grok/grok_expander.h"
#include "decode/text_column.h"
#include "record/schema.h"

namespace sluice {

/// The columns of a pattern's fields, in their order: of the type written there, else string;
/// `[a][b]` is field b of a struct column a. A pattern without fields is a user error.
Result<SchemaPtr> SchemaOfGrok(const std::vector<GrokField>& fields);

class GrokColumns {
 public:
  /// Why a line's captures are no row.
  struct Misfit {
    const char* code = "";
    std::string field;
    std::string reason;
    std::size_t byte = 0;  ///< In the line.
  };

  /// Finds each column's field: by its name, else without case. User errors: a column that no field
  /// captures, a column of a type that text cannot become. `slots` turns a group's number into its
  /// slot.
  static Result<std::unique_ptr<GrokColumns>> Make(ColumnBuilder* rows,
                                                   const std::vector<GrokField>& fields,
                                                   const std::vector<int>& slots);

  enum class Outcome { kRow, kMisfit, kNoMemory };
  /// Appends a row, or nothing.
  Outcome Append(std::string_view line, const std::size_t* offsets, Misfit* misfit);

 private:
  struct Column {
    ColumnBuilder* builder = nullptr;
    std::optional<TextColumn> text;  ///< None for a struct.
    int slot = 0;
    std::vector<int> more_slots;   ///< Of the other groups of the field.
    std::vector<Column> children;  ///< Of a struct.
  };

  explicit GrokColumns(ColumnBuilder* rows) : rows_(rows) {}
  static Result<Column> Bind(ColumnBuilder* builder, const std::vector<std::string>& path,
                             const std::vector<GrokField>& fields, const std::vector<int>& slots);
  static bool Captured(const Column& column, const std::size_t* offsets, std::size_t* begin,
                       std::size_t* end);
  static bool AnyCaptured(const Column& column, const std::size_t* offsets);
  TextFit AppendColumn(Column& column);
  TextFit AppendGroup(Column& column);
  TextFit Refuse(const Column& column, TextFit fit, std::string_view text, std::size_t at);

  ColumnBuilder* rows_;
  std::vector<Column> columns_;
  std::string_view line_;
  const std::size_t* offsets_ = nullptr;
  Misfit* misfit_ = nullptr;
};

}  // namespace sluice
