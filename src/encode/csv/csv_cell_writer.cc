#include "encode/csv/csv_cell_writer.h"

#include <arrow/type.h>

#include <utility>

#include "record/value_text.h"

namespace sluice {
namespace {

/// All that numbers, booleans, dates and timestamps are made of.
constexpr std::string_view kValueBytes = "0123456789+-.:abcdefghijklmnopqrstuvwxyzTZNI";

bool IsBlank(char c) { return c == ' ' || c == '\t'; }

void AppendPlainValue(const arrow::Array& column, std::int64_t row, std::string* out) {
  using arrow::Type;
  switch (column.type_id()) {
    case Type::BOOL:
      out->append(static_cast<const arrow::BooleanArray&>(column).Value(row) ? "true" : "false");
      return;
    case Type::INT8:
      return AppendIntegerText(static_cast<const arrow::Int8Array&>(column).Value(row), out);
    case Type::INT16:
      return AppendIntegerText(static_cast<const arrow::Int16Array&>(column).Value(row), out);
    case Type::INT32:
      return AppendIntegerText(static_cast<const arrow::Int32Array&>(column).Value(row), out);
    case Type::INT64:
      return AppendIntegerText(static_cast<const arrow::Int64Array&>(column).Value(row), out);
    case Type::FLOAT:
      return AppendRealText(static_cast<const arrow::FloatArray&>(column).Value(row), out);
    case Type::DOUBLE:
      return AppendRealText(static_cast<const arrow::DoubleArray&>(column).Value(row), out);
    case Type::DECIMAL128:
      return AppendDecimalText(static_cast<const arrow::Decimal128Array&>(column).GetValue(row),
                               static_cast<const arrow::Decimal128Type&>(*column.type()).scale(),
                               out);
    case Type::DATE32:
      return AppendDateText(static_cast<const arrow::Date32Array&>(column).Value(row), out);
    case Type::TIMESTAMP:
      return AppendTimestampText(
          static_cast<const arrow::TimestampArray&>(column).Value(row),
          !static_cast<const arrow::TimestampType&>(*column.type()).timezone().empty(), out);
    default:
      return;  // The check of the schema has refused it.
  }
}

}  // namespace

CsvCellWriter::CsvCellWriter(const CsvDialect& dialect, std::string null_text)
    : dialect_(dialect), null_text_(std::move(null_text)) {
  const auto mark = [this](char c) { special_[static_cast<unsigned char>(c)] = true; };
  mark('\n');
  mark('\r');
  mark(dialect_.separator);
  if (dialect_.quote) mark(*dialect_.quote);
  if (dialect_.escaper) mark(*dialect_.escaper);
  // Without quotes the escaper has a name for it; a reader takes no NUL as it is.
  if (!dialect_.quote) mark('\0');
  for (const char c : kValueBytes) {
    if (special_[static_cast<unsigned char>(c)]) values_are_plain_ = false;
  }
}

bool CsvCellWriter::NeedsQuotes(std::string_view text) const {
  if (text.empty() || text == null_text_) return true;
  // Some readers trim what is not quoted, and all take a byte order mark away from the first cell.
  if (IsBlank(text.front()) || IsBlank(text.back()) || text.front() == '\xef') return true;
  for (const char c : text) {
    if (special_[static_cast<unsigned char>(c)]) return true;
  }
  return false;
}

void CsvCellWriter::AppendQuoted(std::string_view text, std::string* out) const {
  const char quote = *dialect_.quote;
  out->push_back(quote);
  for (const char c : text) {
    if (c == quote || c == dialect_.escaper) out->push_back(dialect_.escaper.value_or(quote));
    out->push_back(c);
  }
  out->push_back(quote);
}

void CsvCellWriter::AppendEscaped(std::string_view text, std::string* out) const {
  for (const char c : text) {
    if (!special_[static_cast<unsigned char>(c)]) {
      out->push_back(c);
      continue;
    }
    // REQUIRES an escaper: without quotes no text is written that has none.
    out->push_back(*dialect_.escaper);
    out->push_back(c == '\n' ? 'n' : c == '\r' ? 'r' : c == '\0' ? '0' : c);
  }
}

void CsvCellWriter::AppendText(std::string_view text, bool force, std::string* out) const {
  if (!dialect_.quote) {
    AppendEscaped(text, out);
  } else if (force || NeedsQuotes(text)) {
    AppendQuoted(text, out);
  } else {
    out->append(text);
  }
}

void CsvCellWriter::AppendValue(const arrow::Array& column, std::int64_t row, std::string* out) {
  if (column.type_id() == arrow::Type::STRING) {
    AppendText(static_cast<const arrow::StringArray&>(column).GetView(row), false, out);
    return;
  }
  if (values_are_plain_ && null_text_.empty()) {
    AppendPlainValue(column, row, out);
    return;
  }
  scratch_.clear();
  AppendPlainValue(column, row, &scratch_);
  AppendText(scratch_, false, out);
}

}  // namespace sluice
