/// One cell of CSV: quoted or escaped so that it reads back as it was.
#pragma once

#include <arrow/array.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "record/csv_dialect.h"

namespace sluice {

/// One thread. Allocates nothing once its scratch text has grown.
class CsvCellWriter {
 public:
  CsvCellWriter(const CsvDialect& dialect, std::string null_text);

  void AppendNull(std::string* out) const { out->append(null_text_); }
  /// `force`: quoted also where it need not be. REQUIRES: force only with a quote.
  void AppendText(std::string_view text, bool force, std::string* out) const;
  /// REQUIRES: not null, of a type that CSV can hold.
  void AppendValue(const arrow::Array& column, std::int64_t row, std::string* out);

 private:
  void AppendQuoted(std::string_view text, std::string* out) const;
  void AppendEscaped(std::string_view text, std::string* out) const;
  bool NeedsQuotes(std::string_view text) const;

  const CsvDialect dialect_;
  const std::string null_text_;
  std::array<bool, 256> special_{};  ///< What must not stand in a cell as it is.
  bool values_are_plain_ = true;     ///< Nothing that numbers and dates are made of is special.
  std::string scratch_;
};

}  // namespace sluice
