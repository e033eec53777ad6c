/// A column of a flat type that is filled from text: what formats share whose values are all text
/// (CSV, Grok). The rules are those of decode/convert.h; docs/conversions.md is their table.
///
/// Values other than text may have spaces and tabs around them. An empty text is not the same
/// everywhere; the format decides before Append whether it is null.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "decode/column_builder.h"
#include "decode/convert.h"
#include "decode/copy_bytes.h"

namespace sluice {

/// What became of a value. All but kOk and kNoMemory have appended nothing.
enum class TextFit : std::uint8_t {
  kOk,
  kFormat,    ///< It does not have the type's form.
  kOverflow,  ///< It has, but the type cannot hold it.
  kNull,      ///< There is no value, but the column is NOT NULL.
  kNoMemory,
};

/// One thread at a time. Cheap to copy; the builder outlives it.
class TextColumn {
 public:
  /// `epoch`: what an integer in a timestamp column counts since 1970; without it such a value is
  /// refused. A user error names the column if its type is nested.
  static Result<TextColumn> Make(ColumnBuilder* builder, std::optional<EpochUnit> epoch);

  ColumnBuilder* builder() const { return builder_; }
  /// string and binary: an empty text is a value.
  bool holds_text() const { return holds_text_; }

  /// `readable_end`: up to there bytes may be read, though they are not the value's.
  TextFit Append(std::string_view text, const char* readable_end) {
    if (builder_->kind() == ColumnKind::kString) {
      char* out = builder_->ReserveBytes(text.size() + kCopySlack);
      if (__builtin_expect(out == nullptr, 0)) return TextFit::kNoMemory;
      CopyBytes(out, text.data(), text.size(), readable_end);
      return builder_->CommitBytes(text.size()) ? TextFit::kOk : TextFit::kNoMemory;
    }
    return AppendValue(text);
  }
  TextFit AppendNull() {
    if (!builder_->nullable()) return TextFit::kNull;
    return builder_->AppendNull() ? TextFit::kOk : TextFit::kNoMemory;
  }

  /// The reject's code for what did not fit: "convert.format".
  static const char* CodeOf(TextFit fit);
  /// The reject's sentence. REQUIRES: kFormat, kOverflow or kNull, from Append(text).
  std::string ReasonFor(TextFit fit, std::string_view text) const;

 private:
  TextColumn() = default;
  TextFit AppendValue(std::string_view text);
  TextFit AppendTrimmed(std::string_view text);
  template <typename T>
  TextFit AppendInteger(std::string_view text);
  TextFit AppendReal(std::string_view text);
  TextFit AppendTimestamp(std::string_view text);
  template <typename T>
  TextFit Take(Conversion result, T value);

  ColumnBuilder* builder_ = nullptr;
  bool holds_text_ = false;
  int precision_ = 0;  ///< kDecimal
  int scale_ = 0;
  std::optional<EpochUnit> epoch_;
};

}  // namespace sluice
