#include "decode/rescued_column.h"

#include <arrow/type.h>

#include <cstring>

#include "core/base64.h"
#include "core/json_text.h"
#include "decode/utf8_text.h"
#include "record/arrow_error.h"
#include "record/known_schema.h"

namespace sluice {
namespace {

constexpr std::size_t kKeptRow = 1 << 20;

}  // namespace

Result<SchemaPtr> WithRescued(const SchemaPtr& known) {
  if (known->GetFieldIndex(kRescuedColumn) >= 0) {
    return BugError(std::string("a detected column is called ") + kRescuedColumn);
  }
  TRY(SchemaPtr with,
      known->AddField(known->num_fields(), arrow::field(kRescuedColumn, arrow::utf8())));
  return with;
}

void BeginRescued(std::string_view path, std::string* row) {
  row->append(row->empty() ? "[{\"path\":" : ",{\"path\":");
  AppendJsonString(path, row);
  row->append(",\"value\":");
}

void EndRescued(std::string_view reason, std::string* row) {
  row->append(",\"reason\":\"");
  row->append(reason);
  row->append("\"}");
}

void RescuedColumn::Add(std::string_view path, std::string_view value, std::string_view reason) {
  if (TooMuch()) return;
  BeginRescued(path, &row_);
  row_.append(value);
  EndRescued(reason, &row_);
}

void RescuedColumn::AddText(std::string_view path, std::string_view text, std::string_view reason) {
  if (TooMuch()) return;
  BeginRescued(path, &row_);
  if (IsUtf8(text)) {
    AppendJsonString(text, &row_);
  } else {
    AppendJsonString(Base64Encode(text), &row_);
  }
  EndRescued(reason, &row_);
}

bool RescuedColumn::FinishRow() {
  if (row_.empty()) return column_->AppendNull();
  row_.push_back(']');
  char* out = column_->ReserveBytes(row_.size());
  if (out == nullptr) return false;
  std::memcpy(out, row_.data(), row_.size());
  message_bytes_ += row_.size();
  const std::size_t size = row_.size();
  row_.clear();
  if (row_.capacity() > kKeptRow) std::string().swap(row_);
  return column_->CommitBytes(size);
}

}  // namespace sluice
